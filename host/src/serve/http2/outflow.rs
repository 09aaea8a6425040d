//! What the streams of a connection give to h2 while its socket takes nothing: little, whatever the windows of the client allow.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};

use super::settings::SEND_BUFFER;
use crate::stream::LONGEST_PIECE;

/// What streams give to h2 before it has written again, bytes, give or take a stream's share: all that h2 holds when the socket stands
/// still.
const MOST_GIVEN: usize = 512 << 10;

/// What the streams of a connection read ahead from their backends, bytes, all together. A stream alone reads as much as hyper does.
const READ_AHEAD: usize = 64 * LONGEST_PIECE;

/// The data of a connection's responses on its way into h2.
///
/// A stream whose window is open could fill its buffer in h2 at any time. With a hundred streams that is a lot, and each piece keeps
/// the whole buffer alive that it was read into. So streams take turns: first come, first served, none while the socket stands still.
#[derive(Debug, Default)]
pub(super) struct Outflow {
    /// The socket takes nothing.
    blocked: Cell<bool>,
    /// Bytes given since h2 last had the chance to write.
    given: Cell<usize>,
    /// Bytes that those may give who were called, and haven't yet.
    reserved: Cell<usize>,
    /// Streams that the client has open.
    streams: Cell<usize>,
    /// Who waits for a turn, in this order; `None` = has gone.
    waiting: RefCell<VecDeque<Option<Waker>>>,
    /// The number of the next one that comes to wait.
    next: Cell<u64>,
}

impl Outflow {
    /// h2 has written what it could.
    pub(super) fn written(&self, blocked: bool) {
        self.blocked.set(blocked);
        if !blocked {
            self.given.set(0);
        }
    }

    /// There are so many streams.
    pub(super) fn set_streams(&self, streams: usize) {
        self.streams.set(streams);
    }

    /// Wakes those whose turn it is.
    pub(super) fn call(&self) {
        while self.has_room() {
            let Some(first) = self.waiting.borrow_mut().pop_front() else { return };
            if let Some(waker) = first {
                self.reserved.set(self.reserved.get() + SEND_BUFFER);
                waker.wake();
            }
        }
    }

    fn has_room(&self) -> bool {
        !self.blocked.get() && self.given.get() + self.reserved.get() < MOST_GIVEN
    }

    /// A newcomer's number.
    fn join(&self, waker: Waker) -> u64 {
        self.waiting.borrow_mut().push_back(Some(waker));
        self.next.replace(self.next.get() + 1)
    }

    /// The place of a number among those that wait. `None` = it was called.
    fn place(&self, number: u64) -> Option<usize> {
        let first = self.next.get() - self.waiting.borrow().len() as u64;
        usize::try_from(number.checked_sub(first)?).ok()
    }

    /// A stream's share of what is read ahead.
    fn read_ahead(&self) -> usize {
        READ_AHEAD >> self.streams.get().next_power_of_two().trailing_zeros()
    }
}

/// A stream's turn to give data to h2.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    outflow: &'a Outflow,
    state: State,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// As long as nobody waits, all may give.
    Free,
    /// It has this number.
    Waiting(u64),
    /// It was called, and may give so many bytes.
    Called(usize),
}

impl<'a> Turn<'a> {
    pub(super) fn new(outflow: &'a Outflow) -> Self {
        Self { outflow, state: State::Free }
    }

    /// Ready while the stream may give data. It has to be polled with the same waker all its life.
    pub(super) fn poll(&mut self, cx: &Context<'_>) -> Poll<()> {
        match self.state {
            State::Free if self.outflow.has_room() && self.outflow.waiting.borrow().is_empty() => {}
            State::Free => {
                self.state = State::Waiting(self.outflow.join(cx.waker().clone()));
                return Poll::Pending;
            }
            State::Waiting(number) if self.outflow.place(number).is_some() => return Poll::Pending,
            State::Waiting(_) => self.state = State::Called(SEND_BUFFER),
            State::Called(_) => {}
        }
        Poll::Ready(())
    }

    /// The stream has given data.
    pub(super) fn count(&mut self, bytes: usize) {
        let outflow = self.outflow;
        outflow.given.set(outflow.given.get() + bytes);
        if let State::Called(left) = &mut self.state {
            let reserved = bytes.min(*left);
            *left -= reserved;
            outflow.reserved.set(outflow.reserved.get() - reserved);
        }
    }

    /// The stream has nothing to give, or no room for it. Its next turn comes after those of the others; if it waits for one, it may.
    pub(super) fn end(&mut self) {
        let left = match self.state {
            State::Called(left) => left,
            State::Waiting(number) if self.outflow.place(number).is_none() => SEND_BUFFER,
            State::Free | State::Waiting(_) => return,
        };
        self.outflow.reserved.set(self.outflow.reserved.get() - left);
        self.state = State::Free;
    }

    /// The most that it reads from its backend at a time, with room for so many bytes.
    pub(super) fn longest_read(&self, room: usize) -> usize {
        self.outflow.read_ahead().max(room)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let State::Waiting(number) = self.state
            && let Some(place) = self.outflow.place(number)
        {
            self.outflow.waiting.borrow_mut()[place] = None;
        }
        self.end();
    }
}
