//! Ending without losing anything: connections finish what they are at.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// The connections of one worker, and whether they shall come to an end.
#[derive(Debug, Clone, Default)]
pub struct Drain {
    shared: Rc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Whether a drain is near, so that no client should rely on another request.
    leaving: Cell<bool>,
    draining: Cell<bool>,
    /// Connections that took part before this many calls of [`Drain::end_present`] come to an end.
    ended: Cell<u64>,
    /// Wakers of the connections by their place; `None` = the place is free, or its connection hasn't been polled yet.
    wakers: RefCell<Vec<Option<Waker>>>,
    free: RefCell<Vec<usize>>,
    connections: Cell<usize>,
    /// Whoever waits for the drain to begin, or for the last connection.
    watchers: RefCell<Vec<Waker>>,
}

impl Drain {
    /// Lets connections go on, but not beyond their next response where that can say so without a risk
    /// ([`DrainGuard::is_leaving`]).
    pub fn leave(&self) {
        self.shared.leaving.set(true);
    }

    /// Tells all connections to come to an end.
    pub fn start(&self) {
        self.shared.draining.set(true);
        self.shared.wake_connections();
        self.shared.wake_watchers();
    }

    /// Tells the connections of this moment to come to an end, and none that come later.
    pub fn end_present(&self) {
        self.shared.ended.set(self.shared.ended.get() + 1);
        self.shared.wake_connections();
    }

    /// Ready once the drain has begun.
    pub async fn started(&self) {
        self.watch(|shared| shared.draining.get()).await;
    }

    /// Ready while no connection is left.
    pub async fn finished(&self) {
        self.watch(|shared| shared.connections.get() == 0).await;
    }

    /// Connections at this moment.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.connections.get()
    }

    /// Takes part with a connection.
    #[must_use]
    pub fn guard(&self) -> DrainGuard {
        let place = self.shared.free.borrow_mut().pop().unwrap_or_else(|| {
            let mut wakers = self.shared.wakers.borrow_mut();
            wakers.push(None);
            wakers.len() - 1
        });
        self.shared.connections.set(self.shared.connections.get() + 1);
        DrainGuard { shared: Rc::clone(&self.shared), place, since: self.shared.ended.get() }
    }

    async fn watch(&self, met: impl Fn(&Shared) -> bool) {
        poll_fn(|cx| {
            if met(&self.shared) {
                return Poll::Ready(());
            }
            let mut watchers = self.shared.watchers.borrow_mut();
            if !watchers.iter().any(|waker| waker.will_wake(cx.waker())) {
                watchers.push(cx.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }
}

impl Shared {
    fn wake_connections(&self) {
        let wakers: Vec<Waker> = self.wakers.borrow_mut().iter_mut().filter_map(Option::take).collect();
        wakers.into_iter().for_each(Waker::wake);
    }

    fn wake_watchers(&self) {
        let watchers = std::mem::take(&mut *self.watchers.borrow_mut());
        watchers.into_iter().for_each(Waker::wake);
    }
}

/// One connection's part in the drain. The drain waits until it is dropped.
#[derive(Debug)]
pub struct DrainGuard {
    shared: Rc<Shared>,
    place: usize,
    /// What [`Shared::ended`] was when it began to take part.
    since: u64,
}

impl DrainGuard {
    /// Connections that take part.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.connections.get()
    }

    /// Whether the next response had better be the connection's last one, as a drain is near.
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        self.shared.leaving.get()
    }

    /// Whether the connection shall come to an end; if not yet, its task is woken when it shall.
    #[must_use]
    pub fn is_draining(&self, cx: &Context<'_>) -> bool {
        if self.shared.draining.get() || self.shared.ended.get() != self.since {
            return true;
        }
        let waker = &mut self.shared.wakers.borrow_mut()[self.place];
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
        false
    }
}

impl Drop for DrainGuard {
    fn drop(&mut self) {
        self.shared.wakers.borrow_mut()[self.place] = None;
        self.shared.free.borrow_mut().push(self.place);
        self.shared.connections.set(self.shared.connections.get() - 1);
        if self.shared.connections.get() == 0 {
            self.shared.wake_watchers();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;

    fn now<F: Future<Output = ()>>(future: F) -> bool {
        pin!(future).poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn a_drain_waits_for_the_last_connection() {
        let drain = Drain::default();
        let cx = Context::from_waker(Waker::noop());
        let (one, two) = (drain.guard(), drain.guard());
        assert!(!one.is_draining(&cx) && !now(drain.started()) && !now(drain.finished()));
        drain.start();
        assert!(one.is_draining(&cx) && two.is_draining(&cx) && now(drain.started()));
        drop(one);
        assert!(!now(drain.finished()));
        drop(two);
        assert!(now(drain.finished()));
    }

    #[test]
    fn the_connections_of_a_moment_end_and_no_others() {
        let drain = Drain::default();
        let cx = Context::from_waker(Waker::noop());
        let one = drain.guard();
        drain.end_present();
        let two = drain.guard();
        assert!(one.is_draining(&cx) && !two.is_draining(&cx) && !now(drain.started()));
        drain.end_present();
        assert!(one.is_draining(&cx) && two.is_draining(&cx) && !drain.guard().is_draining(&cx));
    }

    #[test]
    fn places_are_used_again() {
        let drain = Drain::default();
        for _ in 0..10 {
            let _guards = [drain.guard(), drain.guard()];
            assert_eq!(drain.connections(), 2);
        }
        assert_eq!(drain.shared.wakers.borrow().len(), 2);
    }
}
