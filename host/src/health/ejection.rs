//! Why a backend is ejected, and for how long.

use std::fmt;
use std::time::Duration;

use pointsman_core::backend::Streak;
use pointsman_core::clock::Moment;

use super::window::Window;
use crate::config::EjectionConfig;

/// Why a backend is ejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// This many gateway failures in a row.
    Gateway(u32),
    /// This many failures of any kind in a row.
    ServerError(u32),
    /// The share of failures, percent.
    Share(u32),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gateway(count) => write!(f, "{count} gateway failures in a row"),
            Self::ServerError(count) => write!(f, "{count} failures in a row"),
            Self::Share(percent) => write!(f, "{percent} % of requests failed"),
        }
    }
}

/// The streak that ejects.
pub(super) fn streak_that_ejects(config: &EjectionConfig) -> Streak {
    match config.enabled {
        true => Streak { gateway: config.consecutive_gateway_failures, server_error: config.consecutive_5xx },
        false => Streak::default(),
    }
}

/// The streak that a backend returns with from an ejection: one failure less than ejects.
pub(super) fn streak_after_ejection(config: &EjectionConfig) -> Streak {
    let at = streak_that_ejects(config);
    let gateway = at.gateway.saturating_sub(1);
    match at.server_error.checked_sub(1) {
        Some(server_error) => Streak { gateway: gateway.min(server_error), server_error },
        None => Streak { gateway, server_error: gateway },
    }
}

/// Why a backend with this streak and this window should be ejected, if it should.
pub(super) fn cause(streak: Streak, window: &Window, config: &EjectionConfig) -> Option<Cause> {
    let at = streak_that_ejects(config);
    if !config.enabled {
        None
    } else if at.gateway > 0 && streak.gateway >= at.gateway {
        Some(Cause::Gateway(streak.gateway))
    } else if at.server_error > 0 && streak.server_error >= at.server_error {
        Some(Cause::ServerError(streak.server_error))
    } else {
        let share = window.failure_percent(config.min_requests)?;
        (config.failure_percent > 0 && share >= config.failure_percent).then_some(Cause::Share(share))
    }
}

/// The ejections of a backend: how many there were, and when the current one ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ejection {
    until: Option<Moment>,
    /// Ejections that count towards the length of the next one.
    count: u32,
    /// When it last returned, or was forgiven an ejection.
    good_since: Moment,
}

impl Ejection {
    pub(super) fn none(now: Moment) -> Self {
        Self { until: None, count: 0, good_since: now }
    }

    pub(super) fn is_ejected(&self) -> bool {
        self.until.is_some()
    }

    /// Ejects. Returns for how long.
    pub(super) fn eject(&mut self, now: Moment, config: &EjectionConfig) -> Duration {
        let most = config.max_time.as_micros().div_ceil(config.base_time.as_micros().max(1));
        let most = u32::try_from(most).unwrap_or(u32::MAX);
        // A higher count wouldn't eject for longer, only take longer to be forgiven.
        self.count = self.count.saturating_add(1).min(most);
        let time = config.base_time.saturating_mul(self.count).min(config.max_time);
        self.until = Some(now.after(time));
        time
    }

    /// Whether an ejection has reached its end.
    pub(super) fn is_over(&self, now: Moment) -> bool {
        self.until.is_some_and(|until| until <= now)
    }

    /// Ends the ejection.
    pub(super) fn release(&mut self, now: Moment) {
        self.until = None;
        self.good_since = now;
    }

    /// Forgives one ejection for each `base_time` that has passed since the last.
    pub(super) fn forgive(&mut self, now: Moment, config: &EjectionConfig) {
        while self.until.is_none() && self.count > 0 && now.since(self.good_since) >= config.base_time {
            self.count -= 1;
            self.good_since = self.good_since.after(config.base_time);
        }
    }
}

/// How many of `backends` may be out at the same time: `max_percent` of them, but never the only one, and one of more.
pub(super) fn most_out(backends: usize, config: &EjectionConfig) -> usize {
    let share = backends * config.max_percent as usize / 100;
    if backends < 2 { 0 } else { share.max(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment(seconds * 1_000_000)
    }

    #[test]
    fn ejections_grow_up_to_their_cap_and_are_forgiven() {
        let config = EjectionConfig { max_time: Duration::from_secs(100), ..EjectionConfig::default() };
        let mut ejection = Ejection::none(at(0));
        let mut now = 0;
        for expected in [30, 60, 90, 100, 100, 100] {
            let time = ejection.eject(at(now), &config).as_secs();
            assert_eq!(time, expected);
            assert!(ejection.is_ejected() && !ejection.is_over(at(now + time - 1)));
            now += time;
            assert!(ejection.is_over(at(now)));
            ejection.release(at(now));
            assert!(!ejection.is_ejected() && !ejection.is_over(at(now)));
        }
        // Four count: 30 s, 60 s, 90 s, and all that are longer. Two are forgiven in a minute.
        ejection.forgive(at(now + 29), &config);
        ejection.forgive(at(now + 60), &config);
        assert_eq!(ejection.eject(at(now + 60), &config).as_secs(), 90);
        // Nothing is forgiven while it is ejected.
        ejection.forgive(at(now + 1_000), &config);
        ejection.release(at(now + 1_000));
        assert_eq!(ejection.eject(at(now + 1_000), &config).as_secs(), 100);
        ejection.release(at(now + 1_000));
        ejection.forgive(at(now + 100_000), &config);
        assert_eq!(ejection.eject(at(now + 100_000), &config).as_secs(), 30);
    }

    #[test]
    fn each_cause_can_be_switched_off() {
        let default = EjectionConfig::default();
        let mut window = Window::new(0, 0);
        for second in 1..=10 {
            window.sample(second * 10, second * 9, at(second), &default);
        }
        let check = |config: &EjectionConfig, gateway, server_error, expected| {
            assert_eq!(cause(Streak { gateway, server_error }, &window, config), expected);
        };
        check(&default, 0, 0, Some(Cause::Share(90)));
        check(&default, 5, 5, Some(Cause::Gateway(5)));
        check(&default, 4, 20, Some(Cause::ServerError(20)));
        check(&EjectionConfig { failure_percent: 91, ..default.clone() }, 0, 0, None);
        check(&EjectionConfig { min_requests: 101, ..default.clone() }, 0, 0, None);
        let no_share = EjectionConfig { failure_percent: 0, ..default.clone() };
        check(&no_share, 4, 19, None);
        check(&EjectionConfig { consecutive_gateway_failures: 0, ..no_share }, 9, 9, None);
        check(&EjectionConfig { consecutive_5xx: 0, ..no_share }, 4, 99, None);
        check(&EjectionConfig { enabled: false, ..default }, 99, 99, None);
    }

    #[test]
    fn on_trial_one_failure_is_enough() {
        let window = Window::new(0, 0);
        for (gateway, server_error) in [(5, 20), (1, 1), (0, 3), (4, 0), (7, 2)] {
            let config = EjectionConfig {
                consecutive_gateway_failures: gateway,
                consecutive_5xx: server_error,
                ..EjectionConfig::default()
            };
            let trial = streak_after_ejection(&config);
            assert_eq!(cause(trial, &window, &config), None, "{gateway}, {server_error}");
            let failed = Streak { gateway: trial.gateway + 1, server_error: trial.server_error + 1 };
            assert!(cause(failed, &window, &config).is_some(), "{gateway}, {server_error}");
        }
    }

    #[test]
    fn some_backends_always_stay() {
        let most = |percent| EjectionConfig { max_percent: percent, ..EjectionConfig::default() };
        for (backends, percent, expected) in
            [(0, 100, 0), (1, 100, 0), (2, 50, 1), (3, 50, 1), (4, 50, 2), (9, 10, 1), (10, 100, 10)]
        {
            assert_eq!(most_out(backends, &most(percent)), expected, "{percent} % of {backends}");
        }
    }
}
