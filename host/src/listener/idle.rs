//! Client connections that wait for a request, in the order in which they began to. When there is no room for a new connection,
//! the one that has waited the longest is closed.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Waker};

use pointsman_core::clock::{Clock, Moment};

use super::connections::ConnectionLimit;
use super::worker_idle::{NEVER, WorkerIdle};

/// Idle connections of a listener on one worker.
#[derive(Debug)]
pub struct IdleClients {
    limit: Arc<ConnectionLimit>,
    shared: Arc<WorkerIdle>,
    list: RefCell<List>,
    /// What `shared` says of the oldest.
    published: Cell<Moment>,
}

/// What a connection waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaited {
    /// Its first request.
    First,
    /// Another request.
    Next,
}

/// Two rings in one vector: the connections that wait for their first request, and the others. The head of each is a node that
/// is no connection.
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
    /// `None` once it is to be closed.
    waker: Option<Waker>,
}

const RINGS: [Awaited; 2] = [Awaited::First, Awaited::Next];

impl List {
    fn new() -> Self {
        let head = |place| Node { from: NEVER, before: place, after: place, waker: None };
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

    /// The connection that may be closed first, and from when on.
    fn first(&self) -> (usize, Moment) {
        let firsts = RINGS.iter().map(|&ring| self.nodes[ring as usize].after);
        let firsts = firsts.map(|place| (place, self.nodes[place].from));
        firsts.min_by_key(|(_, from)| *from).unwrap_or((0, NEVER))
    }
}

impl IdleClients {
    /// No connections yet.
    #[must_use]
    pub fn new(limit: &Arc<ConnectionLimit>) -> Rc<Self> {
        let shared = Arc::<WorkerIdle>::default();
        limit.add(Arc::clone(&shared));
        Rc::new(Self {
            limit: Arc::clone(limit),
            shared,
            list: RefCell::new(List::new()),
            published: Cell::new(NEVER),
        })
    }

    /// How many there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        let list = self.list.borrow();
        list.nodes.len() - RINGS.len() - list.free.len()
    }

    /// A connection waits, and may be closed from `from` on.
    #[must_use]
    pub fn wait(self: &Rc<Self>, awaited: Awaited, from: Moment, cx: &Context<'_>) -> IdlePosition {
        let place = self.list.borrow_mut().push(awaited, from, cx.waker().clone());
        self.publish();
        IdlePosition { clients: Rc::clone(self), place }
    }

    /// Closes connections when a worker needs room. Never ends.
    pub async fn make_room(&self, clock: Clock) {
        loop {
            self.shared.asked().await;
            for _ in 0..self.shared.take_asked() {
                self.close_first(clock.now());
            }
        }
    }

    /// Has the connection closed that has waited the longest.
    fn close_first(&self, now: Moment) {
        let mut list = self.list.borrow_mut();
        let (place, from) = list.first();
        if from > now {
            return;
        }
        list.unlink(place);
        let waker = list.nodes[place].waker.take();
        drop(list);
        self.publish();
        waker.into_iter().for_each(Waker::wake);
    }

    /// Publishes the oldest connection for other workers.
    fn publish(&self) {
        let (_, oldest) = self.list.borrow().first();
        if self.published.replace(oldest) != oldest {
            self.shared.set_oldest(oldest);
        }
    }
}

impl Drop for IdleClients {
    fn drop(&mut self) {
        self.limit.remove(&self.shared);
    }
}

/// A connection's place among the idle ones, until this is dropped.
#[derive(Debug)]
pub struct IdlePosition {
    clients: Rc<IdleClients>,
    place: usize,
}

impl IdlePosition {
    /// Whether the connection has to close to make room. If not, its task is woken when it has to.
    #[must_use]
    pub fn must_close(&self, cx: &Context<'_>) -> bool {
        match &mut self.clients.list.borrow_mut().nodes[self.place].waker {
            None => true,
            Some(waker) => {
                waker.clone_from(cx.waker());
                false
            }
        }
    }
}

impl Drop for IdlePosition {
    fn drop(&mut self) {
        let mut list = self.clients.list.borrow_mut();
        list.unlink(self.place);
        list.nodes[self.place].waker = None;
        list.free.push(self.place);
        drop(list);
        self.clients.publish();
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

    fn leaves(place: &IdlePosition) -> bool {
        place.must_close(&Context::from_waker(Waker::noop()))
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
        assert_eq!(clients.shared.oldest(), Moment(40));
        drop(places);
        assert_eq!(clients.shared.oldest(), NEVER);
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
        let (one, other) = (Arc::clone(&first.shared), Arc::clone(&second.shared));
        let asked = || [&one, &other].map(|worker| worker.take_asked());
        assert!(!limit.ask_for_room(Moment(9)) && asked() == [0, 0], "nobody has waited for long enough");
        assert!(limit.ask_for_room(Moment(30)));
        assert_eq!(asked(), [0, 1]);
        drop((second, earlier));
        assert!(limit.ask_for_room(Moment(30)));
        assert_eq!(asked(), [1, 0]);
    }
}
