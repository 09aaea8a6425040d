//! The objects of the running configuration, and the step from there to the next one.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use pointsman_core::backend::ConfigurationGeneration;
use pointsman_core::pool::Pool;
use pointsman_core::request_limit::RequestLimit;
use pointsman_policy::{Picker, PolicyLoader, PolicySlot};

use crate::acme::Challenges;
use crate::config::{Config, ConfigErrors, ListenerConfig, PoolConfig};
use crate::control::status::{BesideCounts, ConfigurationStatus, DrainTimes, FileDifferences, FileStatus};
use crate::control::watch::Watched;
use crate::discovery::{DiscoveredPool, DiscoveryCounts};
use crate::error_pages::ErrorPages;
use crate::health::Assignment;
use crate::listener::{Inherited, Listener};
use crate::sticky::StickySettings;
use crate::tls::BackendTls;
use crate::worker::{ListenerAssignment, PoolAssignment, Update};

use super::access_log::ActiveLog;
use super::answers::AnswerFiles;
use super::backend_tls;
use super::certificates;
use super::limits;
use super::policies::{self, ActivePolicy, Remembered};
use super::pools::{self, ActivePool, PreparedPool};
use super::sockets::{self, Bound, Sockets};

/// The objects of the running configuration.
#[derive(Debug, Default)]
pub(super) struct Snapshot {
    /// The configuration that they were made from; `None` before the first one.
    config: Option<Config>,
    pools: Vec<ActivePool>,
    policies: Vec<ActivePolicy>,
    listeners: Vec<(ListenerConfig, Listener)>,
    access_log: ActiveLog,
    /// What authorities are answered. It stays the same object.
    challenges: Challenges,
    limits: Arc<[Arc<RequestLimit>]>,
    answers: AnswerFiles,
}

/// A whole configuration, checked, loaded and bound, that nothing uses yet: dropping it undoes it.
#[derive(Debug)]
pub(super) struct PreparedSnapshot {
    config: Config,
    workers: usize,
    pools: Vec<(PreparedPool, Option<Arc<BackendTls>>)>,
    policies: Vec<(ActivePolicy, Option<Vec<Picker>>)>,
    listeners: Vec<(Listener, Option<Bound>)>,
    access_log: ActiveLog,
    challenges: Challenges,
    limits: Arc<[Arc<RequestLimit>]>,
    answers: AnswerFiles,
}

/// A configuration on its way to the workers.
#[derive(Debug)]
pub(super) struct Committed {
    /// For each worker.
    pub(super) updates: Vec<Update>,
    /// Disconnected when all workers serve with it.
    pub(super) in_effect: Receiver<()>,
}

impl Snapshot {
    /// Prepares the next configuration. Objects that stay are kept; the others are made, which can fail.
    ///
    /// # Errors
    ///
    /// Every fault that shows when plugins are loaded and addresses are bound.
    pub(super) fn prepare(
        &self,
        config: Config,
        file: &Path,
        loader: &PolicyLoader,
        remembered: Remembered<'_>,
        workers: usize,
        inherited: &mut Inherited,
    ) -> Result<PreparedSnapshot, ConfigErrors> {
        let mut faults = Vec::new();
        let known: Vec<_> = self.config.iter().flat_map(|old| old.pools.iter().zip(&self.pools)).collect();
        let pools: Vec<PreparedPool> = config
            .pools
            .iter()
            .map(|pool| pools::prepare(pool, known.iter().find(|(old, _)| old.name == pool.name).copied()))
            .collect();
        let policies = policies::open(&config, file, loader, remembered, &pools, &self.policies, &mut faults);
        let tls = certificates::load(&config, file, &self.listeners, &self.challenges, &mut faults);
        let backend_tls = backend_tls::load(&config, file, &known, &mut faults);
        let listeners = sockets::bind(&config, &tls, file, workers, &self.listeners, inherited, &mut faults);
        let access_log = self.access_log.prepare(config.access_log.as_ref(), file, workers, &mut faults);
        let answers = self.answers.load(&config, file, &mut faults);
        ConfigErrors::none_or(faults)?;
        for warning in &config.warnings {
            tracing::warn!(event = "configuration-doubtful", "{warning}");
        }
        for warning in certificates::warnings(&config, file, &tls) {
            tracing::warn!(event = "certificate-doubtful", "{warning}");
        }
        for warning in backend_tls::warnings(&config, file, &backend_tls) {
            tracing::warn!(event = "backend-tls-doubtful", "{warning}");
        }
        let pools = pools.into_iter().zip(backend_tls).collect();
        let (challenges, limits) = (self.challenges.clone(), limits::prepare(&config, &self.limits));
        Ok(PreparedSnapshot {
            config,
            workers,
            pools,
            policies,
            listeners,
            access_log,
            challenges,
            limits,
            answers,
        })
    }

    /// The files of answers.
    pub(super) fn answers(&self) -> &AnswerFiles {
        &self.answers
    }

    /// Whether a file of an answer is another one by now.
    pub(super) fn has_changed_answers(&mut self) -> bool {
        self.answers.have_changed()
    }

    /// The configuration that the workers serve with.
    pub(super) fn config(&self) -> Option<&Config> {
        self.config.as_ref()
    }

    /// The slots of the policies: the pools' own in the order of the configuration, then those of routes.
    pub(super) fn slots(&self) -> Vec<Arc<PolicySlot>> {
        self.policies.iter().map(|policy| Arc::clone(&policy.slot)).collect()
    }

    /// What authorities are answered.
    pub(super) fn challenges(&self) -> &Challenges {
        &self.challenges
    }

    /// The access log.
    pub(super) fn access_log(&self) -> &ActiveLog {
        &self.access_log
    }

    /// What is published of it.
    pub(super) fn status(
        &self,
        generation: ConfigurationGeneration,
        file: &Path,
        discovery: &Arc<DiscoveryCounts>,
    ) -> ConfigurationStatus {
        let duration = |of: fn(&Config) -> Duration| self.config.as_ref().map_or(Duration::ZERO, of);
        ConfigurationStatus {
            generation,
            file: FileStatus { path: file.into(), ..FileStatus::default() },
            refused: None,
            drain: DrainTimes {
                delay: duration(|config| config.drain_delay),
                timeout: duration(|config| config.drain_timeout),
            },
            differences: FileDifferences::default(),
            listeners: self.listeners.iter().map(|(_, listener)| listener.clone()).collect(),
            workers: self.config.as_ref().map_or(0, |config| config.workers),
            pools: self.pools.iter().map(ActivePool::status).collect(),
            policies: self.policies.iter().map(ActivePolicy::status).collect(),
            counts: BesideCounts {
                access_log: Arc::clone(self.access_log.counts()),
                discovery: Arc::clone(discovery),
                limits: Arc::clone(&self.limits),
            },
        }
    }

    /// The running pool of this name.
    pub(super) fn pool(&self, name: &str) -> Option<&Arc<Pool>> {
        self.pools.iter().map(|active| &active.pool).find(|pool| *pool.name == *name)
    }

    /// The pools.
    pub(super) fn pools(&self) -> impl Iterator<Item = &Arc<Pool>> {
        self.pools.iter().map(|active| &active.pool)
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

    /// The files to follow.
    pub(super) fn watched(&self) -> Watched {
        let plugins = self.policies.iter().filter_map(ActivePolicy::watched).collect();
        let certificates = self.listeners.iter().flat_map(|(_, listener)| certificates::watched(listener));
        let of_listeners = self.listeners.iter().filter_map(|(_, listener)| certificates::policy(listener));
        let policies = of_listeners.chain(self.pools.iter().filter_map(backend_tls::watched)).collect();
        let only_when_asked = self.config.as_ref().is_some_and(|config| !config.watch);
        Watched { plugins, certificates: certificates.collect(), policies, only_when_asked }
    }
}

impl PreparedSnapshot {
    /// Keys of the policies that are new in this configuration.
    pub(super) fn new_policies(&self) -> impl Iterator<Item = &str> {
        self.policies.iter().filter(|(_, pickers)| pickers.is_some()).map(|(policy, _)| policy.key.as_str())
    }

    /// The configuration.
    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// Its files of answers.
    pub(super) fn answers(&self) -> &AnswerFiles {
        &self.answers
    }

    /// Its pools.
    pub(super) fn pools(&self) -> impl Iterator<Item = &Arc<Pool>> {
        self.pools.iter().map(|(prepared, _)| &prepared.pool)
    }

    /// Makes it the configuration that serves, as far as that isn't for the workers to do. It can't fail.
    ///
    /// Pools have their new backends from now on, but a worker sees them only once it has adopted its update.
    pub(super) fn commit(
        self,
        generation: ConfigurationGeneration,
        sockets: &Sockets,
    ) -> (Snapshot, Committed) {
        let Self { config, workers, pools, policies, listeners, access_log, challenges, limits, answers } =
            self;
        let (done, in_effect) = mpsc::channel();
        let listener_configs = config.listeners.iter().cloned();
        let active = listener_configs.zip(listeners.iter().map(|(listener, _)| listener.clone())).collect();
        let listeners = sockets.keep(listeners);
        sockets::limit_connections(listeners.iter().map(|(listener, _)| listener), workers);
        let (policies, mut pickers): (Vec<_>, Vec<_>) =
            policies.into_iter().map(|(policy, pickers)| (policy, pickers.map(Vec::into_iter))).unzip();
        let error_pages = ErrorPages::new(&config, |file| answers.content(file)).map(Arc::new);
        let routes = policies::of_routes(&config, &limits, &answers);
        let mut shares: Vec<(Listener, Option<_>)> =
            listeners.into_iter().map(|(listener, shares)| (listener, shares.map(Vec::into_iter))).collect();
        let orders = config.orders_certificates();
        let mut update = |worker| Update {
            configuration: generation,
            pools: assignments(&pools, &config, &answers),
            policies: policies.iter().zip(&mut pickers).map(policies::assignment).collect(),
            routes: routes.clone(),
            listeners: shares
                .iter_mut()
                .map(|(listener, shares)| ListenerAssignment {
                    listener: listener.clone(),
                    sockets: shares.as_mut().and_then(Iterator::next),
                })
                .collect(),
            challenges: orders.then(|| Arc::clone(&challenges.http)),
            error_pages: error_pages.clone(),
            access_log: access_log.assignment(worker),
            drain_timeout: config.drain_timeout,
            in_effect: done.clone(),
        };
        let updates = (0..workers).map(&mut update).collect();
        drop(done);
        for ((pool, _), config) in pools.iter().zip(&config.pools) {
            pool.pool.set_capacity(pool.limits.capacity());
            if pool.rehearsal.is_some() {
                pools::reconfigure(&pool.pool, generation, config);
            }
        }
        let pools = pools.into_iter().map(|(PreparedPool { pool, limits, .. }, tls)| ActivePool {
            pool,
            limits,
            tls,
        });
        let (pools, config) = (pools.collect(), Some(config));
        let snapshot =
            Snapshot { pools, policies, listeners: active, access_log, config, challenges, limits, answers };
        (snapshot, Committed { updates, in_effect })
    }
}

/// The pools as a worker gets them.
fn assignments(
    pools: &[(PreparedPool, Option<Arc<BackendTls>>)],
    config: &Config,
    files: &AnswerFiles,
) -> Vec<PoolAssignment> {
    let assign = |((pool, tls), config): (&(PreparedPool, Option<Arc<BackendTls>>), &PoolConfig)| {
        let (pool, limits) = (Arc::clone(&pool.pool), Arc::clone(&pool.limits));
        let sticky = config.sticky.as_ref().map(|sticky| {
            let secret = sticky.secret_file.as_ref().map_or(&[][..], |(file, _)| files.content(file));
            Arc::new(StickySettings::new(sticky.clone(), secret))
        });
        let compression = config.compression.clone();
        PoolAssignment { pool, limits, tls: tls.clone(), compression, sticky }
    };
    pools.iter().zip(&config.pools).map(assign).collect()
}
