//! When to scan: after events, when asked, and now and then without a reason.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// After this long without events, files are taken for complete.
const QUIET: Duration = Duration::from_millis(200);
/// A file that never comes to rest is scanned this often all the same.
const LONGEST_DEBOUNCE: Duration = Duration::from_secs(2);
/// Without any event.
const POLL: Duration = Duration::from_secs(5);

/// A reason for a scan, or for none any more.
#[derive(Debug)]
pub enum Hint<A> {
    /// Something happened in a directory, or may be about to.
    Event,
    /// A request to the thread.
    Asked(A),
    /// The thread has to end.
    End,
}

/// Waits until it is time for a scan. Returns the requests since then; `None` if the thread has to end.
#[must_use]
pub fn wait<A>(hints: &Receiver<Hint<A>>) -> Option<Vec<A>> {
    let mut asked = Vec::new();
    match hints.recv_timeout(POLL) {
        Ok(Hint::End) | Err(RecvTimeoutError::Disconnected) => return None,
        Ok(Hint::Asked(what)) => asked.push(what),
        Err(RecvTimeoutError::Timeout) => {}
        Ok(Hint::Event) => asked.extend(wait_for_quiet(hints)?),
    }
    Some(asked)
}

/// Waits for the end of a series of events, or for a request, which isn't delayed.
fn wait_for_quiet<A>(hints: &Receiver<Hint<A>>) -> Option<Option<A>> {
    let began = Instant::now();
    while let Some(left) = LONGEST_DEBOUNCE.checked_sub(began.elapsed()) {
        match hints.recv_timeout(QUIET.min(left)) {
            Ok(Hint::Event) => {}
            Ok(Hint::Asked(what)) => return Some(Some(what)),
            Err(RecvTimeoutError::Timeout) => break,
            Ok(Hint::End) | Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
    Some(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn events_are_one_look_and_who_asks_does_not_wait() {
        let (sender, hints) = mpsc::channel();
        let send = |hint| sender.send(hint).expect("a receiver");
        (0..100).for_each(|_| send(Hint::Event));
        send(Hint::Asked(1));
        send(Hint::Asked(2));
        assert_eq!(wait(&hints), Some(vec![1]));
        assert_eq!(wait(&hints), Some(vec![2]));
        (0..100).for_each(|_| send(Hint::Event));
        assert_eq!(wait(&hints), Some(vec![]));
        send(Hint::Event);
        send(Hint::End);
        assert_eq!(wait(&hints), None);
        drop(sender);
        assert_eq!(wait(&hints), None);
    }
}
