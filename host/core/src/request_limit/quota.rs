//! How much of a limit one key may use: a generic cell rate algorithm (GCRA) for rates, and a number for what runs.

use std::num::NonZeroU32;
use std::time::Duration;

/// So many requests in a span of time, and so many of them at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub requests: NonZeroU32,
    /// In how long.
    pub per: Duration,
    /// How many may come at once after a pause.
    pub burst: NonZeroU32,
}

/// What each key may use. Times are nanoseconds: at high rates there is less than a microsecond between requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Between two requests at the rate; 0 = there is none.
    interval: u64,
    /// By how much requests may be ahead of the rate.
    tolerance: u64,
    /// How many may run at a time; 0 = any number.
    concurrency: u32,
}

/// Why a request is over a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exceeded {
    /// It comes too soon; after this long it wouldn't.
    Rate(Duration),
    /// Too many run.
    Concurrency,
}

/// What a key has used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Used {
    /// Until when its requests are ahead of the rate, ns.
    pub(super) ahead_until: u64,
    /// How many of its requests run.
    pub(super) running: u64,
}

impl Quota {
    /// Of a limit for a rate, for what runs at a time, or for both.
    #[must_use]
    pub fn new(rate: Option<Rate>, concurrency: Option<NonZeroU32>) -> Self {
        let (interval, tolerance) = rate.map_or((0, 0), |rate| {
            let interval = (nanos(rate.per) / u64::from(rate.requests.get())).max(1);
            (interval, interval.saturating_mul(u64::from(rate.burst.get() - 1)))
        });
        Self { interval, tolerance, concurrency: concurrency.map_or(0, NonZeroU32::get) }
    }

    /// Takes what one request needs, all of it or nothing.
    pub(super) fn take(&self, used: &mut Used, now: u64) -> Result<(), Exceeded> {
        if self.concurrency > 0 && used.running >= u64::from(self.concurrency) {
            return Err(Exceeded::Concurrency);
        }
        if self.interval > 0 {
            // What was used up under another rate counts for no more than this one lets anybody use up.
            let most = now.saturating_add(self.tolerance).saturating_add(self.interval);
            used.ahead_until = used.ahead_until.min(most);
            let ahead_until = used.ahead_until.max(now);
            if let Some(wait) = (ahead_until - now).checked_sub(self.tolerance).filter(|wait| *wait > 0) {
                return Err(Exceeded::Rate(Duration::from_nanos(wait)));
            }
            used.ahead_until = ahead_until.saturating_add(self.interval);
        }
        if self.concurrency > 0 {
            used.running += 1;
        }
        Ok(())
    }

    /// Whether the number at a time is limited.
    pub(super) fn counts_running(&self) -> bool {
        self.concurrency > 0
    }

    /// What one request has taken of the rate.
    pub(super) fn interval(&self) -> u64 {
        self.interval
    }
}

impl Used {
    /// Whether it is as if the key had never come.
    pub(super) fn is_idle(&self, now: u64) -> bool {
        self.running == 0 && self.ahead_until <= now
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
