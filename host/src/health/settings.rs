//! The health settings of a pool, prepared for use.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use pointsman_core::backend::Backend;
use pointsman_core::clock::Moment;
use pointsman_core::pool::{Pool, ProxyProtocol};
use pointsman_core::topology::{Health, Member};

use super::check_state::CheckState;
use super::ramp;
use crate::config::{HealthConfig, PoolConfig};

/// The settings that decide the health and weight of a pool's backends.
#[derive(Debug)]
pub struct HealthSettings {
    pub(super) config: HealthConfig,
    /// What connections for checks begin with.
    pub(super) proxy_protocol: Option<ProxyProtocol>,
    /// Addresses for checks, by the names of backends that have one of their own for that.
    addresses: HashMap<String, SocketAddr>,
}

impl HealthSettings {
    /// The settings of a pool.
    #[must_use]
    pub fn of(pool: &PoolConfig) -> Self {
        let addresses = pool.backends.iter();
        let addresses =
            addresses.filter_map(|backend| Some((backend.name.clone(), backend.check_address?))).collect();
        let proxy_protocol = pool.limits.proxy_protocol;
        Self { config: pool.health.clone(), proxy_protocol, addresses }
    }

    /// The member for a backend that is added to an active pool: with its health before the first check, and the weight with which
    /// its slow start begins.
    #[must_use]
    pub fn newcomer(&self, backend: Arc<Backend>) -> Member {
        let now = Moment(0);
        let weight = ramp::weight(backend.weight, now, now, self.config.slow_start);
        let weight = weight.unwrap_or(backend.weight);
        Member { health: self.initial_health(), weight, backend }
    }

    /// Puts a new pool, whose backends are taken for healthy, into its state before the first check.
    pub(super) fn introduce(&self, pool: &Pool) {
        pool.set_panic_threshold(self.config.panic_threshold);
        let health = self.initial_health();
        pool.change(|members| {
            for member in members {
                member.health = health;
            }
        });
    }

    /// The health of a backend before its first check.
    pub(super) fn initial_health(&self) -> Health {
        self.unchecked().map_or(Health::Up, CheckState::health)
    }

    /// The state of a backend before its first check; `None` if there are no checks.
    pub(super) fn unchecked(&self) -> Option<CheckState> {
        self.config.check.as_ref().map(|check| CheckState::new(check.initial))
    }

    /// Where a backend is checked.
    pub(super) fn check_address(&self, backend: &Backend) -> SocketAddr {
        if let Some(own) = self.addresses.get(&*backend.name) {
            return *own;
        }
        let mut address = backend.address;
        if let Some(port) = self.config.check.as_ref().and_then(|check| check.port) {
            address.set_port(port);
        }
        address
    }
}

#[cfg(test)]
impl From<HealthConfig> for HealthSettings {
    fn from(config: HealthConfig) -> Self {
        Self { config, proxy_protocol: None, addresses: HashMap::new() }
    }
}
