//! What a backend has the client know before its response (RFC 8297).

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Acquire, Release};

use http::HeaderMap;
use parking_lot::Mutex;

/// Hints that wait to be passed on. What comes beyond that is left out: they are hints.
const MOST: usize = 16;

/// The fields of 103 responses that have come.
///
/// Behind a lock because hyper hands them over in a callback that could run anywhere.
#[derive(Debug, Default)]
pub struct EarlyHints {
    waiting: AtomicBool,
    hints: Mutex<Vec<HeaderMap>>,
}

impl EarlyHints {
    /// A 103 with these fields has come.
    pub fn add(&self, fields: HeaderMap) {
        let mut hints = self.hints.lock();
        if hints.len() < MOST {
            hints.push(fields);
            self.waiting.store(true, Release);
        }
    }

    /// Those that have come since this was last asked.
    #[must_use]
    pub fn take(&self) -> Vec<HeaderMap> {
        if !self.waiting.load(Acquire) {
            return Vec::new();
        }
        let mut hints = self.hints.lock();
        self.waiting.store(false, Release);
        std::mem::take(&mut *hints)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn some_wait_and_are_taken_once() {
        let hints = EarlyHints::default();
        assert!(hints.take().is_empty());
        for number in 0..100_u32 {
            hints.add(HeaderMap::from_iter([(http::header::LINK, HeaderValue::from(number))]));
        }
        let taken: Vec<_> = hints.take().iter().map(|fields| fields["link"].clone()).collect();
        assert_eq!(taken, (0..16).map(HeaderValue::from).collect::<Vec<_>>());
        assert!(hints.take().is_empty());
    }
}
