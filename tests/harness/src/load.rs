//! Threads that keep something busy while a test does something else.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Whether the load goes on, for those who make it.
#[derive(Debug, Default)]
pub struct Running {
    stopped: AtomicBool,
}

impl Running {
    /// Whether to do it once more.
    pub fn goes_on(&self) -> bool {
        !self.stopped.load(Ordering::Relaxed)
    }
}

/// Ends the load also when the test fails; otherwise it would go on for ever.
struct Stop<'a>(&'a Running);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.stopped.store(true, Ordering::Relaxed);
    }
}

/// Runs `work` on a thread for each item until `during` has ended. Answers what each of them has come to, and `during`.
///
/// # Panics
///
/// If one of them has.
pub fn keep_busy<I: Send, W: Send, R>(
    items: impl IntoIterator<Item = I>,
    work: impl Fn(I, &Running) -> W + Sync,
    during: impl FnOnce() -> R,
) -> (Vec<W>, R) {
    let (running, work) = (&Running::default(), &work);
    thread::scope(|threads| {
        let stop = Stop(running);
        let busy: Vec<_> = items.into_iter().map(|item| threads.spawn(move || work(item, running))).collect();
        let result = during();
        drop(stop);
        (busy.into_iter().map(|thread| thread.join().expect("the load goes well")).collect(), result)
    })
}
