//! What goes out through the gate: watched for clients that don't take it, and followed by a farewell.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pointsman_core::counts::ResetSide;
use tokio::io::AsyncWrite;

use super::Gate;
use crate::downstream::Farewell;

impl Gate {
    /// Watches over a write: a client that takes nothing for too long, or too little, is gone.
    fn poll_sent<T>(&mut self, cx: &Context<'_>, sent: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        let (deadline, limits) = (&self.connection.send, &self.connection.limits);
        if sent.is_ready() {
            if self.sending.pace.is_waiting() {
                self.sending.pace.stop_waiting(self.deadlines.now());
                deadline.clear();
                self.oversight.set_blocked(false);
            }
            return sent;
        }
        self.oversight.set_blocked(true);
        let until = self.sending.pace.wait(self.deadlines.now(), limits.send_timeout, limits.min_send_rate);
        deadline.set_at(until);
        ready!(deadline.poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Watches over a write of these bytes.
    fn poll_written<'a>(
        &mut self,
        cx: &Context<'_>,
        written: Poll<io::Result<usize>>,
        bufs: impl IntoIterator<Item = &'a [u8]>,
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = &written {
            self.sending.count(*bytes);
            let counts = self.connection.reports.count();
            counts.sent_bytes.add(*bytes as u64);
            let (mut left, mut resets) = (*bytes, self.oversight.sent.borrow_mut());
            for buf in bufs {
                let taken = buf.len().min(left);
                left -= taken;
                resets.advance(&buf[..taken], |code| counts.http2.reset(ResetSide::Proxy, code));
            }
            drop(resets);
            self.frames.sent(*bytes);
        }
        self.poll_sent(cx, written)
    }
}

impl AsyncWrite for Gate {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.poll_written(cx, written, [buf])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.poll_written(cx, written, bufs.iter().map(|buf| &**buf))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let flushed = Pin::new(&mut this.stream).poll_flush(cx);
        let flushed = this.poll_sent(cx, flushed);
        if flushed.is_ready() {
            this.sending.flushed(&this.connection.limits);
        }
        flushed
    }

    /// Tells the client that nothing more comes, and takes in what it still sends until it has left.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let farewell = this.farewell.get_or_insert_with(|| Farewell::begin(&this.receive));
        farewell.poll(&mut this.stream, &this.receive, cx).map(Ok)
    }
}
