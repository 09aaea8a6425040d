//! A backend's health by its checks, and when it is checked next.

use std::time::Duration;

use pointsman_core::clock::Moment;
use pointsman_core::topology::Health;

use crate::config::{HealthCheckConfig, InitialHealth};

/// How much longer or shorter a period may be, as a part of it: backends that were once checked at the same instant drift apart.
const JITTER: f64 = 0.1;

/// The state of a backend by its checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CheckState {
    /// Not yet checked, with this health until then. The first check decides alone.
    Never(Health),
    /// Up; `failed` checks since the last one that passed.
    Up { failed: u32 },
    /// Down; `passed` checks since the last one that failed.
    Down { passed: u32 },
}

impl CheckState {
    /// A backend before its first check.
    pub(super) fn new(initial: InitialHealth) -> Self {
        match initial {
            InitialHealth::Up => Self::Up { failed: 0 },
            InitialHealth::Down => Self::Never(Health::Unknown),
            InitialHealth::Unchecked => Self::Never(Health::Up),
        }
    }

    pub(super) fn health(self) -> Health {
        match self {
            Self::Never(health) => health,
            Self::Up { .. } => Health::Up,
            Self::Down { .. } => Health::Down,
        }
    }

    /// The state after one more check.
    pub(super) fn after(self, passed: bool, config: &HealthCheckConfig) -> Self {
        match (self, passed) {
            (Self::Never(_) | Self::Up { .. }, true) => Self::Up { failed: 0 },
            (Self::Never(_) | Self::Down { .. }, false) => Self::Down { passed: 0 },
            (Self::Up { failed }, false) if failed + 1 < config.fall => Self::Up { failed: failed + 1 },
            (Self::Up { .. }, false) => Self::Down { passed: 0 },
            (Self::Down { passed }, true) if passed + 1 < config.rise => Self::Down { passed: passed + 1 },
            (Self::Down { .. }, true) => Self::Up { failed: 0 },
        }
    }

    /// When to check after a check that began at `began`. `random` is from 0 to 1.
    pub(super) fn next(self, began: Moment, config: &HealthCheckConfig, random: f64) -> Moment {
        let jitter = 1.0 - JITTER + 2.0 * JITTER * random;
        began.after(self.period(config).mul_f64(jitter))
    }

    /// When to check for the first time: after this part of a period, from 0 to 1.
    pub(super) fn first(self, now: Moment, config: &HealthCheckConfig, part: f64) -> Moment {
        now.after(self.period(config).mul_f64(part))
    }

    fn period(self, config: &HealthCheckConfig) -> Duration {
        match self {
            Self::Up { failed: 0 } | Self::Down { passed: 0 } => config.interval,
            // The next check may change the health.
            Self::Never(_) | Self::Up { .. } | Self::Down { .. } => config.fast_interval,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::config::CheckKind;

    pub(in crate::health) fn config(rise: u32, fall: u32) -> HealthCheckConfig {
        HealthCheckConfig {
            kind: CheckKind::Tcp,
            port: None,
            interval: Duration::from_secs(2),
            fast_interval: Duration::from_secs(1),
            timeout: Duration::from_secs(1),
            rise,
            fall,
            initial: InitialHealth::Up,
        }
    }

    /// Checks passed (`+`) and failed (`-`) make of a backend: `u`p, `d`own, unknown (`?`), in capitals while in doubt.
    fn check(initial: InitialHealth, rise: u32, fall: u32, results: &str, expected: &str) {
        let config = config(rise, fall);
        let mut checked = CheckState::new(initial);
        let letter = |checked: CheckState| {
            let letter = match checked.health() {
                Health::Up => 'u',
                Health::Down | Health::Ejected { .. } => 'd',
                Health::Unknown => '?',
            };
            let fast = checked.next(Moment(0), &config, 0.5) == Moment(1_000_000);
            if fast { letter.to_ascii_uppercase() } else { letter }
        };
        let mut seen = letter(checked).to_string();
        for result in results.chars() {
            checked = checked.after(result == '+', &config);
            seen.push(letter(checked));
        }
        assert_eq!(seen, expected, "{initial:?}, rise {rise}, fall {fall}: {results}");
    }

    #[test]
    fn only_checks_in_a_row_change_the_health() {
        use InitialHealth::{Down, Unchecked, Up};
        check(Up, 2, 3, "--+---+-++", "uUUuUUdDdDu");
        check(Up, 1, 1, "-+-+", "ududu");
        check(Up, 3, 1, "-++-+++", "udDDdDDu");
        check(Up, 2, 3, "++++", "uuuuu");
        // The first check decides alone; after that, rise and fall hold.
        check(Down, 2, 3, "+--", "?uUU");
        check(Down, 2, 3, "-++", "?dDu");
        check(Unchecked, 2, 3, "+--", "UuUU");
        check(Unchecked, 2, 3, "-+", "UdD");
    }

    #[test]
    fn checks_are_spread_and_jitter_stays_within_its_bounds() {
        let config = config(2, 3);
        let (now, up) = (Moment(1_000_000), CheckState::new(InitialHealth::Up));
        let ends = |at: fn(CheckState, Moment, &HealthCheckConfig, f64) -> Moment, checked: CheckState| {
            [0.0, 0.5, 1.0].map(|random| at(checked, now, &config, random).since(now).as_millis())
        };
        assert_eq!(ends(CheckState::first, up), [0, 1_000, 2_000]);
        assert_eq!(ends(CheckState::first, CheckState::new(InitialHealth::Down)), [0, 500, 1_000]);
        assert_eq!(ends(CheckState::next, up), [1_800, 2_000, 2_200]);
        assert_eq!(ends(CheckState::next, CheckState::Up { failed: 1 }), [900, 1_000, 1_100]);
    }
}
