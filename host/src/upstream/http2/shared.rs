//! The connections of one worker to one backend over HTTP/2.

use std::cell::{Cell, RefCell};
use std::ops::Deref;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use pointsman_core::backend::{Backend, BackendStats};
use pointsman_core::clock::Moment;
use tokio::sync::Notify;

use super::connection::Http2Connection;
use crate::upstream::Error;

/// The connections that the requests of a worker to a backend share, and those who wait for room on one.
#[derive(Debug)]
pub(in crate::upstream) struct SharedConnections {
    all: RefCell<Vec<Rc<Http2Connection>>>,
    /// Those that end with their streams, as another worker waits for one.
    given_up: RefCell<Vec<Weak<Http2Connection>>>,
    /// The backend's numbers, which say whether another worker waits.
    stats: Arc<BackendStats>,
    /// Most connections that are kept without streams.
    idle_limit: Cell<usize>,
    /// A request is opening another one, which others wait for.
    opening: Cell<bool>,
    /// Requests that wait.
    waiting: Cell<usize>,
    /// Told when there is room for a stream, or for the request that opens the next connection.
    room: Rc<Notify>,
    /// How often a connection couldn't be opened, and why the last time.
    failures: RefCell<(u64, Option<Error>)>,
    /// The backend has last chosen HTTP/1.1, where it may choose.
    chooses_http1: Cell<bool>,
}

/// A stream's place on a connection, which is another's when this is dropped.
#[derive(Debug)]
pub(in crate::upstream) struct StreamSlot {
    connection: Rc<Http2Connection>,
    home: Rc<SharedConnections>,
    /// The connection had answered before, and waited for nothing when this stream came.
    pub(super) was_idle: bool,
}

/// A request that waits for room.
pub(in crate::upstream) struct Waiting<'a>(&'a SharedConnections);

/// A request that opens a connection.
pub(in crate::upstream) struct Opening<'a>(&'a SharedConnections);

impl SharedConnections {
    /// No connections to the backend yet; keeps at most `idle_limit` without streams.
    pub(in crate::upstream) fn new(backend: &Backend, idle_limit: usize) -> Self {
        Self {
            all: RefCell::default(),
            given_up: RefCell::default(),
            stats: Arc::clone(&backend.stats),
            idle_limit: Cell::new(idle_limit),
            opening: Cell::new(false),
            waiting: Cell::new(0),
            room: Rc::default(),
            failures: RefCell::default(),
            chooses_http1: Cell::new(false),
        }
    }

    /// Whether the backend has last chosen HTTP/1.1.
    pub(in crate::upstream) fn chooses_http1(&self) -> bool {
        self.chooses_http1.get()
    }

    /// The backend has chosen HTTP/1.1: nobody has anything to wait for here.
    pub(in crate::upstream) fn choose_http1(&self) {
        self.chooses_http1.set(true);
        self.room.notify_waiters();
    }

    /// A place for a stream, if a connection has one and nobody waits for it.
    pub(in crate::upstream) fn take(self: &Rc<Self>) -> Option<StreamSlot> {
        if self.waiting.get() > 0 { None } else { self.take_next(false) }
    }

    /// The same for one who has waited: on the connection with the fewest streams. `may_grow` = another connection may be opened, for which
    /// the next one that waits is woken.
    pub(in crate::upstream) fn take_next(self: &Rc<Self>, may_grow: bool) -> Option<StreamSlot> {
        let mut all = self.all.borrow_mut();
        // What takes nothing new ends with its streams.
        all.retain(|connection| connection.is_open());
        let with_room = all.iter().filter(|connection| connection.has_room());
        let connection = with_room.min_by_key(|connection| connection.streams())?;
        let slot = StreamSlot::new(Rc::clone(connection), Rc::clone(self));
        // One that is woken for nothing loses its turn.
        if self.waiting.get() > 0 && (may_grow || all.iter().any(|connection| connection.has_room())) {
            self.room.notify_one();
        }
        Some(slot)
    }

    /// Whether a connection has room, be it for those who wait.
    pub(in crate::upstream) fn has_room(&self) -> bool {
        self.all.borrow().iter().any(|connection| connection.is_open() && connection.has_room())
    }

    /// Whether there is no connection that takes streams, now or later.
    pub(in crate::upstream) fn is_empty(&self) -> bool {
        !self.all.borrow().iter().any(|connection| connection.is_open())
    }

    /// Another connection, and a place on it.
    pub(in crate::upstream) fn add(self: &Rc<Self>, connection: Rc<Http2Connection>) -> StreamSlot {
        self.chooses_http1.set(false);
        let slot = StreamSlot::new(Rc::clone(&connection), Rc::clone(self));
        self.all.borrow_mut().push(connection);
        self.room.notify_one();
        slot
    }

    /// A stream of this connection is over.
    pub(in crate::upstream) fn left(&self, connection: &Rc<Http2Connection>) {
        let wanted = self.stats.connections_wanted();
        if wanted > 0 {
            self.give_up(usize::try_from(wanted).unwrap_or(usize::MAX));
        } else if connection.streams() == 0 {
            let mut all = self.all.borrow_mut();
            let idle = all.iter().filter(|connection| connection.streams() == 0).count();
            if idle > self.idle_limit.get() && self.waiting.get() == 0 {
                all.retain(|kept| !Rc::ptr_eq(kept, connection));
            }
        }
        if self.waiting.get() > 0 {
            self.room.notify_one();
        }
    }

    /// Keeps at most `limit` without streams from now on.
    pub(in crate::upstream) fn set_idle_limit(&self, limit: usize) {
        self.idle_limit.set(limit);
    }

    /// Gives up as many connections as other workers wait for: those without streams at once, others when their streams are over.
    pub(in crate::upstream) fn give_up(&self, wanted: usize) {
        let left = wanted - self.close_idle(wanted);
        let (mut all, mut given_up) = (self.all.borrow_mut(), self.given_up.borrow_mut());
        given_up.retain(|connection| connection.strong_count() > 0);
        let more = left.saturating_sub(given_up.len()).min(all.len());
        all.sort_by_key(|connection| connection.streams());
        for connection in all.drain(..more) {
            connection.retire();
            given_up.push(Rc::downgrade(&connection));
        }
    }

    /// Closes up to `count` connections without streams. Returns how many.
    pub(in crate::upstream) fn close_idle(&self, count: usize) -> usize {
        let mut left = count;
        self.all.borrow_mut().retain(|connection| {
            let closes = connection.streams() == 0 && left > 0;
            left -= usize::from(closes);
            !closes
        });
        count - left
    }

    /// Closes what has had no stream for longer than `timeout`, and forgets what takes none any more.
    pub(in crate::upstream) fn prune(&self, now: Moment, timeout: Duration) {
        self.all
            .borrow_mut()
            .retain(|connection| connection.is_open() && !connection.is_idle_for(now, timeout));
    }

    /// Told when there is room.
    pub(in crate::upstream) fn room(&self) -> &Rc<Notify> {
        &self.room
    }

    /// How often a connection couldn't be opened.
    pub(in crate::upstream) fn failures(&self) -> u64 {
        self.failures.borrow().0
    }

    /// Why a connection couldn't be opened after the first `before` times: what fails for one fails for all that wait for it.
    pub(in crate::upstream) fn failure_since(&self, before: u64) -> Option<Error> {
        let failures = self.failures.borrow();
        if failures.0 == before { None } else { failures.1.as_ref().and_then(Error::for_others) }
    }

    /// A connection couldn't be opened, for this reason.
    pub(in crate::upstream) fn fail(&self, error: &Error) {
        if let Some(error) = error.for_others() {
            let mut failures = self.failures.borrow_mut();
            *failures = (failures.0 + 1, Some(error));
            self.room.notify_waiters();
        }
    }

    /// Waits for room from now on.
    pub(in crate::upstream) fn wait(&self) -> Waiting<'_> {
        self.waiting.set(self.waiting.get() + 1);
        Waiting(self)
    }

    /// Whether a request is opening a connection.
    pub(in crate::upstream) fn is_opening(&self) -> bool {
        self.opening.get()
    }

    /// Opens a connection from now on, which others wait for.
    pub(in crate::upstream) fn begin_opening(&self) -> Opening<'_> {
        self.opening.set(true);
        Opening(self)
    }
}

impl StreamSlot {
    fn new(connection: Rc<Http2Connection>, home: Rc<SharedConnections>) -> Self {
        let was_idle = connection.was_idle();
        connection.enter();
        Self { connection, home, was_idle }
    }
}

impl Deref for StreamSlot {
    type Target = Http2Connection;

    fn deref(&self) -> &Http2Connection {
        &self.connection
    }
}

impl Drop for StreamSlot {
    fn drop(&mut self) {
        self.connection.leave();
        self.home.left(&self.connection);
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.set(self.0.waiting.get() - 1);
    }
}

impl Drop for Opening<'_> {
    /// Whatever came of it, the next one may open another.
    fn drop(&mut self) {
        self.0.opening.set(false);
        self.0.room.notify_one();
    }
}
