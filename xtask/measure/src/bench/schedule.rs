//! When requests are to be sent.

use std::time::Duration;

/// How a run offers its requests.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Arrivals {
    /// Each connection sends its next request when it has the response to the last: as many as can be served.
    Closed {
        /// No request is sent after this time.
        time: Duration,
    },
    /// The same, until this many requests are sent.
    Counted {
        /// How many.
        requests: u64,
    },
    /// At fixed times, whether or not the responses keep up; a request's latency counts from the time at which it should
    /// have been sent, so one that waits for a connection is a slow one.
    Open(Rate),
}

/// Requests at even distances.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rate {
    /// A second, more than zero.
    pub(crate) per_second: f64,
    /// How many in all.
    pub(crate) requests: u64,
}

impl Rate {
    /// As many requests as fall into a time.
    pub(crate) fn during(per_second: f64, time: Duration) -> Self {
        Self { per_second, requests: (per_second * time.as_secs_f64()).round().max(1.0) as u64 }
    }
}

impl Arrivals {
    /// When the request of this number (from 0) is due, from the start; `None` when there is none.
    ///
    /// `elapsed` is the time since the start, at which whatever isn't timed is due.
    pub(crate) fn due(&self, number: u64, elapsed: Duration) -> Option<Duration> {
        match *self {
            Self::Closed { time } => (elapsed < time).then_some(elapsed),
            Self::Counted { requests } => (number < requests).then_some(elapsed),
            Self::Open(rate) => (number < rate.requests)
                .then(|| Duration::from_nanos((number as f64 * 1e9 / rate.per_second) as u64)),
        }
    }

    /// How long sending takes if all goes well; `None` if that depends on the responses.
    pub(crate) fn length(&self) -> Option<Duration> {
        match *self {
            Self::Closed { time } => Some(time),
            Self::Counted { .. } => None,
            Self::Open(rate) => Some(Duration::from_secs_f64(rate.requests as f64 / rate.per_second)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_loop_keeps_its_times_whatever_the_clock_says() {
        let arrivals = Arrivals::Open(Rate { per_second: 4000.0, requests: 3 });
        for elapsed in [Duration::ZERO, Duration::from_secs(9)] {
            let due: Vec<_> = (0..4).map(|number| arrivals.due(number, elapsed)).collect();
            let micros = |micros| Some(Duration::from_micros(micros));
            assert_eq!(due, [micros(0), micros(250), micros(500), None]);
        }
    }

    #[test]
    fn distances_add_up_without_drift() {
        let arrivals = Arrivals::Open(Rate { per_second: 30_000.0, requests: u64::MAX });
        assert_eq!(arrivals.due(30_000 * 60, Duration::ZERO), Some(Duration::from_secs(60)));
    }

    #[test]
    fn a_rate_knows_how_many_requests_a_time_holds() {
        assert_eq!(Rate::during(1500.0, Duration::from_millis(200)).requests, 300);
        assert_eq!(Rate::during(0.1, Duration::from_secs(1)).requests, 1);
        let length = Arrivals::Open(Rate::during(1500.0, Duration::from_secs(2))).length();
        assert_eq!(length, Some(Duration::from_secs(2)));
    }

    #[test]
    fn a_closed_loop_sends_at_once_until_its_time_is_over() {
        let arrivals = Arrivals::Closed { time: Duration::from_secs(1) };
        let (early, late) = (Duration::from_millis(999), Duration::from_secs(1));
        assert_eq!(arrivals.due(123_456, early), Some(early));
        assert_eq!(arrivals.due(0, late), None);
    }

    #[test]
    fn a_counted_run_ends_at_its_count() {
        let arrivals = Arrivals::Counted { requests: 2 };
        assert_eq!(arrivals.due(1, Duration::MAX), Some(Duration::MAX));
        assert_eq!(arrivals.due(2, Duration::ZERO), None);
    }
}
