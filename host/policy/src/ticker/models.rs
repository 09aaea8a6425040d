//! All interleavings of few calls with the ticker, checked by loom.

use loom::sync::atomic::AtomicU64;
use loom::thread;

use super::*;

/// The engine's epoch, which wasmtime counts without an order.
#[derive(Debug, Default)]
struct Epoch(AtomicU64);

impl Epoch {
    fn ticker(self: &Arc<Self>) -> Arc<Ticker> {
        let epoch = Arc::clone(self);
        let tick = move || {
            epoch.0.fetch_add(1, Relaxed);
            true
        };
        Ticker::spawn(tick).expect("a thread")
    }

    /// Begins a call; returns the epoch that it must see the end of.
    fn call(&self, ticker: &Arc<Ticker>) -> u64 {
        let began = self.0.load(Relaxed);
        ticker.arm();
        began
    }

    /// A call that doesn't end before it meets its tick; hangs if there is none.
    fn wait_past(&self, value: u64) {
        while self.0.load(Relaxed) <= value {
            thread::yield_now();
        }
    }
}

/// Runs a model with this many switches at most away from a thread that could continue.
fn check(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}

#[test]
fn every_call_meets_a_tick_and_the_thread_ends() {
    check(3, || {
        let epoch = Arc::<Epoch>::default();
        let ticker = epoch.ticker();
        for _ in 0..2 {
            epoch.wait_past(epoch.call(&ticker));
        }
    });
}

#[test]
fn calls_of_two_workers_meet_their_ticks() {
    check(2, || {
        let epoch = Arc::<Epoch>::default();
        let ticker = epoch.ticker();
        let other = thread::spawn({
            let (epoch, ticker) = (Arc::clone(&epoch), Arc::clone(&ticker));
            move || epoch.call(&ticker)
        });
        let began = epoch.call(&ticker);
        let other = other.join().expect("it has begun");
        epoch.wait_past(began.max(other));
    });
}

#[test]
fn a_call_that_overruns_meets_ticks_until_it_ends() {
    check(2, || {
        let epoch = Arc::<Epoch>::default();
        let ticker = epoch.ticker();
        let overrun = ticker.overrun();
        let seen = epoch.0.load(Relaxed);
        epoch.wait_past(seen);
        drop(overrun);
    });
}
