//! The proxy's log, as it comes.

mod line;

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

pub use line::LogLine;

use super::DEADLINE;

/// The known events: a wait for a misspelled one would take until its deadline, and a check for its absence would pass.
const EVENTS: &str = include_str!("../../../host/docs/events.md");

/// The lines that the proxy has logged so far, read by a thread as they come.
#[derive(Debug, Clone)]
pub struct Log {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    read: Mutex<Lines>,
    /// There is another line, or there will be none.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Lines {
    all: Vec<LogLine>,
    /// The last writer has closed it.
    is_complete: bool,
}

impl Log {
    /// Reads from here until the last writer has closed it.
    pub fn follow(from: impl Read + Send + 'static) -> Self {
        let shared = Arc::<Shared>::default();
        let sink = Arc::clone(&shared);
        thread::spawn(move || {
            for line in BufReader::new(from).lines().map_while(Result::ok) {
                sink.lock().all.push(LogLine::parse(&line));
                sink.changed.notify_all();
            }
            sink.lock().is_complete = true;
            sink.changed.notify_all();
        });
        Self { shared }
    }

    /// Everything so far.
    pub fn lines(&self) -> Vec<LogLine> {
        self.shared.lock().all.clone()
    }

    /// Every event with this name so far.
    pub fn events(&self, event: &str) -> Vec<LogLine> {
        assert_known(event);
        self.shared.lock().all.iter().filter(|line| line.event() == event).cloned().collect()
    }

    /// Every error so far.
    pub fn errors(&self) -> Vec<LogLine> {
        self.shared.lock().all.iter().filter(|line| line.level() == "ERROR").cloned().collect()
    }

    /// Waits for the first event with this name.
    pub fn wait_for(&self, event: &str) -> LogLine {
        self.wait_for_many(event, 1).remove(0)
    }

    /// Waits until there are at least `count` events with this name, and answers all of them.
    pub fn wait_for_many(&self, event: &str, count: usize) -> Vec<LogLine> {
        self.wait(event, count, |_| true)
    }

    /// Waits for the first event with this name for which the test holds.
    pub fn wait_where(&self, event: &str, is_meant: impl Fn(&LogLine) -> bool) -> LogLine {
        self.wait(event, 1, is_meant).remove(0)
    }

    /// Waits until there are at least `count` events with this name for which the test holds, and answers all of them.
    pub fn wait_where_many(
        &self,
        event: &str,
        count: usize,
        is_meant: impl Fn(&LogLine) -> bool,
    ) -> Vec<LogLine> {
        self.wait(event, count, is_meant)
    }

    /// Waits until the last writer has closed it, and answers everything.
    ///
    /// # Panics
    ///
    /// After [`DEADLINE`].
    pub fn wait_for_end(&self) -> Vec<LogLine> {
        let read = self.shared.lock();
        let waited = self.shared.changed.wait_timeout_while(read, DEADLINE, |read| !read.is_complete);
        let (read, _) = waited.expect("no panic");
        assert!(read.is_complete, "the log doesn't end: {:#?}", read.all);
        read.all.clone()
    }

    fn wait(&self, event: &str, count: usize, is_meant: impl Fn(&LogLine) -> bool) -> Vec<LogLine> {
        assert_known(event);
        let is_one = |line: &&LogLine| line.event() == event && is_meant(line);
        let (began, mut looked_at, mut found) = (Instant::now(), 0, Vec::new());
        let mut read = self.shared.lock();
        loop {
            found.extend(read.all[looked_at..].iter().filter(is_one).cloned());
            looked_at = read.all.len();
            if found.len() >= count {
                return found;
            }
            let left = DEADLINE.saturating_sub(began.elapsed());
            assert!(!left.is_zero(), "{} of {count} events {event} in {:#?}", found.len(), read.all);
            read = self.shared.changed.wait_timeout(read, left).expect("no panic").0;
        }
    }
}

impl Shared {
    /// Also when a wait has failed with the lock held: what was read is still of use then.
    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn assert_known(event: &str) {
    assert!(EVENTS.contains(&format!("\n| `{event}` |")), "host/docs/events.md has no event {event}");
}
