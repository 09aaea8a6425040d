//! Client connections that wait for a request, in the order in which they began to. Where no other place is left, the one
//! that has waited the longest makes room.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::task::{Context, Waker};

use pointsman_core::clock::{Clock, Moment};
use tokio::sync::Notify;

use super::ConnectionLimit;

const NONE: Moment = Moment(u64::MAX);

/// Idle connections of a listener on one worker.
#[derive(Debug)]
pub struct IdleClients {
    limit: Arc<ConnectionLimit>,
    notice: Arc<Notice>,
    list: RefCell<List>,
    /// What `notice` says.
    told: Cell<Moment>,
}

/// What other workers know of a worker's idle connections, and ask of it.
#[derive(Debug)]
pub(super) struct Notice {
    /// From when on the first of them may be closed.
    oldest: AtomicU64,
    /// So many are to be closed.
    asked: AtomicUsize,
    changed: Notify,
}

impl Notice {
    /// From when on the worker can make room.
    pub(super) fn oldest(&self) -> Moment {
        Moment(self.oldest.load(Relaxed))
    }

    /// Asks the worker to close so many.
    pub(super) fn ask(&self, count: usize) {
        self.asked.fetch_add(count, Relaxed);
        self.changed.notify_one();
    }
}

/// What a connection waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaited {
    /// Its first request.
    First,
    /// Another request.
    Next,
}

/// Two rings in one vector: the connections that wait for their first request, and the others. Each begins and ends at a
/// node of its own, which is no connection.
#[derive(Debug)]
struct List {
    nodes: Vec<Node>,
    free: Vec<usize>,
}

#[derive(Debug)]
struct Node {
    /// From when on it may be closed.
    from: Moment,
    before: usize,
    after: usize,
    /// `None` once it shall be closed.
    waker: Option<Waker>,
}

const RINGS: [Awaited; 2] = [Awaited::First, Awaited::Next];

impl List {
    fn new() -> Self {
        let head = |place| Node { from: NONE, before: place, after: place, waker: None };
        Self { nodes: (0..RINGS.len()).map(head).collect(), free: Vec::new() }
    }

    fn push(&mut self, awaited: Awaited, from: Moment, waker: Waker) -> usize {
        let head = awaited as usize;
        let last = self.nodes[head].before;
        let node = Node { from, before: last, after: head, waker: Some(waker) };
        let place = match self.free.pop() {
            Some(place) => {
                self.nodes[place] = node;
                place
            }
            None => {
                self.nodes.push(node);
                self.nodes.len() - 1
            }
        };
        self.nodes[last].after = place;
        self.nodes[head].before = place;
        place
    }

    /// Takes a node out of its ring; it isn't free yet.
    fn unlink(&mut self, place: usize) {
        let Node { before, after, .. } = self.nodes[place];
        self.nodes[before].after = after;
        self.nodes[after].before = before;
        (self.nodes[place].before, self.nodes[place].after) = (place, place);
    }

    /// The one that may be closed first, and from when on.
    fn first(&self) -> (usize, Moment) {
        let firsts = RINGS.iter().map(|&ring| self.nodes[ring as usize].after);
        let firsts = firsts.map(|place| (place, self.nodes[place].from));
        firsts.min_by_key(|(_, from)| *from).unwrap_or((0, NONE))
    }
}

impl IdleClients {
    /// None yet.
    #[must_use]
    pub fn new(limit: &Arc<ConnectionLimit>) -> Rc<Self> {
        let notice = Arc::new(Notice {
            oldest: AtomicU64::new(NONE.0),
            asked: AtomicUsize::new(0),
            changed: Notify::new(),
        });
        limit.add(Arc::clone(&notice));
        Rc::new(Self {
            limit: Arc::clone(limit),
            notice,
            list: RefCell::new(List::new()),
            told: Cell::new(NONE),
        })
    }

    /// A connection waits, and may be closed from `from` on.
    #[must_use]
    pub fn wait(self: &Rc<Self>, awaited: Awaited, from: Moment, cx: &Context<'_>) -> IdlePlace {
        let place = self.list.borrow_mut().push(awaited, from, cx.waker().clone());
        self.tell();
        IdlePlace { clients: Rc::clone(self), place }
    }

    /// Closes what other workers and this one ask for, for as long as it is polled.
    pub async fn make_room(&self, clock: Clock) {
        loop {
            self.notice.changed.notified().await;
            for _ in 0..self.notice.asked.swap(0, Relaxed) {
                self.close_first(clock.now());
            }
        }
    }

    /// Has the one that has waited the longest leave.
    fn close_first(&self, now: Moment) {
        let mut list = self.list.borrow_mut();
        let (place, from) = list.first();
        if from > now {
            return;
        }
        list.unlink(place);
        let waker = list.nodes[place].waker.take();
        drop(list);
        self.tell();
        waker.into_iter().for_each(Waker::wake);
    }

    fn tell(&self) {
        let (_, oldest) = self.list.borrow().first();
        if self.told.replace(oldest) != oldest {
            self.notice.oldest.store(oldest.0, Relaxed);
        }
    }
}

impl Drop for IdleClients {
    fn drop(&mut self) {
        self.limit.remove(&self.notice);
    }
}

/// A connection's place among the idle ones, until this is dropped.
#[derive(Debug)]
pub struct IdlePlace {
    clients: Rc<IdleClients>,
    place: usize,
}

impl IdlePlace {
    /// Whether the connection shall leave to make room; if not yet, its task is woken when it shall.
    #[must_use]
    pub fn shall_leave(&self, cx: &Context<'_>) -> bool {
        match &mut self.clients.list.borrow_mut().nodes[self.place].waker {
            None => true,
            Some(waker) => {
                waker.clone_from(cx.waker());
                false
            }
        }
    }
}

impl Drop for IdlePlace {
    fn drop(&mut self) {
        let mut list = self.clients.list.borrow_mut();
        list.unlink(self.place);
        list.nodes[self.place].waker = None;
        list.free.push(self.place);
        drop(list);
        self.clients.tell();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clients() -> (Arc<ConnectionLimit>, Rc<IdleClients>) {
        let limit = Arc::new(ConnectionLimit::new(10));
        let clients = IdleClients::new(&limit);
        (limit, clients)
    }

    fn leaves(place: &IdlePlace) -> bool {
        place.shall_leave(&Context::from_waker(Waker::noop()))
    }

    #[test]
    fn who_has_waited_the_longest_leaves_first_and_nobody_before_its_time() {
        let (_limit, clients) = clients();
        let cx = Context::from_waker(Waker::noop());
        let places = [(Awaited::First, 30), (Awaited::Next, 10), (Awaited::Next, 20), (Awaited::First, 40)]
            .map(|(awaited, from)| clients.wait(awaited, Moment(from), &cx));
        let left = || places.each_ref().map(leaves);
        clients.close_first(Moment(9));
        assert_eq!(left(), [false; 4]);
        for expected in [
            [false, true, false, false],
            [false, true, true, false],
            [true, true, true, false],
            [true, true, true, false],
        ] {
            clients.close_first(Moment(39));
            assert_eq!(left(), expected);
        }
        assert_eq!(clients.notice.oldest(), Moment(40));
        drop(places);
        assert_eq!(clients.notice.oldest(), NONE);
    }

    #[test]
    fn who_no_longer_waits_is_no_longer_asked() {
        let (_limit, clients) = clients();
        let cx = Context::from_waker(Waker::noop());
        for round in 0..10 {
            let mut places: Vec<_> =
                (0..5).map(|from| clients.wait(Awaited::Next, Moment(from), &cx)).collect();
            drop(places.remove(round % 5));
            drop(places.remove(round % 4));
            assert_eq!(clients.list.borrow().nodes.len(), 2 + 5, "places are used again");
            for left in 1..=3 {
                clients.close_first(Moment(9));
                assert_eq!(places.iter().filter(|place| leaves(place)).count(), left);
                assert!(leaves(&places[left - 1]), "in their order");
            }
            clients.close_first(Moment(9));
        }
    }

    #[test]
    fn the_worker_with_the_oldest_is_asked() {
        let (limit, first) = clients();
        let second = IdleClients::new(&limit);
        let cx = Context::from_waker(Waker::noop());
        let _later = first.wait(Awaited::Next, Moment(20), &cx);
        let earlier = second.wait(Awaited::Next, Moment(10), &cx);
        let (one, other) = (Arc::clone(&first.notice), Arc::clone(&second.notice));
        let asked = || [&one, &other].map(|notice| notice.asked.load(Relaxed));
        assert!(!limit.ask_for_room(Moment(9)) && asked() == [0, 0], "nobody has waited for long enough");
        assert!(limit.ask_for_room(Moment(30)));
        assert_eq!(asked(), [0, 1]);
        drop((second, earlier));
        assert!(limit.ask_for_room(Moment(30)));
        assert_eq!(asked(), [1, 1]);
    }
}
