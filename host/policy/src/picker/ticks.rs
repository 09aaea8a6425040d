//! A policy's ticks, and the limit on the CPU time of all its calls.

use std::time::Duration;

use super::Picker;
use crate::fault::Fault;
use crate::guest::{Call, thread_cpu_time};

impl Picker {
    /// Runs the policy's `tick` if it is due; returns how long it can wait until the next call. Also lets a worker without
    /// requests take part in swaps and topology changes.
    pub fn tick(&mut self) -> Duration {
        /// Longest time in which an idle worker keeps an outdated instance.
        const IDLE: Duration = Duration::from_secs(1);

        self.catch_up();
        self.slot.report_picks(self.worker, [self.picks, self.abstentions, self.rejections]);
        if self.active.next_tick.is_some_and(|due| due <= self.now()) {
            self.run_tick();
        }
        self.check_spending();
        self.active.next_tick.map_or(IDLE, |due| due.since(self.now()).min(IDLE))
    }

    /// The next tick comes after the interval that the policy has asked for, if it has.
    pub(super) fn schedule_tick(&mut self) {
        let interval = self.active.instance.get().and_then(|instance| instance.tick_every());
        self.active.next_tick = interval.map(|interval| self.now().after(interval));
    }

    /// Calls the policy's `tick`. Ticks that take more than their share come less often; if that continues, the instance is
    /// given up.
    pub(super) fn run_tick(&mut self) {
        let began = thread_cpu_time();
        let result = self.active.instance.tick();
        let took = thread_cpu_time().saturating_sub(began);
        // The interval may have been changed by the tick itself.
        self.schedule_tick();
        if let Some(Err(failed)) = result {
            self.give_up(failed);
            return;
        }
        let Some(asked) = self.active.instance.get().and_then(|instance| instance.tick_every()) else {
            return;
        };
        let percent = self.slot.settings().tick_percent;
        let delay = self.spending.ticked(took, asked, percent);
        if !delay.is_late {
            return;
        }
        self.active.next_tick = Some(self.now().after(delay.wait));
        self.slot.stats().count_late_tick();
        if delay.is_excessive {
            let late = super::spending::LATE_TICKS;
            self.overspent(&Fault::from_spending(
                Call::Tick,
                format_args!(
                    "{late} ticks in a row took more than {percent} % of the worker's time, the last one {took:?} for an \
                     interval of {asked:?}; do less in a tick, ask for fewer, or raise `tick_percent`"
                ),
            ));
        }
    }

    /// Counts the policy's CPU time, once a second, and gives its instance up if that was more than its share.
    pub(super) fn check_spending(&mut self) {
        let Some((taken, percent)) = self.spending.close_window(self.now()) else { return };
        self.slot.stats().record_spending(taken, percent);
        let allowed = self.slot.settings().cpu_percent;
        if percent > allowed {
            self.overspent(&Fault::from_spending(
                Call::Pick,
                format_args!(
                    "took {percent} % of the worker's time, allowed are {allowed}; do less in each call, or raise `cpu_percent`"
                ),
            ));
        }
    }

    #[cold]
    fn overspent(&mut self, fault: &Fault) {
        if let Some(version) = self.version() {
            self.record(version.id, fault);
        }
        if let Some(old) = self.active.instance.clear() {
            self.slot.retire(old);
            self.vacate();
        }
    }
}
