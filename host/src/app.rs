//! Puts the parts together: everything is checked, loaded and bound before the first request.

mod policies;

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::sync::watch;

use crate::clock::Clock;
use crate::config::{Config, PoolConfig, RouteConfig};
use crate::control::admin;
use crate::control::archive::Archive;
use crate::control::watch::{PluginWatch, Watched};
use crate::discovery::{DiscoveredPool, Discovery};
use crate::health::{Assignment, HealthMonitor, HealthSettings};
use crate::listener::Listener;
use crate::policy::{Milestone, Opened, Picker, PolicyLoader, PolicySlot};
use crate::worker::{self, Drained, Phase, WorkerSetup};

/// How long the start waits for DNS to name backends.
const FIRST_ANSWERS: Duration = Duration::from_secs(5);

/// A running proxy.
///
/// Dropping it without [`join`](Self::join) ends it at the workers' own pace.
#[derive(Debug)]
pub struct App {
    slots: Vec<Arc<PolicySlot>>,
    listeners: Vec<SocketAddr>,
    admin: Option<TcpListener>,
    phase: watch::Sender<Phase>,
    workers: Vec<JoinHandle<std::io::Result<Drained>>>,
    plugins: PluginWatch,
    /// Present if any pool has names to follow.
    _discovery: Option<Discovery>,
    /// Works until it is dropped.
    _health: HealthMonitor,
}

impl App {
    /// Loads every pool's plugin as [`start`](Self::start) would, and leaves it at that.
    ///
    /// # Errors
    ///
    /// Every plugin that can't serve, with the line of the configuration that names it
    /// ([`ConfigErrors`](crate::config::ConfigErrors)).
    pub fn check(config: &Config, file: &Path) -> Result<()> {
        let loader = loader(config, Clock::start(), |_, _| {})?;
        Ok(policies::check(config, file, &loader)?)
    }

    /// Starts serving.
    ///
    /// # Errors
    ///
    /// A plugin can't serve, an address can't be bound, or the system refuses a thread.
    pub fn start(config: &Config, file: &Path) -> Result<Self> {
        let clock = Clock::start();
        let archive = config.state_dir.as_deref().map(open_archive).transpose()?;
        let remembered = archive.clone();
        let loader = match archive {
            Some(archive) => {
                loader(config, clock, archive.keep().context("no thread for the policy archive")?)?
            }
            None => loader(config, clock, |_, _| {})?,
        };
        let opened = policies::open(config, file, &loader, remembered.as_ref())?;
        let (listeners, sockets) = bind(config)?;
        let admin = config
            .admin
            .map(|address| {
                admin::bind(address).with_context(|| format!("cannot listen on {address} (admin)"))
            })
            .transpose()?;

        let slots: Vec<Arc<PolicySlot>> = opened.iter().map(|opened| Arc::clone(&opened.slot)).collect();
        let watched = policies::uses(config).into_iter().zip(&slots);
        let watched = watched
            .filter_map(|(used, slot)| Some(Watched { path: used.file(config)?, slot: Arc::clone(slot) }));
        let plugins = PluginWatch::start(watched.collect(), loader).context("cannot watch plugin files")?;
        let discovery = discover(config, clock, &slots)?;
        let health = HealthMonitor::start(clock, watched_pools(config, &slots));
        let health = health.context("cannot start the health checks")?;
        let (phase, phase_seen) = watch::channel(Phase::Serving);
        let workers = start_workers(config, clock, opened, &listeners, sockets, &phase_seen)?;

        for listener in &listeners {
            tracing::info!(address = %listener.address, workers = config.workers, "listening");
        }
        if let Some(admin) = &admin {
            tracing::info!(address = %admin.local_addr()?, "admin listening");
        }
        let listeners = listeners.iter().map(|listener| listener.address).collect();
        Ok(Self { slots, listeners, admin, phase, workers, plugins, _discovery: discovery, _health: health })
    }

    /// Where clients connect, in the order of the configuration; no port is 0.
    #[must_use]
    pub fn listeners(&self) -> &[SocketAddr] {
        &self.listeners
    }

    /// The slots of the policies: the pools' own in the order of the configuration, then those of routes.
    #[must_use]
    pub fn slots(&self) -> &[Arc<PolicySlot>] {
        &self.slots
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

/// Follows the names of backends, and waits a moment for the first answers.
fn discover(config: &Config, clock: Clock, slots: &[Arc<PolicySlot>]) -> Result<Option<Discovery>> {
    // The pools' own slots come first.
    let discovered = config.pools.iter().zip(slots).map(|(pool, slot)| DiscoveredPool {
        pool: Arc::clone(slot.pool()),
        entries: pool.discovered.clone(),
        health: Arc::new(HealthSettings::of(pool)),
    });
    let discovered: Vec<_> = discovered.filter(|pool| !pool.entries.is_empty()).collect();
    if discovered.is_empty() {
        return Ok(None);
    }
    let discovery = Discovery::start(clock).context("no thread for DNS")?;
    discovery.update(config.dns.clone(), discovered).wait(FIRST_ANSWERS);
    Ok(Some(discovery))
}

fn open_archive(directory: &Path) -> Result<Archive> {
    Archive::open(directory).with_context(|| format!("state_dir: cannot make {}", directory.display()))
}

fn loader(
    config: &Config,
    clock: Clock,
    remember: impl FnMut(&PolicySlot, Milestone) + Send + 'static,
) -> Result<PolicyLoader> {
    let workers = NonZeroUsize::new(config.workers).unwrap_or(NonZeroUsize::MIN);
    // The standard library's hasher is seeded by the system.
    let seed = RandomState::new().build_hasher().finish();
    Ok(PolicyLoader::start_with(clock, workers, seed, remember)?)
}

/// The pools and their settings. The pools' own slots come first.
fn watched_pools(config: &Config, slots: &[Arc<PolicySlot>]) -> Vec<Assignment> {
    let assignment = |(pool, slot): (&PoolConfig, &Arc<PolicySlot>)| Assignment {
        pool: Arc::clone(slot.pool()),
        settings: Arc::new(HealthSettings::of(pool)),
    };
    config.pools.iter().zip(slots).map(assignment).collect()
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
    let mut opened = opened.into_iter().map(|opened| (opened.slot, opened.pickers.into_iter()));
    let mut pools: Vec<_> = opened.by_ref().take(config.pools.len()).collect();
    let mut of_routes: Vec<_> = opened.collect();
    (0..config.workers)
        .map(|number| {
            let setup = WorkerSetup {
                listeners: listeners
                    .iter()
                    .cloned()
                    .zip(&mut sockets)
                    .filter_map(|(listener, sockets)| Some((listener, sockets.pop()?)))
                    .collect(),
                pools: pools
                    .iter_mut()
                    .filter_map(|(slot, pickers)| Some((Arc::clone(slot.pool()), pickers.next()?)))
                    .collect(),
                routes: with_own_pickers(&config.routes, &mut of_routes),
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

/// The routes, and the next picker for each one that has a policy of its own.
fn with_own_pickers(
    routes: &[RouteConfig],
    pickers: &mut [(Arc<PolicySlot>, impl Iterator<Item = Picker>)],
) -> Vec<(RouteConfig, Option<Picker>)> {
    let mut pickers = pickers.iter_mut();
    routes
        .iter()
        .map(|route| {
            let picker = route.policy.as_ref().and_then(|_| pickers.next()?.1.next());
            (route.clone(), picker)
        })
        .collect()
}
