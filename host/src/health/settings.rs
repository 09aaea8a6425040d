//! The health settings of a pool, prepared for use.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use pointsman_core::address::Address;
use pointsman_core::backend::Backend;
use pointsman_core::clock::Moment;
use pointsman_core::pool::{BackendProtocol, Pool, ProxyProtocol};
use pointsman_core::topology::{Health, Member};

use super::check_state::CheckState;
use super::{ramp, silence};
use crate::config::{BackendConfig, HealthConfig, PoolConfig};
use crate::tls::BackendTls;

/// The settings that decide the health and weight of a pool's backends.
#[derive(Debug)]
pub struct HealthSettings {
    pub(super) config: HealthConfig,
    /// What connections for checks begin with.
    pub(super) proxy_protocol: Option<ProxyProtocol>,
    /// What checks are made in.
    pub(super) protocol: BackendProtocol,
    /// What connections for checks are made over; without it, they are in clear.
    pub(super) tls: Option<Arc<BackendTls>>,
    /// Addresses for checks with the hosts that led to them, by the names of backends that have one of their own for that.
    addresses: HashMap<String, (Address, Option<String>)>,
    /// How long backends may be silent.
    pub(super) patience: Duration,
}

impl HealthSettings {
    /// The settings of a pool whose backends are checked in clear.
    #[must_use]
    pub fn of(pool: &PoolConfig) -> Self {
        let own = |backend: &BackendConfig| {
            Some((backend.name.clone(), (backend.check_address.clone()?, backend.check_host.clone())))
        };
        let addresses = pool.backends.iter().filter_map(own).collect();
        let (proxy_protocol, protocol) = (pool.limits.proxy_protocol, pool.limits.protocol);
        let patience = silence::patience(pool.limits.response_timeout);
        Self { config: pool.health.clone(), proxy_protocol, protocol, tls: None, addresses, patience }
    }

    /// The same over TLS, if there is any.
    #[must_use]
    pub fn over(self, tls: Option<Arc<BackendTls>>) -> Self {
        Self { tls, ..self }
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
    pub(super) fn check_address(&self, backend: &Backend) -> Address {
        if let Some((own, _)) = self.addresses.get(&*backend.name) {
            return own.clone();
        }
        let mut address = backend.address.clone();
        if let Address::Tcp(address) = &mut address
            && let Some(port) = self.config.check.as_ref().and_then(|check| check.port)
        {
            address.set_port(port);
        }
        address
    }

    /// The host that led to where a backend is checked, or to the backend itself, if one did.
    pub(super) fn check_host<'a>(&'a self, backend: &'a Backend) -> Option<&'a str> {
        let own = self.addresses.get(&*backend.name).and_then(|(_, host)| host.as_deref());
        own.or(backend.host.as_deref())
    }
}

#[cfg(test)]
impl From<HealthConfig> for HealthSettings {
    fn from(config: HealthConfig) -> Self {
        let protocol = BackendProtocol::Http1;
        let patience = silence::patience(Duration::from_secs(30));
        Self { config, proxy_protocol: None, protocol, tls: None, addresses: HashMap::new(), patience }
    }
}
