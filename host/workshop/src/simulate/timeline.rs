//! What happens when.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Events in the order of their times, and those of one moment in the order in which they were announced.
pub(super) struct Timeline<E> {
    heap: BinaryHeap<Entry<E>>,
    announced: u64,
}

struct Entry<E> {
    at: u64,
    number: u64,
    event: E,
}

impl<E> Timeline<E> {
    pub(super) fn new() -> Self {
        Self { heap: BinaryHeap::new(), announced: 0 }
    }

    /// Announces an event.
    pub(super) fn add(&mut self, at: u64, event: E) {
        let number = self.announced;
        self.announced += 1;
        self.heap.push(Entry { at, number, event });
    }

    /// The next event with its time.
    pub(super) fn next(&mut self) -> Option<(u64, E)> {
        self.heap.pop().map(|Entry { at, event, .. }| (at, event))
    }
}

impl<E> Ord for Entry<E> {
    /// The heap has the greatest on top: that is the earliest.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<E> Eq for Entry<E> {}

#[cfg(test)]
mod tests {
    use super::Timeline;

    #[test]
    fn events_come_by_time_and_then_as_announced() {
        let mut timeline = Timeline::new();
        for (at, event) in [(5, 'c'), (1, 'a'), (5, 'd'), (2, 'b')] {
            timeline.add(at, event);
        }
        let order: String = std::iter::from_fn(|| timeline.next()).map(|(_, event)| event).collect();
        assert_eq!(order, "abcd");
    }
}
