//! Requests that wait at their proxy while all backends are full.

use std::collections::VecDeque;

use super::request::Request;
use crate::spec;

/// The queue of a proxy: first come, first served.
pub(super) struct Queue {
    /// Most that wait.
    length: usize,
    /// Longest wait, µs.
    timeout: u64,
    waiting: VecDeque<Box<Request>>,
    /// Whether it is announced when the first one will have waited for too long.
    is_watched: bool,
}

impl Queue {
    pub(super) fn new(limits: spec::Queue) -> Self {
        Self {
            length: limits.length as usize,
            timeout: limits.timeout.0,
            waiting: VecDeque::new(),
            is_watched: false,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// A request joins the end; it comes back if there is no room.
    pub(super) fn join(&mut self, request: Box<Request>) -> Result<(), Box<Request>> {
        if self.waiting.len() >= self.length {
            return Err(request);
        }
        self.waiting.push_back(request);
        Ok(())
    }

    /// Takes the first.
    pub(super) fn take(&mut self) -> Option<Box<Request>> {
        self.waiting.pop_front()
    }

    /// The first, which was taken, goes on waiting.
    pub(super) fn put_back(&mut self, request: Box<Request>) {
        self.waiting.push_front(request);
    }

    /// Takes the first if it has waited for too long. Nobody behind it has waited for longer.
    pub(super) fn take_late(&mut self, now: u64) -> Option<Box<Request>> {
        self.waiting.pop_front_if(|first| first.arrived + self.timeout <= now)
    }

    /// When the first one will have waited for too long, if that is to be announced.
    pub(super) fn watch(&mut self) -> Option<u64> {
        if self.is_watched {
            return None;
        }
        let first = self.waiting.front()?;
        self.is_watched = true;
        Some(first.arrived + self.timeout)
    }

    /// What was announced has come.
    pub(super) fn look(&mut self) {
        self.is_watched = false;
    }

    /// When those arrived that wait.
    pub(super) fn arrivals(&self) -> impl Iterator<Item = u64> {
        self.waiting.iter().map(|request| request.arrived)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time_span::TimeSpan;

    fn at(arrived: u64) -> Box<Request> {
        Box::new(Request { arrived, ..Request::default() })
    }

    #[test]
    fn the_first_is_the_first_to_go_and_to_give_up() {
        let mut queue = Queue::new(spec::Queue { length: 3, timeout: TimeSpan(10) });
        assert_eq!(queue.watch(), None, "nobody waits");
        assert!(queue.join(at(1)).is_ok());
        assert_eq!(queue.watch(), Some(11));
        assert!(queue.join(at(2)).is_ok() && queue.join(at(5)).is_ok());
        assert_eq!(queue.join(at(6)).unwrap_err().arrived, 6, "three wait already");
        assert_eq!(queue.watch(), None, "it is announced");
        let first = queue.take().unwrap();
        assert_eq!(first.arrived, 1);
        queue.put_back(first);
        assert_eq!(queue.take_late(10).map(|late| late.arrived), None);
        assert_eq!([12, 12].map(|now| queue.take_late(now).map(|late| late.arrived)), [Some(1), Some(2)]);
        assert_eq!(queue.take_late(12).map(|late| late.arrived), None);
        queue.look();
        assert_eq!((queue.watch(), queue.arrivals().collect::<Vec<_>>()), (Some(15), vec![5]));
        assert!(queue.take().is_some() && queue.is_empty());
    }
}
