//! When requests come.

use std::sync::Arc;

use crate::recorded::Recorded;
use crate::spec::{Arrivals, Spec, capacity};
use crate::time_span::TimeSpan;

use super::super::random::Stream;

/// What a client takes at least to send the next request if it was answered at once, µs: else time would stand still, or nearly so.
const PAUSE: u64 = 1_000;

/// How long it takes at most to be answered at once, µs: as by a backend that has nothing to do for it.
const AT_ONCE: u64 = 1;

/// What says when the next request comes.
pub(super) struct Source {
    kind: Kind,
    stream: Stream,
    /// When the last one came, not rounded, µs.
    last: f64,
    /// No request comes any more.
    pub(super) is_closed: bool,
}

enum Kind {
    /// At this mean interval, µs.
    Open { interval: f64, arrivals: Arrivals, duration: f64 },
    /// As they came once, so many times as fast; the place of the next one.
    Again { recorded: Arc<Recorded>, speed: f64, next: usize },
    /// By clients that wait for their responses, with this mean pause, µs.
    Closed { clients: u32, think: f64 },
}

impl Source {
    pub(super) fn new(spec: &Spec, seed: u64) -> Self {
        let load = spec.load.get_ref();
        let stream = Stream::new(seed, "arrivals", 0);
        let recorded = load.replay.as_ref().and_then(|replay| Some((replay.recorded.clone()?, replay.speed)));
        let kind = match (load.clients, recorded) {
            (Some(clients), _) => Kind::Closed { clients, think: load.think.unwrap_or_default().0 as f64 },
            (None, Some((recorded, speed))) => Kind::Again { recorded, speed, next: 0 },
            (None, None) => {
                let share = || Some(load.utilization? * capacity(spec)?);
                let rate = load.rate.or_else(share).unwrap_or(1.0);
                let duration = spec.run.get_ref().duration.0 as f64;
                Kind::Open { interval: 1e6 / rate, arrivals: load.arrivals.unwrap_or_default(), duration }
            }
        };
        Self { kind, stream, last: 0.0, is_closed: false }
    }

    /// When the first requests come.
    pub(super) fn first(&mut self) -> Vec<u64> {
        match self.kind {
            Kind::Open { .. } | Kind::Again { .. } => self.next().into_iter().collect(),
            Kind::Closed { clients, think } => {
                (0..clients).map(|_| self.stream.exponential(think) as u64).collect()
            }
        }
    }

    /// When the request after the one that has just come does; none if that isn't known yet.
    pub(super) fn next(&mut self) -> Option<u64> {
        let (interval, arrivals, duration) = match &mut self.kind {
            Kind::Open { interval, arrivals, duration } => (*interval, *arrivals, *duration),
            Kind::Again { recorded, speed, next } => {
                let request = recorded.requests.get(*next)?;
                *next += 1;
                return Some((request.at as f64 / *speed).round() as u64);
            }
            Kind::Closed { .. } => return None,
        };
        self.last = match arrivals {
            Arrivals::Poisson => self.last + self.stream.exponential(interval),
            Arrivals::Even => self.last + interval,
            // By the inverse of the mean number of requests so far, which grows with the square of the time.
            Arrivals::Ramp => {
                let so_far = self.last * self.last + 2.0 * duration * self.stream.exponential(interval);
                libm::sqrt(so_far)
            }
            Arrivals::Bursts { on, off } => self.in_bursts(interval, on, off),
        };
        Some(self.last.round() as u64)
    }

    fn in_bursts(&mut self, interval: f64, TimeSpan(on): TimeSpan, TimeSpan(off): TimeSpan) -> f64 {
        let (on, off) = (on as f64, off as f64);
        let within = self.stream.exponential(interval * on / (on + off));
        // Time that counts only what is on, and back.
        let period = on + off;
        let bursts = libm::floor(self.last / period);
        let passed = bursts * on + (self.last - bursts * period).min(on) + within;
        let bursts = libm::floor(passed / on);
        bursts * period + (passed - bursts * on)
    }

    /// When a client whose request of then has just been answered sends the next one; none of those that don't wait.
    pub(super) fn answered(&mut self, sent: u64, now: u64) -> Option<u64> {
        match self.kind {
            Kind::Open { .. } | Kind::Again { .. } => None,
            Kind::Closed { think, .. } => {
                let next = now + self.stream.exponential(think) as u64;
                Some(next + if next <= sent + AT_ONCE { PAUSE } else { 0 })
            }
        }
    }
}
