//! What decides a backend's health and weight: `[pool.NAME.health_check]`, `[pool.NAME.ejection]`, `panic_threshold` and
//! `slow_start`.

use std::ops::RangeInclusive;
use std::time::Duration;

use pointsman_core::pool::{BackendProtocol, PANIC_THRESHOLD};

use super::health_check::{HealthCheckConfig, health_check};
use super::read::{Section, Value};

const EJECTION: &str = "write `[pool.NAME.ejection]` above its keys";

/// Range of the failures in a row that eject; 0 is off.
const STREAK: RangeInclusive<u32> = 0..=1_000_000;

/// Range of `base_time` and `max_time`.
const EJECTION_TIME: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_hours(24);

/// Range of `window`.
const WINDOW: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_mins(10);

/// Range of `slow_start`; 0 is off.
const SLOW_START: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_hours(1);

/// What decides the health and weight of a pool's backends.
#[derive(Debug, Clone, PartialEq)]
pub struct HealthConfig {
    /// What each backend is asked from time to time; nothing by default. `[pool.NAME.health_check]`.
    pub check: Option<HealthCheckConfig>,
    /// When a backend whose responses are bad is taken out for a while. `[pool.NAME.ejection]`.
    pub ejection: EjectionConfig,
    /// Health is ignored while less than this share of the backends is healthy, percent. `panic_threshold`, 10; 0 = never.
    pub panic_threshold: u32,
    /// Time in which a backend that comes up gets to its whole weight. `slow_start`, 0 = at once.
    pub slow_start: Duration,
}

impl Default for HealthConfig {
    fn default() -> Self {
        Self {
            check: None,
            ejection: EjectionConfig::default(),
            panic_threshold: PANIC_THRESHOLD,
            slow_start: Duration::ZERO,
        }
    }
}

/// When a backend is ejected, and for how long.
#[derive(Debug, Clone, PartialEq)]
pub struct EjectionConfig {
    /// Whether backends are ejected at all. `enabled`, true.
    pub enabled: bool,
    /// Failures in a row to connect or to get a whole response, or responses of 502, 503 or 504. 5; 0 = off.
    pub consecutive_gateway_failures: u32,
    /// The same, or responses of any other status from 500. 20; 0 = off.
    pub consecutive_5xx: u32,
    /// Share of failures within `window`, percent. 85; 0 = off.
    pub failure_percent: u32,
    /// Fewest requests within `window` of which a share is taken. 50.
    pub min_requests: u32,
    /// Time over which the share is taken. 10 s.
    pub window: Duration,
    /// How long the first ejection lasts; the n-th lasts n times as long. 30 s.
    pub base_time: Duration,
    /// How long an ejection lasts at most. 300 s.
    pub max_time: Duration,
    /// Nothing is ejected if more than this share of the backends would be out, percent. 50.
    pub max_percent: u32,
}

impl Default for EjectionConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            consecutive_gateway_failures: 5,
            consecutive_5xx: 20,
            failure_percent: 85,
            min_requests: 50,
            window: Duration::from_secs(10),
            base_time: Duration::from_secs(30),
            max_time: Duration::from_secs(300),
            max_percent: 50,
        }
    }
}

/// The keys of a pool that decide health and weight. Its backends are spoken to in this protocol.
pub(super) fn health(pool: &mut Section<'_>, protocol: BackendProtocol) -> Option<HealthConfig> {
    let default = HealthConfig::default();
    let check = pool.get("health_check").map_or(Some(None), |value| health_check(&value, protocol));
    let ejection = pool.get("ejection").map_or_else(|| Some(default.ejection), |value| ejection(&value));
    let panic_threshold = pool.integer("panic_threshold", default.panic_threshold, 0..=100);
    let slow_start = pool.duration("slow_start", default.slow_start, SLOW_START);
    Some(HealthConfig { check: check?, ejection: ejection?, panic_threshold, slow_start })
}

fn ejection(value: &Value<'_>) -> Option<EjectionConfig> {
    Section::read(value, EJECTION, |section| {
        let default = EjectionConfig::default();
        let enabled = section.boolean("enabled", default.enabled);
        let consecutive_gateway_failures =
            section.integer("consecutive_gateway_failures", default.consecutive_gateway_failures, STREAK);
        let consecutive_5xx = section.integer("consecutive_5xx", default.consecutive_5xx, STREAK);
        let failure_percent = section.integer("failure_percent", default.failure_percent, 0..=100);
        if enabled && consecutive_gateway_failures == 0 && consecutive_5xx == 0 && failure_percent == 0 {
            section.fail("enabled", "there is nothing left to eject for", "write `enabled = false`");
        }
        let base_time = section.duration("base_time", default.base_time, EJECTION_TIME);
        // A longer base alone doesn't need a second key.
        let max_time = section.duration("max_time", default.max_time.max(base_time), EJECTION_TIME);
        if max_time < base_time {
            section.fail("max_time", "is less than `base_time`", "write at least as much as there");
        }
        Some(EjectionConfig {
            enabled,
            consecutive_gateway_failures,
            consecutive_5xx,
            failure_percent,
            min_requests: section.integer("min_requests", default.min_requests, 1..=1_000_000),
            window: section.duration("window", default.window, WINDOW),
            base_time,
            max_time,
            max_percent: section.integer("max_percent", default.max_percent, 1..=100),
        })
    })
}
