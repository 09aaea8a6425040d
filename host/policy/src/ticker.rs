//! Advances the engine's epoch while guests run, so that an endless loop meets its deadline.
//!
//! A tick has to follow the beginning of every call into a guest; while no guest runs, none is needed. So calls *arm* the
//! ticker, which costs them one load of a line that changes twice per tick. A call that meets its tick *overruns*: until it
//! ends, ticks come at short intervals. Without a reason to tick the thread sleeps: an idle proxy has no timer.

use std::io;
use std::sync::Arc;
use std::time::Duration;
#[cfg(not(loom))]
use std::time::Instant;

use pointsman_core::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use pointsman_core::sync::atomic::{AtomicU8, AtomicUsize, fence};
use pointsman_core::sync::thread::{self, Thread};
#[cfg(not(loom))]
use wasmtime::Engine;

/// Time between two ticks while a call overruns.
pub(super) const TICK: Duration = Duration::from_millis(1);

/// Longest time from a call's beginning to its first tick. Each costs two context switches, and nearly no call is there
/// to meet it.
#[cfg(not(loom))]
const FIRST_TICK: Duration = Duration::from_millis(4);

/// No call since the last tick, and the thread sleeps until there is one.
const IDLE: u8 = 0;
/// No call since the last tick. The next one is on its way.
const PACED: u8 = 1;
/// At least one more tick is wanted.
const ARMED: u8 = 2;
/// The last handle was dropped: no tick will be wanted.
const ENDED: u8 = 3;

/// Handle to the ticking thread, which ends when the last handle is dropped.
///
/// A separate thread and not a timer of the data path, which a guest that blocks its worker would stop.
#[derive(Debug)]
pub(super) struct Ticker {
    wanted: Arc<Wanted>,
    thread: Thread,
}

/// Whether there is a reason to tick.
#[derive(Debug, Default)]
struct Wanted {
    /// [`IDLE`], [`PACED`], [`ARMED`] or [`ENDED`].
    state: AtomicU8,
    /// Calls that have met a tick and still run.
    overruns: AtomicUsize,
}

impl Ticker {
    /// Starts the thread for an engine.
    #[cfg(not(loom))]
    pub(super) fn start(engine: &Engine) -> io::Result<Arc<Self>> {
        let engine = engine.weak();
        Self::spawn(move || engine.upgrade().map(|engine| engine.increment_epoch()).is_some())
    }

    /// Starts the thread; `tick` advances the epoch, and returns false once the engine has been dropped.
    fn spawn(tick: impl FnMut() -> bool + Send + 'static) -> io::Result<Arc<Self>> {
        let wanted = Arc::<Wanted>::default();
        let handle = thread::Builder::new().name("policy-ticker".into()).spawn({
            let wanted = Arc::clone(&wanted);
            move || tick_while_wanted(&wanted, tick)
        })?;
        Ok(Arc::new(Self { wanted, thread: handle.thread().clone() }))
    }

    /// Makes sure that the epoch will pass the value that the caller has just based a deadline on.
    ///
    /// Call it *after* the epoch was read. If that read saw the present tick, the fence makes this load see that the ticker had
    /// disarmed itself before it; so a caller that finds it armed has a whole tick ahead.
    #[inline]
    pub(super) fn arm(&self) {
        fence(Acquire);
        if self.wanted.state.load(Relaxed) != ARMED {
            self.want();
        }
    }

    #[cold]
    fn want(&self) {
        // A ticker that has ended is never armed: it ends with the last handle.
        if self.wanted.state.swap(ARMED, SeqCst) == IDLE {
            self.thread.unpark();
        }
    }

    /// Keeps the ticks coming until the returned value is dropped.
    pub(super) fn overrun(self: &Arc<Self>) -> Overrun {
        self.wanted.overruns.fetch_add(1, SeqCst);
        self.thread.unpark();
        Overrun(Arc::clone(self))
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.wanted.state.store(ENDED, SeqCst);
        self.thread.unpark();
    }
}

/// A call that has met a tick and still runs.
#[derive(Debug)]
pub(super) struct Overrun(Arc<Ticker>);

impl Drop for Overrun {
    fn drop(&mut self) {
        self.0.wanted.overruns.fetch_sub(1, SeqCst);
    }
}

fn tick_while_wanted(wanted: &Wanted, mut tick: impl FnMut() -> bool) {
    loop {
        match wanted.state.compare_exchange(ARMED, PACED, SeqCst, SeqCst) {
            Err(ENDED) => return,
            // Every change of either one is followed by an unpark, so none is missed between the check and the sleep.
            Err(_) if wanted.overruns.load(SeqCst) == 0 => {
                let idle = wanted.state.compare_exchange(PACED, IDLE, SeqCst, SeqCst);
                if idle.is_ok() || idle == Err(IDLE) {
                    thread::park();
                }
                continue;
            }
            _ => {}
        }
        wait_for_tick(wanted);
        // Pairs with the fence in `arm`.
        fence(Release);
        if !tick() {
            return;
        }
    }
}

/// In a model time may pass at any moment.
#[cfg(loom)]
fn wait_for_tick(_: &Wanted) {
    thread::sleep(TICK);
}

/// A call that begins to overrun cuts the wait short.
#[cfg(not(loom))]
fn wait_for_tick(wanted: &Wanted) {
    let first = Instant::now() + FIRST_TICK;
    while wanted.overruns.load(SeqCst) == 0 {
        let left = first.saturating_duration_since(Instant::now());
        if left.is_zero() || wanted.state.load(SeqCst) == ENDED {
            return;
        }
        thread::park_timeout(left);
    }
    thread::sleep(TICK);
}

#[cfg(all(test, loom))]
#[path = "ticker/models.rs"]
mod models;

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::testing::wait_for;

    #[test]
    fn ticks_come_when_they_are_wanted_and_end_with_the_last_handle() {
        let mut config = wasmtime::Config::new();
        config.epoch_interruption(true);
        let engine = Engine::new(&config).unwrap();
        let ticker = Ticker::start(&engine).unwrap();
        let state = |ticker: &Ticker| ticker.wanted.state.load(SeqCst);
        assert_eq!(state(&ticker), IDLE);
        for _ in 0..20 {
            ticker.arm();
            wait_for("the tick has come, and no other is wanted", || state(&ticker) == IDLE);
        }
        let overrun = ticker.overrun();
        drop(overrun);
        assert_eq!(ticker.wanted.overruns.load(SeqCst), 0);
        let wanted = Arc::clone(&ticker.wanted);
        drop(ticker);
        wait_for("the thread ends", || Arc::strong_count(&wanted) == 1);
    }
}
