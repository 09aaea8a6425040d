//! When a certificate is renewed.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, SystemTime};

use crate::tls::Validity;

/// The time in which an authority wants a certificate to be renewed (RFC 9773 section 4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) start: SystemTime,
    pub(super) end: SystemTime,
}

/// Shortest time from getting a certificate to renewing it, whatever the authority suggests.
const LEAST: Duration = Duration::from_hours(1);

/// When to renew a certificate that is valid for this time and is here `since` then: somewhere in the window that the authority suggests,
/// or at two thirds of its life. `seed` is something of the certificate: whoever has it chooses the same moment, also after a restart.
pub(super) fn renewal(
    validity: Validity,
    since: SystemTime,
    window: Option<Window>,
    seed: &impl Hash,
) -> SystemTime {
    let life = validity.life();
    let somewhere = fraction(seed);
    // By an authority's mistake a window after the end would be the end of a service, and one in the past an order after the other.
    let latest = overdue(validity);
    let earliest = since + LEAST.min(life / 10);
    match window.and_then(|window| Some((window, window.end.duration_since(window.start).ok()?))) {
        Some((window, length)) => (window.start + length.mul_f64(somewhere)).max(earliest).min(latest),
        None => validity.from + life.mul_f64(2.0 / 3.0 - somewhere / 30.0),
    }
}

/// From when on something must be wrong with the renewal of a certificate.
pub(super) fn overdue(validity: Validity) -> SystemTime {
    validity.from + validity.life().mul_f64(5.0 / 6.0)
}

/// A number from 0 to 1 that is the same for the same.
pub(super) fn fraction(of: &impl Hash) -> f64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    // A double has room for 53 bits.
    (hasher.finish() >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    #[test]
    fn certificates_are_renewed_at_about_two_thirds_of_their_life_each_at_its_own_moment() {
        let from = SystemTime::UNIX_EPOCH + 20_000 * DAY;
        for days in [1, 6, 90, 365] {
            let validity = Validity { from, until: from + days * DAY };
            let at = |seed: u32| renewal(validity, from, None, &seed).duration_since(from).unwrap();
            let all: Vec<_> = (0..1_000).map(at).collect();
            let (first, last) = (all.iter().min().unwrap(), all.iter().max().unwrap());
            let life = days * DAY;
            assert!(*first >= life * 63 / 100 && *last <= life * 667 / 1_000, "{first:?} {last:?}");
            assert!(*last - *first > life / 40, "they are spread");
            assert_eq!(at(7), at(7));
        }
    }

    #[test]
    fn an_authority_chooses_the_time_unless_that_is_too_late() {
        let from = SystemTime::UNIX_EPOCH + 20_000 * DAY;
        let validity = Validity { from, until: from + 90 * DAY };
        let at = |start: Duration, end: Duration, seed: u32| {
            renewal(validity, from, Some(Window { start: from + start, end: from + end }), &seed)
        };
        for seed in 0..100 {
            let chosen = at(10 * DAY, 12 * DAY, seed);
            assert!(chosen >= from + 10 * DAY && chosen <= from + 12 * DAY);
            assert_eq!(at(80 * DAY, 200 * DAY, seed), from + 75 * DAY);
        }
        // One that is over means soon; one whose end comes first is none.
        assert_eq!(at(Duration::ZERO, Duration::ZERO, 1), from + Duration::from_hours(1));
        assert!(at(20 * DAY, 10 * DAY, 1) > from + 50 * DAY);
    }
}
