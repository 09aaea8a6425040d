//! What the operator wants of a pool's health, in the form that is worked with.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use super::check::Checked;
use super::ramp;
use crate::backend::Backend;
use crate::clock::Moment;
use crate::config::{HealthConfig, PoolConfig};
use crate::pool::Pool;
use crate::topology::{Health, Member};

/// What decides the health and weight of a pool's backends.
#[derive(Debug)]
pub struct HealthSettings {
    pub(super) config: HealthConfig,
    /// Where backends are checked that have an address of its own for that, by name.
    addresses: HashMap<String, SocketAddr>,
}

impl HealthSettings {
    /// The settings of a pool.
    #[must_use]
    pub fn of(pool: &PoolConfig) -> Self {
        let addresses = pool.backends.iter();
        let addresses =
            addresses.filter_map(|backend| Some((backend.name.clone(), backend.check_address?))).collect();
        Self { config: pool.health.clone(), addresses }
    }

    /// A backend that is added to a pool at work: it serves at once only if it may, and with as much as it may.
    #[must_use]
    pub fn newcomer(&self, backend: Arc<Backend>) -> Member {
        let now = Moment(0);
        let weight = ramp::weight(backend.weight, now, now, self.config.slow_start);
        let weight = weight.unwrap_or(backend.weight);
        Member { health: self.initial_health(), weight, backend }
    }

    /// Makes of a new pool, whose backends are taken for healthy, what it shall be before the first check.
    pub(super) fn introduce(&self, pool: &Pool) {
        pool.set_panic_threshold(self.config.panic_threshold);
        let health = self.initial_health();
        pool.change(|members| {
            for member in members {
                member.health = health;
            }
        });
    }

    /// What a backend is taken for that has never been checked.
    pub(super) fn initial_health(&self) -> Health {
        self.unchecked().map_or(Health::Up, Checked::health)
    }

    /// What is known of a backend that has never been checked; `None` if there are no checks.
    pub(super) fn unchecked(&self) -> Option<Checked> {
        self.config.check.as_ref().map(|check| Checked::new(check.initial))
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
        Self { config, addresses: HashMap::new() }
    }
}
