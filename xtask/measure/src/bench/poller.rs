//! Waiting for sockets, and for a moment that may be microseconds away.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// Events taken at a time.
const BATCH: usize = 512;

/// An epoll instance.
#[derive(Debug)]
pub(crate) struct Poller {
    epoll: OwnedFd,
}

/// Something happened on a socket.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ready {
    /// What the socket was added with.
    pub(crate) token: u64,
    /// The peer has sent its last byte.
    pub(crate) ended: bool,
}

/// What was ready, kept to be used again.
pub(crate) struct Events(Vec<epoll::Event>);

impl Default for Events {
    fn default() -> Self {
        Self(Vec::with_capacity(BATCH))
    }
}

impl Events {
    /// What was ready.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Ready> {
        self.0.iter().map(|event| {
            let flags = event.flags;
            let ended = flags.intersects(EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR);
            Ready { token: event.data.u64(), ended }
        })
    }
}

impl Poller {
    /// Makes one.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { epoll: epoll::create(CreateFlags::CLOEXEC)? })
    }

    /// Watches a connection, edge-triggered: nothing has to be changed as long as it lives.
    pub(crate) fn add(&self, connection: impl AsFd, token: u64) -> io::Result<()> {
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        Ok(epoll::add(&self.epoll, connection, EventData::new_u64(token), flags)?)
    }

    /// Watches a listening socket, level-triggered.
    pub(crate) fn add_listener(&self, listener: impl AsFd, token: u64) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, listener, EventData::new_u64(token), EventFlags::IN)?)
    }

    /// Waits until something is ready, or for about a time: to the millisecond, with one system call.
    pub(crate) fn wait_about(&self, events: &mut Events, time: Duration) -> io::Result<()> {
        self.look(events, time).map(|_| ())
    }

    /// Waits until something is ready, or until a moment: to the microsecond.
    pub(crate) fn wait_until(&self, events: &mut Events, until: Instant) -> io::Result<()> {
        if self.look(events, Duration::ZERO)? {
            return Ok(());
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        // epoll_wait counts in milliseconds; ppoll in nanoseconds.
        let ready = poll(&mut [PollFd::new(&self.epoll, PollFlags::IN)], Some(&timespec(left)));
        match ready {
            Ok(0) | Err(Errno::INTR) => Ok(()),
            Ok(_) => self.look(events, Duration::ZERO).map(|_| ()),
            Err(error) => Err(error.into()),
        }
    }

    fn look(&self, events: &mut Events, time: Duration) -> io::Result<bool> {
        events.0.clear();
        match epoll::wait(&self.epoll, spare_capacity(&mut events.0), Some(&timespec(time))) {
            Ok(ready) => Ok(ready > 0),
            Err(Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

fn timespec(time: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(time.subsec_nanos()),
    }
}
