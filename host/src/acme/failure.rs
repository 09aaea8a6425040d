//! Why an order has come to nothing, and when the next one is worth it.

use std::io;
use std::time::{Duration, SystemTime};

use instant_acme::{Error, Problem};
use pointsman_core::printable::Printable;
use serde::{Deserialize, Serialize};

use super::https::HttpsError;
use super::schedule::fraction;

/// Longest time to the next attempt that the authority may ask for.
const LONGEST_WISH: Duration = Duration::from_hours(24);

/// What an order has failed of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum FailureKind {
    /// The authority isn't there, or has troubles of its own.
    Away,
    /// It says no.
    Refused,
    /// Something of this machine.
    Local,
}

impl FailureKind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Away => "away",
            Self::Refused => "refused",
            Self::Local => "local",
        }
    }

    /// Time to the second attempt, and the longest between two. Authorities count refused ones: Let's Encrypt lets a name fail five times
    /// an hour.
    const fn delays(self) -> (Duration, Duration) {
        match self {
            Self::Away | Self::Local => (Duration::from_secs(10), Duration::from_mins(10)),
            Self::Refused => (Duration::from_mins(2), Duration::from_hours(1)),
        }
    }
}

/// Why an order has come to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(super) struct Failure {
    pub(super) kind: FailureKind,
    pub(super) message: String,
    /// What type of problem it is, in the words of RFC 8555 section 6.7.
    pub(super) problem: Option<String>,
}

impl Failure {
    pub(super) fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), problem: None }
    }

    /// Whether the authority says that it is a problem of this type.
    pub(super) fn is(&self, problem: &str) -> bool {
        self.problem.as_deref() == Some(problem)
    }

    /// What the authority says of a problem.
    pub(super) fn of_problem(problem: &Problem) -> Self {
        let kind =
            problem.r#type.as_deref().map(|kind| kind.trim_start_matches("urn:ietf:params:acme:error:"));
        // That a nonce is too old, time and again, is no answer to what was asked (RFC 8555 section 6.5).
        let is_its_own = matches!(kind, Some("serverInternal" | "badNonce"))
            || problem.status.is_some_and(|status| status >= 500);
        let mut message = problem.detail.clone().unwrap_or_else(|| "no reason is given".to_owned());
        for part in &problem.subproblems {
            message.push_str(&format!("; {part}"));
        }
        if let Some(kind) = kind {
            message.push_str(&format!(" ({kind})"));
        }
        let kind_of_failure = if is_its_own { FailureKind::Away } else { FailureKind::Refused };
        let message = Printable::text(message).as_str().to_owned();
        Self { kind: kind_of_failure, message, problem: kind.map(str::to_owned) }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Api(problem) => Self::of_problem(&problem),
            Error::Other(error) => match error.downcast::<HttpsError>() {
                Ok(error) => Self::new(FailureKind::Away, error.to_string()),
                Err(error) => Self::new(FailureKind::Away, Printable::text(error).as_str()),
            },
            Error::Timeout(_) => Self::new(FailureKind::Away, "the authority hasn't come to an end in time"),
            Error::Json(_) => {
                Self::new(FailureKind::Away, "what the authority answers isn't ACME (RFC 8555)")
            }
            error @ (Error::Crypto | Error::KeyRejected) => Self::new(FailureKind::Local, error.to_string()),
            error => Self::new(FailureKind::Away, Printable::text(error).as_str()),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::new(FailureKind::Local, format!("nothing can be kept: {error}"))
    }
}

/// What is kept of the failures in a row of a name. All proxies with this folder go by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Failures {
    pub(super) kind: FailureKind,
    /// How many of this kind there were in a row.
    pub(super) count: u32,
    /// When the last one was, seconds since 1970.
    pub(super) last: u64,
    /// Not before this, seconds since 1970.
    pub(super) next: u64,
    pub(super) message: String,
}

impl Failures {
    /// One more after those `before`; the authority may have said how long to stay away.
    pub(super) fn after(
        before: Option<&Self>,
        failure: &Failure,
        wish: Option<Duration>,
        now: SystemTime,
    ) -> Self {
        let alike = before.filter(|before| before.kind == failure.kind);
        let count = alike.map_or(0, |before| before.count).saturating_add(1);
        let (first, longest) = failure.kind.delays();
        let delay = first.saturating_mul(1 << (count - 1).min(16)).min(longest);
        let last = seconds(now);
        // Up to a tenth more, so that proxies which have failed at the same time don't come back at the same time.
        let delay = delay.mul_f64(1.0 + 0.1 * fraction(&(last, &failure.message, std::process::id())));
        let delay = delay.max(wish.unwrap_or_default().min(LONGEST_WISH));
        let next = last.saturating_add(delay.as_secs());
        Self { kind: failure.kind, count, last, next, message: failure.message.clone() }
    }

    /// What is known of failures: by this process, which may be unable to write them down, and what was kept.
    pub(super) fn newer(own: Option<Self>, kept: Option<Self>) -> Option<Self> {
        match (own, kept) {
            (Some(own), Some(kept)) if own.last > kept.last => Some(own),
            (own, kept) => kept.or(own),
        }
    }

    /// When the next attempt is worth it.
    pub(super) fn next(&self) -> SystemTime {
        moment(self.next)
    }

    /// The same for a process that has just begun, which somebody may have started to try again.
    pub(super) fn next_after_start(&self) -> SystemTime {
        let grace = match self.kind {
            FailureKind::Refused => Duration::from_mins(1),
            FailureKind::Away | FailureKind::Local => Duration::ZERO,
        };
        self.next().min(moment(self.last) + grace)
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn moment(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).unwrap_or(SystemTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_become_rare_and_five_in_an_hour_are_the_most_that_are_refused() {
        let delays = |kind: FailureKind, wish: Option<Duration>| {
            let (mut now, mut before) = (SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 30), None);
            let mut delays = Vec::new();
            for _ in 0..12 {
                let next = Failures::after(before.as_ref(), &Failure::new(kind, "no"), wish, now);
                delays.push(next.next().duration_since(now).unwrap().as_secs());
                now = next.next();
                before = Some(next);
            }
            delays
        };
        let refused = delays(FailureKind::Refused, None);
        let within_an_hour = refused.iter().scan(0, |at, delay| {
            *at += delay;
            Some(*at)
        });
        // After the first one.
        assert!(within_an_hour.filter(|at| *at < 3_600).count() <= 4, "{refused:?}");
        assert!((3_600..=3_960).contains(&refused[11]), "{refused:?}");
        let away = delays(FailureKind::Away, None);
        assert!((10..=11).contains(&away[0]) && (600..=660).contains(&away[11]), "{away:?}");
        // What the authority asks for counts, but not for ever.
        assert_eq!(delays(FailureKind::Refused, Some(Duration::from_hours(3)))[0], 3 * 3_600);
        assert_eq!(delays(FailureKind::Away, Some(Duration::from_hours(1_000)))[0], 24 * 3_600);
    }

    #[test]
    fn failures_that_can_not_be_kept_count_all_the_same() {
        let failure = Failure::new(FailureKind::Local, "nothing can be kept");
        let at = |seconds: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let one = Failures::after(None, &failure, None, at(1_000));
        let two = Failures::after(Some(&one), &failure, None, at(1_010));
        let known =
            |own: &Failures, kept: Option<&Failures>| Failures::newer(Some(own.clone()), kept.cloned());
        assert_eq!(known(&two, None).as_ref(), Some(&two));
        assert_eq!(known(&two, Some(&one)).as_ref(), Some(&two), "an older one is left of better days");
        assert_eq!(known(&one, Some(&two)).as_ref(), Some(&two), "another proxy has failed since");
        assert_eq!(Failures::newer(None, Some(one.clone())), Some(one));
    }

    #[test]
    fn another_kind_of_failure_begins_anew_and_a_start_tries_again() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 30);
        let mut failures = None;
        for _ in 0..9 {
            failures = Some(Failures::after(
                failures.as_ref(),
                &Failure::new(FailureKind::Refused, "no"),
                None,
                now,
            ));
        }
        let refused = failures.unwrap();
        assert_eq!(refused.next_after_start(), now + Duration::from_mins(1));
        let away = Failures::after(Some(&refused), &Failure::new(FailureKind::Away, "gone"), None, now);
        assert_eq!((away.count, away.next_after_start()), (1, now));
    }
}
