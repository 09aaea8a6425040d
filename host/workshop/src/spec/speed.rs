//! How fast backends work.

use serde::Deserialize;

use crate::time_span::TimeSpan;

/// How much faster a backend works than it takes the requests for.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(
    untagged,
    expecting = "a speed is a number above 0, or two of them, such as `{ usual = 1, disturbed = 0.5, share = 0.3, cycle = \"4s\" }`"
)]
pub enum Speed {
    /// Always as much. `0.5`.
    Steady(f64),
    /// Less at times, as something else runs beside it. `{ usual = 1, disturbed = 0.5, share = 0.3, cycle = "4s" }`.
    Disturbed(Disturbed),
}

/// A backend that is slower at random times: it is disturbed for an exponential time, then not for another one, and so on.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disturbed {
    /// Its speed as a rule; above 0. `usual`, 1.
    #[serde(default = "unit")]
    pub usual: f64,
    /// Its speed while it is disturbed; above 0.
    pub disturbed: f64,
    /// Share of the time in which it is, above 0 and below 1.
    pub share: f64,
    /// Mean time from one disturbance to the next, at least 1 ms.
    pub cycle: TimeSpan,
}

impl Default for Speed {
    fn default() -> Self {
        Self::Steady(unit())
    }
}

impl Speed {
    /// Its mean over time.
    #[must_use]
    pub fn mean(&self) -> f64 {
        match *self {
            Self::Steady(speed) => speed,
            Self::Disturbed(Disturbed { usual, disturbed, share, .. }) => {
                usual * (1.0 - share) + disturbed * share
            }
        }
    }

    /// What is wrong with it.
    pub(super) fn fault(&self) -> Option<&'static str> {
        let is_right = |speed: f64| speed > 0.0 && speed.is_finite();
        match *self {
            Self::Steady(speed) if !is_right(speed) => Some("a speed above 0"),
            Self::Disturbed(Disturbed { usual, disturbed, .. })
                if !is_right(usual) || !is_right(disturbed) =>
            {
                Some("speeds above 0, `usual` and `disturbed`")
            }
            Self::Disturbed(Disturbed { share, .. }) if !(share > 0.0 && share < 1.0) => {
                Some("disturbed for a `share` of the time above 0 and below 1")
            }
            Self::Disturbed(Disturbed { cycle, .. }) if cycle.0 < 1_000 => {
                Some("a `cycle` of at least \"1ms\"")
            }
            _ => None,
        }
    }
}

fn unit() -> f64 {
    1.0
}
