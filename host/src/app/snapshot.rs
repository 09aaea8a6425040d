//! What serves at one moment, and the step from there to the next configuration.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use crate::config::{Config, ConfigErrors, ListenerConfig};
use crate::control::archive::Archive;
use crate::control::watch::Watched;
use crate::discovery::DiscoveredPool;
use crate::health::Assignment;
use crate::listener::{Inherited, Listener};
use crate::policy::{Picker, PolicyLoader, PolicySlot};
use crate::worker::{ListenerShare, PolicyShare, Update};

use super::reconfigure::ConfigurationStatus;
use super::sockets::{self, Bound, Sockets};
use super::{policies, pools};

/// What serves at one moment.
#[derive(Debug, Default)]
pub(super) struct Snapshot {
    /// What it was made of; `None` before the first.
    config: Option<Config>,
    pools: Vec<pools::AtWork>,
    policies: Vec<policies::AtWork>,
    listeners: Vec<(ListenerConfig, Listener)>,
}

/// A whole configuration, checked, loaded and bound. Nobody has seen anything of it yet: dropping it undoes it.
#[derive(Debug)]
pub(super) struct Next {
    config: Config,
    workers: usize,
    pools: Vec<pools::Next>,
    policies: Vec<(policies::AtWork, Option<Vec<Picker>>)>,
    listeners: Vec<(Listener, Option<Bound>)>,
}

/// A configuration on its way to the workers.
#[derive(Debug)]
pub(super) struct Published {
    /// For each worker.
    pub(super) updates: Vec<Update>,
    /// Ends when all workers serve with it.
    pub(super) in_effect: Receiver<()>,
}

impl Snapshot {
    /// Makes the next configuration from this one. What stays is kept; everything else is made, and can fail.
    ///
    /// # Errors
    ///
    /// Every fault that shows when plugins are loaded and addresses are bound.
    pub(super) fn next(
        &self,
        config: Config,
        file: &Path,
        loader: &PolicyLoader,
        archive: Option<&Archive>,
        workers: usize,
        inherited: &mut Inherited,
    ) -> Result<Next, ConfigErrors> {
        let mut faults = Vec::new();
        let known: Vec<_> = self.config.iter().flat_map(|old| old.pools.iter().zip(&self.pools)).collect();
        let pools: Vec<pools::Next> = config
            .pools
            .iter()
            .map(|pool| pools::next(pool, known.iter().find(|(old, _)| old.name == pool.name).copied()))
            .collect();
        let policies = policies::open(&config, file, loader, archive, &pools, &self.policies, &mut faults);
        let listeners = sockets::bind(&config, file, workers, &self.listeners, inherited, &mut faults);
        ConfigErrors::none_or(faults)?;
        Ok(Next { config, workers, pools, policies, listeners })
    }

    /// What the workers serve according to.
    pub(super) fn config(&self) -> Option<&Config> {
        self.config.as_ref()
    }

    /// The slots of the policies: the pools' own in the order of the configuration, then those of routes.
    pub(super) fn slots(&self) -> Vec<Arc<PolicySlot>> {
        self.policies.iter().map(|policy| Arc::clone(&policy.slot)).collect()
    }

    /// What there is to say of it.
    pub(super) fn status(&self, number: u64) -> ConfigurationStatus {
        let drain_timeout = self.config.as_ref().map_or(Duration::ZERO, |config| config.drain_timeout);
        ConfigurationStatus { number, read_once: false, refused: None, drain_timeout, slots: self.slots() }
    }

    /// The pools whose health is watched.
    pub(super) fn assignments(&self) -> Vec<Assignment> {
        let configs = self.config.iter().flat_map(|config| &config.pools);
        self.pools.iter().zip(configs).map(|(pool, config)| pools::assignment(pool, config)).collect()
    }

    /// The pools with backends that DNS names.
    pub(super) fn discovered(&self) -> Vec<DiscoveredPool> {
        let configs = self.config.iter().flat_map(|config| &config.pools);
        let pools = self.pools.iter().zip(configs).filter(|(_, config)| !config.discovered.is_empty());
        pools.map(|(pool, config)| pools::discovered(pool, config)).collect()
    }

    /// The plugin files to follow.
    pub(super) fn watched(&self) -> Vec<Watched> {
        self.policies.iter().filter_map(policies::AtWork::watched).collect()
    }
}

impl Next {
    /// Keys of the policies that begin with this configuration.
    pub(super) fn new_policies(&self) -> impl Iterator<Item = &str> {
        self.policies.iter().filter(|(_, pickers)| pickers.is_some()).map(|(policy, _)| policy.key.as_str())
    }

    /// The configuration.
    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// Makes it the one that serves. It can't fail.
    ///
    /// Pools with other backends know them from now on, but no worker sees them before it serves with its update.
    pub(super) fn publish(self, number: u64, sockets: &Sockets) -> (Snapshot, Published) {
        let Self { config, workers, pools, policies, listeners } = self;
        let (done, in_effect) = mpsc::channel();
        let listener_configs = config.listeners.iter().cloned();
        let at_work = listener_configs.zip(listeners.iter().map(|(listener, _)| listener.clone())).collect();
        let listeners = sockets.keep(listeners);
        sockets::limit_connections(listeners.iter().map(|(listener, _)| listener), workers);
        let (policies, mut pickers): (Vec<_>, Vec<_>) =
            policies.into_iter().map(|(policy, pickers)| (policy, pickers.map(Vec::into_iter))).unzip();
        let of_routes = policies::of_routes(&config);
        let mut shares: Vec<(Listener, Option<_>)> =
            listeners.into_iter().map(|(listener, shares)| (listener, shares.map(Vec::into_iter))).collect();
        let mut update = || Update {
            configuration: number,
            pools: pools.iter().map(|pool| (Arc::clone(&pool.pool), Arc::clone(&pool.limits))).collect(),
            policies: policies
                .iter()
                .zip(&mut pickers)
                .map(|(policy, pickers)| PolicyShare {
                    slot: Arc::clone(&policy.slot),
                    pool: policy.pool,
                    picker: pickers.as_mut().and_then(Iterator::next),
                })
                .collect(),
            routes: config.routes.iter().cloned().zip(of_routes.iter().copied()).collect(),
            listeners: shares
                .iter_mut()
                .map(|(listener, shares)| ListenerShare {
                    listener: listener.clone(),
                    sockets: shares.as_mut().and_then(Iterator::next),
                })
                .collect(),
            drain_timeout: config.drain_timeout,
            in_effect: done.clone(),
        };
        let updates = (0..workers).map(|_| update()).collect();
        drop(done);
        for (pool, config) in pools.iter().zip(&config.pools) {
            pool.pool.set_max_in_flight(pool.limits.max_in_flight());
            if pool.rehearsal.is_some() {
                pools::reconfigure(&pool.pool, number, config);
            }
        }
        let pools = pools.into_iter().map(|pools::Next { pool, limits, .. }| pools::AtWork { pool, limits });
        let snapshot =
            Snapshot { pools: pools.collect(), policies, listeners: at_work, config: Some(config) };
        (snapshot, Published { updates, in_effect })
    }
}
