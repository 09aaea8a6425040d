//! What goes out through the gate: watched for clients that don't take it, and never cut off in a way that looks whole.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use tokio::io::AsyncWrite;

use super::Gate;
use crate::downstream::pace::Pace;

impl Gate {
    /// The response in progress ends with the connection. If it is cut off, be it because the process dies, a plain close would
    /// make it look whole: so from now on every close is a reset, until all of it is [sent](Self::all_sent).
    #[cold]
    fn reset_on_close(&mut self) {
        self.sending.resets = self.stream.set_reset_on_close(true).is_ok();
    }

    /// hyper has nothing more to send.
    pub fn all_sent(&mut self) {
        // Unless it has given up in the middle of a write.
        if self.sending.resets && !self.sending.is_waiting() {
            let _ = self.stream.set_reset_on_close(false);
        }
        self.sending.is_over = !self.sending.is_waiting();
    }

    /// A client may send its body without waiting for permission. hyper doesn't read before the body is asked for, but flushes
    /// whenever it is polled.
    #[cold]
    fn look_for_body(&mut self, cx: &mut Context<'_>) {
        // Also if it has left: who reads on sees that.
        if self.stream.poll_peek(cx).is_ready()
            && let Some(context) = self.intake.receiving()
        {
            context.body_comes();
            cx.waker().wake_by_ref();
        }
    }

    /// Watches over a write: a client that takes nothing for too long, or too little, is gone.
    fn poll_sent(&mut self, cx: &Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        let (deadline, limits, pace) =
            (&self.connection.send, &self.connection.limits, &mut self.sending.pace);
        if let Poll::Ready(sent) = written {
            if pace.is_waiting() {
                pace.stop_waiting(self.deadlines.now());
                deadline.clear();
            }
            if let Ok(bytes) = &sent {
                pace.count(*bytes);
                self.connection.reports.count().sent_bytes.add(*bytes as u64);
            }
            return Poll::Ready(sent);
        }
        if !pace.is_waiting() && self.intake.queue.take_begun() {
            // What went into the system's buffers until now says nothing about the client.
            *pace = Pace::default();
        }
        let until = pace.wait(self.deadlines.now(), limits.send_timeout, limits.min_send_rate);
        deadline.set_at(self.intake.queue.response_end().map_or(until, |end| end.min(until)));
        ready!(deadline.poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl Gate {
    /// Sends interim responses to their end. They begin only when hyper has nothing left to send, and before it has the response that they
    /// belong to, so they stand between two messages.
    #[cold]
    fn poll_interim(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.sending.interim.is_empty() {
            let written = Pin::new(&mut self.stream).poll_write(cx, &self.sending.interim);
            let bytes = ready!(self.poll_sent(cx, written))?;
            if bytes == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sending.interim.advance(bytes);
        }
        Poll::Ready(Ok(()))
    }

    /// Watches over the flush of a stream that holds what the socket doesn't take: it is over when the client has taken it.
    fn poll_flushed(&mut self, cx: &Context<'_>, flushed: Poll<io::Result<()>>) -> Poll<io::Result<()>> {
        if flushed.is_ready() && !self.sending.is_waiting() {
            return flushed;
        }
        self.poll_sent(cx, flushed.map_ok(|()| 0)).map_ok(|_| ())
    }
}

impl AsyncWrite for Gate {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.intake.queue.take_end_by_close() {
            self.reset_on_close();
        }
        if !self.sending.interim.is_empty() {
            ready!(self.poll_interim(cx))?;
        }
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.poll_sent(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.intake.queue.take_end_by_close() {
            self.reset_on_close();
        }
        if !self.sending.interim.is_empty() {
            ready!(self.poll_interim(cx))?;
        }
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.poll_sent(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper has written all that it had.
        if self.sending.interim.is_empty() {
            self.sending.interim = self.intake.queue.take_interim();
        }
        if !self.sending.interim.is_empty() {
            ready!(self.poll_interim(cx))?;
        }
        if self.intake.receiving().is_some_and(|context| context.awaits_body()) {
            self.look_for_body(cx);
        }
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if self.stream.is_buffered() {
            return self.poll_flushed(cx, flushed);
        }
        flushed
    }

    /// Does nothing: the close that follows ends the connection just as well, and for one system call less. Where the client
    /// may still be sending, the one who closes ends our side first.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
