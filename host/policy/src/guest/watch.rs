//! Whether a guest has used up its CPU time.

use std::sync::Arc;
use std::time::Duration;

use pointsman_core::clock::micros;
use rustix::time::{ClockId, clock_gettime};
use wasmtime::{Trap, UpdateDeadline};

use crate::engine::FUEL_PER_MICROSECOND;
use crate::ticker::{Overrun, TICK, Ticker};

/// Watches one call at a time.
///
/// Epochs tick in wall time, and a thread that was descheduled used no CPU. So the first tick in a call only reads
/// the thread's CPU clock (a call that meets no tick reads none), and later ones compare. A guest may use its deadline
/// less at most one [`TICK`]; it is stopped at most as long after it as the first tick can take, and one [`TICK`].
#[derive(Debug)]
pub(crate) struct Watch {
    deadline: Duration,
    /// CPU time of the thread at the first tick of this call.
    since: Option<(Duration, Overrun)>,
    /// Host functions that this call has called.
    host_calls: u64,
    /// After how many of them the thread's CPU clock is read next.
    look_at: u64,
    /// CPU time of the thread when this call had made [`UNWATCHED`] host calls.
    many_since: Option<Duration>,
    /// Whether the call is measured in fuel, and not in CPU time.
    by_fuel: bool,
    /// What the last call has cost.
    pub(crate) last: CallCost,
}

/// What a call into a guest has cost: the same on every machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CallCost {
    /// Fuel: one for each of the guest's instructions, about; 0 where the engine counts none.
    pub fuel: u64,
    /// Calls of host functions.
    pub host_calls: u64,
}

/// Host calls between two reads of the CPU clock. Each is bounded, by the longest path and the largest topology.
const UNWATCHED: u64 = 64;

impl Watch {
    pub(crate) fn new(deadline: Duration) -> Self {
        Self {
            deadline,
            since: None,
            host_calls: 0,
            look_at: UNWATCHED,
            many_since: None,
            by_fuel: false,
            last: CallCost::default(),
        }
    }

    /// The CPU time of calls doesn't count any more: they are measured in fuel.
    pub(crate) fn measure_fuel(&mut self) {
        self.by_fuel = true;
    }

    /// The fuel of a call.
    pub(crate) fn fuel(&self) -> u64 {
        micros(self.deadline).saturating_mul(FUEL_PER_MICROSECOND)
    }

    /// Changes the CPU time of the calls to come.
    pub(crate) fn set_deadline(&mut self, deadline: Duration) {
        self.deadline = deadline;
    }

    /// A call has ended.
    #[inline]
    pub(crate) fn end(&mut self) {
        self.since = None;
        self.last.host_calls = self.host_calls;
        self.host_calls = 0;
        self.look_at = UNWATCHED;
        self.many_since = None;
    }

    /// The guest calls a host function.
    #[inline]
    pub(crate) fn count(&mut self) {
        self.host_calls += 1;
    }

    /// The guest calls a host function whose work depends on what is passed.
    ///
    /// Guests check the epoch in loops and at function entries. A long sequence of host calls has neither, so the host has to
    /// check.
    ///
    /// # Errors
    ///
    /// The guest has used up its time.
    #[inline]
    pub(crate) fn host_call(&mut self) -> Result<(), Trap> {
        self.count();
        if self.host_calls < self.look_at { Ok(()) } else { self.look() }
    }

    #[cold]
    fn look(&mut self) -> Result<(), Trap> {
        self.look_at = self.host_calls + UNWATCHED;
        if self.by_fuel {
            return Ok(());
        }
        let used = thread_cpu_time();
        let since = *self.many_since.get_or_insert(used);
        if used.saturating_sub(since) < self.deadline { Ok(()) } else { Err(Trap::Interrupt) }
    }

    /// A tick came while the guest was running.
    pub(crate) fn tick(&mut self, ticker: &Arc<Ticker>) -> UpdateDeadline {
        let used = thread_cpu_time();
        let (since, _) = self.since.get_or_insert_with(|| (used, ticker.overrun()));
        // Up to one tick went by before the first read.
        if used.saturating_sub(*since) >= self.deadline.saturating_sub(TICK).max(TICK) {
            return UpdateDeadline::Interrupt;
        }
        UpdateDeadline::Continue(1)
    }
}

/// CPU time that the calling thread has used so far.
pub(crate) fn thread_cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{GuestEngine, Meter};

    #[test]
    fn only_cpu_time_counts() {
        let Meter::Time(ticker) = GuestEngine::start().unwrap().meter else { unreachable!() };
        let deadline = Duration::from_millis(5);
        let mut watch = Watch::new(deadline);
        let goes_on = |update| matches!(update, UpdateDeadline::Continue(1));
        assert!(goes_on(watch.tick(&ticker)));
        // A thread that waits is a thread that was descheduled.
        std::thread::park_timeout(4 * deadline);
        assert!(goes_on(watch.tick(&ticker)));
        let before = thread_cpu_time();
        while goes_on(watch.tick(&ticker)) {}
        let used = thread_cpu_time() - before;
        assert!(used >= deadline / 2 && used < deadline * 2, "{used:?}");
        watch.end();
        assert!(goes_on(watch.tick(&ticker)), "the next call starts over");
    }
}
