//! Puts the parts together: everything is checked, loaded and bound before the first request.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::{Context, Result};
use tokio::sync::watch;

use crate::backend::Backend;
use crate::clock::Clock;
use crate::config::{BackendConfig, Config, ConfigError, ConfigErrors, PolicyConfig, PoolConfig};
use crate::control::watch::{PluginWatch, Watched};
use crate::control::{admin, plugin_file};
use crate::listener::Listener;
use crate::policy::{Cells, Opened, Plugin, PolicyLoader, PolicySettings, PolicySlot};
use crate::pool::Pool;
use crate::topology::Topology;
use crate::worker::{self, Drained, Phase, WorkerSetup};

/// A running proxy.
///
/// Dropping it without [`join`](Self::join) ends it at the workers' own pace.
#[derive(Debug)]
pub struct App {
    pools: Vec<Arc<PolicySlot>>,
    listeners: Vec<SocketAddr>,
    admin: Option<TcpListener>,
    phase: watch::Sender<Phase>,
    workers: Vec<JoinHandle<std::io::Result<Drained>>>,
    plugins: PluginWatch,
}

impl App {
    /// Loads every pool's plugin as [`start`](Self::start) would, and leaves it at that.
    ///
    /// # Errors
    ///
    /// Every plugin that can't serve, with the line of the configuration that names it ([`ConfigErrors`]).
    pub fn check(config: &Config, file: &Path) -> Result<()> {
        let loader = loader(config, Clock::start())?;
        let faults: Vec<ConfigError> = config
            .pools
            .iter()
            .filter_map(|pool| {
                let checked = find(config, pool, file).and_then(|plugin| {
                    loader
                        .check(shared(pool), settings(&pool.policy), plugin)
                        .map_err(|refusal| policy_error(pool, file, &refusal))
                });
                checked.err()
            })
            .collect();
        Ok(ConfigErrors::none_or(faults)?)
    }

    /// Starts serving.
    ///
    /// # Errors
    ///
    /// A plugin can't serve, an address can't be bound, or the system refuses a thread.
    pub fn start(config: &Config, file: &Path) -> Result<Self> {
        let clock = Clock::start();
        let loader = loader(config, clock)?;
        let opened = open(config, file, &loader)?;
        let (listeners, sockets) = bind(config)?;
        let admin = config
            .admin
            .map(|address| {
                admin::bind(address).with_context(|| format!("cannot listen on {address} (admin)"))
            })
            .transpose()?;

        let slots: Vec<Arc<PolicySlot>> = opened.iter().map(|opened| Arc::clone(&opened.slot)).collect();
        let watched = config.pools.iter().zip(&slots).filter_map(|(pool, slot)| {
            let path = plugin_file::path(&pool.policy.source, config.policy_dir.as_deref())?;
            Some(Watched { path, slot: Arc::clone(slot) })
        });
        let plugins = PluginWatch::start(watched.collect(), loader).context("cannot watch plugin files")?;
        let (phase, phase_seen) = watch::channel(Phase::Serving);
        let workers = start_workers(config, clock, opened, &listeners, sockets, &phase_seen)?;

        for listener in &listeners {
            tracing::info!(address = %listener.address, workers = config.workers, "listening");
        }
        if let Some(admin) = &admin {
            tracing::info!(address = %admin.local_addr()?, "admin listening");
        }
        let listeners = listeners.iter().map(|listener| listener.address).collect();
        Ok(Self { pools: slots, listeners, admin, phase, workers, plugins })
    }

    /// Where clients connect, in the order of the configuration; no port is 0.
    #[must_use]
    pub fn listeners(&self) -> &[SocketAddr] {
        &self.listeners
    }

    /// The pools' policies, in the order of the configuration.
    #[must_use]
    pub fn pools(&self) -> &[Arc<PolicySlot>] {
        &self.pools
    }

    /// Serves the admin address, if there is one. Never ends but by an error.
    pub fn serve_admin(&self) -> impl Future<Output = std::io::Result<std::convert::Infallible>> + use<> {
        let socket = self.admin.as_ref().map(TcpListener::try_clone);
        let phase = self.phase.subscribe();
        async move {
            if let Some(socket) = socket {
                admin::serve(socket?, phase).await?;
            }
            std::future::pending().await
        }
    }

    /// Looks at the plugin files now, whether or not they seem to have changed.
    pub fn look_at_plugins(&self) {
        self.plugins.look();
    }

    /// Tells the workers to stop accepting and to finish what runs.
    pub fn start_drain(&self) {
        self.phase.send_replace(Phase::Draining);
    }

    /// Drains and waits for the end of it.
    ///
    /// # Errors
    ///
    /// A worker's event loop failed.
    pub fn join(self) -> Result<Drained> {
        self.start_drain();
        let mut cut_off = 0;
        for worker in self.workers {
            match worker.join() {
                Ok(drained) => {
                    if let Drained::CutOff(connections) = drained.context("a worker's event loop failed")? {
                        cut_off += connections;
                    }
                }
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(if cut_off == 0 { Drained::Clean } else { Drained::CutOff(cut_off) })
    }
}

fn loader(config: &Config, clock: Clock) -> Result<PolicyLoader> {
    let workers = NonZeroUsize::new(config.workers).unwrap_or(NonZeroUsize::MIN);
    // The standard library's hasher is seeded by the system.
    let seed = RandomState::new().build_hasher().finish();
    Ok(PolicyLoader::start(clock, workers, seed)?)
}

/// Opens all pools' slots, or says everything that is wrong with their plugins.
fn open(config: &Config, file: &Path, loader: &PolicyLoader) -> Result<Vec<Opened>, ConfigErrors> {
    let mut all = Vec::with_capacity(config.pools.len());
    let mut faults = Vec::new();
    for pool in &config.pools {
        let opened = find(config, pool, file).and_then(|plugin| {
            loader
                .open(shared(pool), settings(&pool.policy), Arc::new(Cells::default()), plugin)
                .map_err(|refusal| policy_error(pool, file, &refusal))
        });
        match opened {
            Ok(opened) => all.push(opened),
            Err(fault) => faults.push(fault),
        }
    }
    ConfigErrors::none_or(faults)?;
    Ok(all)
}

fn find(config: &Config, pool: &PoolConfig, file: &Path) -> Result<Plugin, ConfigError> {
    plugin_file::find(&pool.policy.source, config.policy_dir.as_deref())
        .map_err(|error| policy_error(pool, file, &error))
}

fn policy_error(pool: &PoolConfig, file: &Path, error: &dyn std::error::Error) -> ConfigError {
    ConfigError {
        file: file.into(),
        line: Some(pool.policy.line),
        key: format!("pool.{}.policy", pool.name),
        message: error.to_string(),
        hint: String::new(),
    }
}

fn settings(policy: &PolicyConfig) -> PolicySettings {
    PolicySettings { config: policy.config.as_str().into(), deadline: policy.deadline, memory: policy.memory }
}

fn shared(pool: &PoolConfig) -> Arc<Pool> {
    let backends = pool.backends.iter().map(|backend| Arc::new(described(backend))).collect();
    Arc::new(Pool::new(&pool.name, pool.hash_seed, pool.limits.clone(), Topology::new(1, backends)))
}

fn described(backend: &BackendConfig) -> Backend {
    Backend {
        name: backend.name.as_str().into(),
        address: backend.address,
        weight: backend.weight * pointsman_sdk::abi::WEIGHT_UNIT,
        zone: backend.zone.as_str().into(),
        labels: backend.labels.clone().into(),
        backup: backend.backup,
        draining: backend.draining,
        stats: Arc::default(),
    }
}

/// Binds every listener once for each worker. The outer vector of sockets is by listener.
fn bind(config: &Config) -> Result<(Vec<Listener>, Vec<Vec<TcpListener>>)> {
    let bound: Result<Vec<_>, _> =
        config.listeners.iter().map(|listener| Listener::bind(listener, config.workers)).collect();
    Ok(bound?.into_iter().unzip())
}

fn start_workers(
    config: &Config,
    clock: Clock,
    opened: Vec<Opened>,
    listeners: &[Listener],
    mut sockets: Vec<Vec<TcpListener>>,
    phase: &watch::Receiver<Phase>,
) -> Result<Vec<JoinHandle<std::io::Result<Drained>>>> {
    let mut pools: Vec<_> = opened
        .into_iter()
        .map(|opened| (Arc::clone(opened.slot.pool()), opened.pickers.into_iter()))
        .collect();
    (0..config.workers)
        .map(|number| {
            let setup = WorkerSetup {
                listeners: listeners
                    .iter()
                    .cloned()
                    .zip(&mut sockets)
                    .filter_map(|(listener, sockets)| Some((listener, sockets.pop()?)))
                    .collect(),
                routes: config.routes.clone(),
                pools: pools
                    .iter_mut()
                    .filter_map(|(pool, pickers)| Some((Arc::clone(pool), pickers.next()?)))
                    .collect(),
                workers: config.workers,
                clock,
                drain_timeout: config.drain_timeout,
            };
            let phase = phase.clone();
            std::thread::Builder::new()
                .name(format!("worker-{number}"))
                .spawn(move || worker::run(setup, phase))
                .context("cannot start a worker thread")
        })
        .collect()
}
