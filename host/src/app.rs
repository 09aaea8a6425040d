//! Puts the parts together: everything is checked, loaded and bound before the first request, and again before a reload
//! takes effect.

mod changes;
mod names;
mod policies;
mod pools;
mod reconfigure;
mod snapshot;
mod sockets;
mod workers;

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::sync::{oneshot, watch};

use crate::clock::Clock;
use crate::config::Config;
use crate::control::admin;
use crate::control::archive::Archive;
use crate::control::state_lock::StateLock;
use crate::control::watch::PluginWatch;
use crate::descriptors::Descriptors;
use crate::health::HealthMonitor;
use crate::listener::{Inherited, Role};
use crate::policy::{Milestone, PolicyLoader, PolicySlot};
use crate::worker::{Drained, Phase};

use names::Names;
pub use reconfigure::{ConfigurationStatus, Reload};
use reconfigure::{Reconfigure, Reloader, Shared};
use snapshot::Snapshot;
use workers::Workers;

/// A running proxy.
///
/// Dropping it without [`join`](Self::join) ends it at the workers' own pace.
#[derive(Debug)]
pub struct App {
    shared: Arc<Shared>,
    admin: Option<Admin>,
    phase: watch::Sender<Phase>,
    state_lock: Option<StateLock>,
    workers: Workers,
    plugins: Arc<PluginWatch>,
    reconfigure: Reconfigure,
}

/// The admin server's socket, and the address that is configured for it.
#[derive(Debug)]
struct Admin {
    configured: SocketAddr,
    socket: TcpListener,
}

/// What an [`App`] starts with besides its configuration.
#[derive(Debug, Default)]
pub struct Circumstances {
    /// Worker threads, whatever the configuration says.
    pub workers: Option<usize>,
    /// Sockets that listen already.
    pub inherited: Inherited,
    /// The lock of `state_dir` in a process that this one takes over from.
    pub state_lock: Option<OwnedFd>,
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

    /// Starts serving. From then on the configuration is what the file says, as long as that can be served.
    ///
    /// # Errors
    ///
    /// A plugin can't serve, an address can't be bound, or the system refuses a thread.
    pub fn start(mut config: Config, file: &Path, circumstances: Circumstances) -> Result<Self> {
        let Circumstances { workers, mut inherited, state_lock } = circumstances;
        config.workers = workers.unwrap_or(config.workers);
        check_open_files(&config)?;
        let clock = Clock::start();
        let (remembered, state_lock) = match config.state_dir.as_deref() {
            Some(directory) => {
                let (archive, lock) = open_archive(directory, state_lock)?;
                (Some(archive), Some(lock))
            }
            None => (None, None),
        };
        let loader = Arc::new(match remembered.clone().zip(state_lock.clone()) {
            Some((archive, lock)) => {
                loader(&config, clock, archive.keep(lock).context("no thread for the policy archive")?)?
            }
            None => loader(&config, clock, |_, _| {})?,
        });
        let admin = config.admin.map(|address| admin_socket(address, &mut inherited)).transpose()?;
        let workers_count = config.workers;
        let next = Snapshot::default().next(
            config,
            file,
            &loader,
            remembered.as_ref(),
            workers_count,
            &mut inherited,
        )?;
        for address in inherited.left() {
            tracing::warn!(%address, "no listener has the address of this inherited socket; it is closed");
        }
        drop(inherited);

        let shared = Arc::<Shared>::default();
        let mut names = Names::new(clock);
        names.prepare(next.config());
        let (snapshot, first) = next.publish(1, &shared.sockets);
        names.follow(&snapshot);
        let plugins = PluginWatch::start(snapshot.watched(), Arc::clone(&loader))
            .context("cannot watch plugin files")?;
        let plugins = Arc::new(plugins);
        let health =
            HealthMonitor::start(clock, snapshot.assignments()).context("cannot start the health checks")?;
        let (phase, phase_seen) = watch::channel(Phase::Serving);
        let (workers_threads, mail) = workers::start(first, clock, &phase_seen)?;
        *shared.status() = snapshot.status(1);
        shared.status().read_once = is_read_once(file);
        let reloader = Reloader {
            file: file.into(),
            workers,
            snapshot,
            mail,
            loader,
            plugins: Arc::clone(&plugins),
            health,
            names,
            shared: Arc::clone(&shared),
        };
        let reconfigure = reloader.start().context("cannot watch the configuration file")?;

        for address in shared.sockets.addresses() {
            tracing::info!(%address, workers = workers_count, "listening");
        }
        if let Some(admin) = &admin {
            tracing::info!(address = %admin.socket.local_addr()?, "admin listening");
        }
        Ok(Self { shared, admin, phase, state_lock, workers: workers_threads, plugins, reconfigure })
    }

    /// Where clients connect, in the order of the configuration; no port is 0. None once a drain has begun.
    #[must_use]
    pub fn listeners(&self) -> Vec<SocketAddr> {
        self.shared.sockets.addresses()
    }

    /// The slots of the policies: the pools' own in the order of the configuration, then those of routes.
    #[must_use]
    pub fn slots(&self) -> Vec<Arc<PolicySlot>> {
        self.shared.status().slots.clone()
    }

    /// How it stands with the configuration.
    #[must_use]
    pub fn configuration(&self) -> ConfigurationStatus {
        self.shared.status().clone()
    }

    /// Reads the configuration file again, whether or not it seems to have changed. The future is ready when all workers
    /// serve with it, or it is known why they can't; `None` if the process ends before that.
    pub fn reload(&self) -> impl Future<Output = Option<Reload>> + Send + use<> {
        let (reply, reloaded) = oneshot::channel();
        self.reconfigure.reload(reply);
        async { reloaded.await.ok() }
    }

    /// Serves the admin address, if there is one. Never ends but by an error.
    pub fn serve_admin(&self) -> impl Future<Output = std::io::Result<std::convert::Infallible>> + use<> {
        let socket = self.admin.as_ref().map(|admin| admin.socket.try_clone());
        let phase = self.phase.subscribe();
        async move {
            if let Some(socket) = socket {
                admin::serve(socket?, phase, Descriptors::of_process().for_admin()).await?;
            }
            std::future::pending().await
        }
    }

    /// Looks at the plugin files now, whether or not they seem to have changed.
    pub fn look_at_plugins(&self) {
        self.plugins.look();
    }

    /// Duplicates of all sockets that listen, each with its purpose and the address that is configured for it.
    ///
    /// # Errors
    ///
    /// The process has run out of file descriptors.
    pub fn sockets(&self) -> std::io::Result<Vec<(Role, SocketAddr, TcpListener)>> {
        let listeners = self.shared.sockets.duplicates()?.into_iter();
        let mut all: Vec<_> = listeners.map(|(address, socket)| (Role::Listener, address, socket)).collect();
        if let Some(Admin { configured, socket }) = &self.admin {
            all.push((Role::Admin, *configured, socket.try_clone()?));
        }
        Ok(all)
    }

    /// The lock of `state_dir`, for a process that takes over.
    ///
    /// # Errors
    ///
    /// The process has run out of file descriptors.
    pub fn state_lock(&self) -> std::io::Result<Option<OwnedFd>> {
        self.state_lock.as_ref().map_or(Ok(None), StateLock::duplicate)
    }

    /// Tells the workers to stop accepting and to finish what runs.
    pub fn start_drain(&self) {
        // Before the workers close theirs: as long as a socket is open anywhere, connections wait in it.
        self.shared.sockets.close();
        // Whoever comes next need not wait for the end of the drain.
        if let Some(lock) = &self.state_lock {
            lock.release();
        }
        self.phase.send_replace(Phase::Draining);
    }

    /// Drains and waits for the end of it.
    ///
    /// # Errors
    ///
    /// A worker's event loop failed.
    pub fn join(self) -> Result<Drained> {
        self.start_drain();
        self.workers.join()
    }
}

/// Whether a configuration comes from something that can't be read a second time, such as a pipe; says so.
fn is_read_once(file: &Path) -> bool {
    let once = file.metadata().is_ok_and(|kind| !kind.is_file());
    if once {
        tracing::info!(file = %file.display(), "not a regular file: the configuration is read once and not followed");
    }
    once
}

/// Whether the process may open as many files as it takes to serve anybody. With fewer it would start, and fail later.
fn check_open_files(config: &Config) -> Result<()> {
    let (limit, least) =
        (Descriptors::of_process().limit(), Descriptors::least(config.workers, config.listeners.len()));
    anyhow::ensure!(
        limit >= least,
        "this process may open {limit} files, and needs at least {least} with {} workers; raise the limit \
         (LimitNOFILE= of the service, or ulimit -n)",
        config.workers
    );
    Ok(())
}

fn open_archive(directory: &Path, handed_over: Option<OwnedFd>) -> Result<(Archive, StateLock)> {
    let make = || format!("state_dir: cannot make {}", directory.display());
    std::fs::create_dir_all(directory).with_context(make)?;
    let lock = StateLock::take(directory, handed_over).context("state_dir")?;
    Ok((Archive::open(directory).with_context(make)?, lock))
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

/// The admin server's socket: the one that is there, or a new one.
fn admin_socket(address: SocketAddr, inherited: &mut Inherited) -> Result<Admin> {
    let socket = match inherited.take(Role::Admin, address).into_iter().next() {
        Some(socket) => socket,
        None => admin::bind(address).with_context(|| format!("cannot listen on {address} (admin)"))?,
    };
    socket.set_nonblocking(true)?;
    Ok(Admin { configured: address, socket })
}
