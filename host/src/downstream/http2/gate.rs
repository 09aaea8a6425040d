//! Watches over what passes between a client's socket and `h2`.
//!
//! `h2` bounds what a client makes it hold, but knows no time, and answers frames that move nothing for as long as they come. The gate
//! looks at the frames in place, in `h2`'s own buffer. Where a client goes too far it lets nothing else pass, and the
//! [`Oversight`] says why.

mod sending;
mod write;

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use pointsman_core::counts::ResetSide;
use tokio::io::{AsyncRead, ReadBuf};

use super::fault::GateFault;
use super::frames::{Frames, Owed};
use super::long_blocks::LongBlocks;
use super::oversight::Oversight;
use crate::deadline::{Deadline, Deadlines};
use crate::downstream::{ClientConnection, Farewell};
use crate::stream::Stream;
use sending::Sending;

/// A client's socket behind its gate.
#[derive(Debug)]
pub struct Gate {
    stream: Stream,
    connection: Rc<ClientConnection>,
    deadlines: Deadlines,
    /// Read before it was known that the client speaks HTTP/2.
    already_read: Bytes,
    frames: Frames,
    /// What the client must end, and until when.
    owed: Owed,
    receive: Deadline,
    sending: Sending,
    farewell: Option<Farewell>,
    oversight: Rc<Oversight>,
}

impl Gate {
    /// Puts a gate before a connection, of which the preface, or its beginning, may have been read.
    pub fn new(
        stream: Stream,
        connection: Rc<ClientConnection>,
        deadlines: Deadlines,
        already_read: Bytes,
        long_blocks: Rc<LongBlocks>,
    ) -> Self {
        let receive = deadlines.deadline();
        receive.set(connection.limits.header_timeout);
        Self {
            stream,
            connection,
            deadlines,
            already_read,
            frames: Frames::of_client(long_blocks),
            owed: Owed::Greeting,
            receive,
            sending: Sending::default(),
            farewell: None,
            oversight: Rc::default(),
        }
    }

    /// What tells of this gate when `h2` holds it.
    #[must_use]
    pub fn oversight(&self) -> Rc<Oversight> {
        Rc::clone(&self.oversight)
    }

    /// Nothing passes any more. Who serves the connection is woken to see it.
    fn refuse(&self, fault: GateFault, cx: &Context<'_>) {
        self.oversight.set_fault(fault);
        self.receive.clear();
        cx.waker().wake_by_ref();
    }

    /// Bytes have come.
    fn follow(&mut self, input: &[u8]) -> Result<(), GateFault> {
        let counts = self.connection.reports.count();
        counts.received_bytes.add(input.len() as u64);
        let found = |code| counts.http2.reset(ResetSide::Client, code);
        self.oversight.received.borrow_mut().advance(input, found);
        self.frames.advance(input, self.deadlines.now())?;
        let owed = self.frames.owed();
        if owed != self.owed {
            self.owed = owed;
            match owed {
                Owed::Nothing => self.receive.clear(),
                // More of the same doesn't extend it.
                Owed::Greeting | Owed::Rest(_) => self.receive.set(self.connection.limits.header_timeout),
            }
        }
        Ok(())
    }

    fn poll_read_unwatched(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.already_read.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let step = self.already_read.len().min(buf.remaining());
        buf.put_slice(&self.already_read[..step]);
        self.already_read.advance(step);
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Gate {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.oversight.fault().is_some() {
            return Poll::Pending;
        }
        let start = buf.filled().len();
        if this.poll_read_unwatched(cx, buf)?.is_pending() {
            if this.owed == Owed::Nothing {
                return Poll::Pending;
            }
            ready!(this.receive.poll(cx));
            let is_greeting = this.owed == Owed::Greeting;
            this.refuse(if is_greeting { GateFault::PrefaceTimeout } else { GateFault::HeaderTimeout }, cx);
            return Poll::Pending;
        }
        if let Err(fault) = this.follow(&buf.filled()[start..]) {
            buf.set_filled(start);
            this.refuse(fault, cx);
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests;
