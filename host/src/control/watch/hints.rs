//! When to look: events as they come, somebody who asks, and now and then without a reason.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// Files have been quiet for this long: whoever wrote them is done.
const QUIET: Duration = Duration::from_millis(200);
/// A file that never comes to rest is looked at this often all the same.
const LONGEST_DEBOUNCE: Duration = Duration::from_secs(2);
/// Without any event.
const POLL: Duration = Duration::from_secs(5);

/// Why to look.
#[derive(Debug)]
pub enum Hint<A> {
    /// Something happened in a directory, or may be about to.
    Event,
    /// Somebody asks.
    Asked(A),
    /// There shall be no more looks.
    End,
}

/// Waits until it is time for a look; answers what was asked meanwhile. `None` = there shall be no more.
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

/// Whoever asks doesn't want to wait.
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
