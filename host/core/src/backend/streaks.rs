//! Failures in a row.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use http::StatusCode;

/// What a response, or the lack of one, says about its backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseClass {
    /// It serves: a status below 500.
    Served,
    /// It may serve others: a status of 500 and above that comes from the application.
    ServerError,
    /// It doesn't serve: no connection, no response, a broken one, or one that says so (502, 503, 504).
    GatewayFailure,
}

impl ResponseClass {
    /// The class of a status.
    #[inline]
    #[must_use]
    pub fn of(status: StatusCode) -> Self {
        match status.as_u16() {
            502..=504 => Self::GatewayFailure,
            500.. => Self::ServerError,
            _ => Self::Served,
        }
    }

    /// Whether it counts as a failure.
    #[inline]
    #[must_use]
    pub fn is_failure(self) -> bool {
        self != Self::Served
    }
}

/// How often a backend has failed in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Streak {
    /// Gateway failures in a row.
    pub gateway: u32,
    /// Failures of any kind in a row; never fewer.
    pub server_error: u32,
}

/// The streak of a backend, for all workers. A response that is no failure costs one load.
#[derive(Debug, Default)]
pub struct Streaks(AtomicU64);

impl Streaks {
    /// Counts a response. Returns the streak if it has become longer.
    #[inline]
    pub fn count(&self, class: ResponseClass) -> Option<Streak> {
        let longer = |streak: Streak| match class {
            ResponseClass::Served => Streak::default(),
            ResponseClass::ServerError => {
                Streak { gateway: 0, server_error: streak.server_error.saturating_add(1) }
            }
            ResponseClass::GatewayFailure => Streak {
                gateway: streak.gateway.saturating_add(1),
                server_error: streak.server_error.saturating_add(1),
            },
        };
        if !class.is_failure() {
            if self.0.load(Relaxed) != 0 {
                self.0.store(0, Relaxed);
            }
            return None;
        }
        let update = |packed| Some(pack(longer(unpack(packed))));
        self.0.fetch_update(Relaxed, Relaxed, update).ok().map(|before| longer(unpack(before)))
    }

    /// The current streak.
    #[inline]
    #[must_use]
    pub fn get(&self) -> Streak {
        unpack(self.0.load(Relaxed))
    }

    /// Replaces the streak.
    pub fn set(&self, streak: Streak) {
        self.0.store(pack(streak), Relaxed);
    }
}

fn pack(streak: Streak) -> u64 {
    u64::from(streak.gateway) << 32 | u64::from(streak.server_error)
}

fn unpack(packed: u64) -> Streak {
    Streak { gateway: (packed >> 32) as u32, server_error: packed as u32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_say_who_failed() {
        let of = |status| ResponseClass::of(StatusCode::from_u16(status).unwrap());
        for status in [101, 200, 304, 404, 499] {
            assert_eq!(of(status), ResponseClass::Served, "{status}");
        }
        for status in [500, 501, 505, 599] {
            assert_eq!(of(status), ResponseClass::ServerError, "{status}");
        }
        for status in [502, 503, 504] {
            assert_eq!(of(status), ResponseClass::GatewayFailure, "{status}");
        }
    }

    #[test]
    fn failures_add_up_until_something_is_served() {
        let streaks = Streaks::default();
        let steps = [
            (ResponseClass::GatewayFailure, Some((1, 1))),
            (ResponseClass::GatewayFailure, Some((2, 2))),
            // The application has answered: the gateway works.
            (ResponseClass::ServerError, Some((0, 3))),
            (ResponseClass::GatewayFailure, Some((1, 4))),
            (ResponseClass::Served, None),
            (ResponseClass::Served, None),
            (ResponseClass::ServerError, Some((0, 1))),
        ];
        for (class, expected) in steps {
            let expected = expected.map(|(gateway, server_error)| Streak { gateway, server_error });
            assert_eq!(streaks.count(class), expected);
            assert_eq!(streaks.get(), expected.unwrap_or_default());
        }
        let most = Streak { gateway: u32::MAX, server_error: u32::MAX };
        streaks.set(most);
        assert_eq!(streaks.count(ResponseClass::GatewayFailure), Some(most), "it doesn't wrap");
    }
}
