//! The composition root: everything is checked, loaded and bound before the first request, and again before a reload
//! takes effect.

mod access_log;
mod admin_server;
mod answers;
mod backend_tls;
mod certificates;
mod diff;
mod dns_names;
mod foreseen;
mod limits;
mod metrics_server;
mod overrides;
mod policies;
mod pools;
mod reconfigure;
mod reload;
mod snapshot;
mod socket_paths;
mod sockets;
mod steering;
mod traces;
mod workers;

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::num::NonZeroUsize;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use pointsman_core::address::Address;
use pointsman_core::backend::ConfigurationGeneration;
use pointsman_core::clock::Clock;
use pointsman_policy::{PolicyLoader, PolicySlot, VersionEvent};
use tokio::sync::watch;

use crate::access_log::LogCounts;
use crate::config::{Config, ConfigError, ConfigErrors};
use crate::control::archive::{Archive, ArchiveQueue};
use crate::control::change::Reload;
use crate::control::start_gate::StartGate;
use crate::control::state_lock::StateLock;
use crate::control::status::{ConfigurationStatus, StatusView};
use crate::control::take_over::HandedOver;
use crate::control::watch::FileWatch;
use crate::discovery::DiscoveryCounts;
use crate::health::HealthMonitor;
use crate::listener::Inherited;
use crate::log::LogControls;
use crate::open_files::OpenFiles;
use crate::worker::{Drained, Phase};

use admin_server::AdminServer;
use dns_names::DnsNames;
use metrics_server::MetricsServer;
use overrides::Steered;
use policies::Remembered;
use reconfigure::Reconfigure;
use reload::{Reloader, Shared, order_certificates};
use snapshot::Snapshot;
use traces::TraceExport;
use workers::Workers;

/// After a drain this long is waited for the access log, which somebody may not read.
const LOG_FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// A running proxy.
///
/// Dropping it without [`join`](Self::join) ends it at the workers' own pace.
#[derive(Debug)]
pub struct App {
    shared: Arc<Shared>,
    admin: AdminServer,
    metrics: MetricsServer,
    phase: watch::Sender<Phase>,
    state_lock: Option<StateLock>,
    workers: Workers,
    traces: Option<TraceExport>,
    files: Arc<FileWatch>,
    reconfigure: Reconfigure,
}

/// What an [`App`] starts with besides its configuration.
#[derive(Debug, Default)]
pub struct StartOptions {
    /// Worker threads, whatever the configuration says.
    pub workers: Option<usize>,
    /// Sockets that listen already.
    pub inherited: Inherited,
    /// The lock of `state_dir` in a process that this one takes over from.
    pub state_lock: Option<OwnedFd>,
    /// The process's log.
    pub log: LogControls,
    /// Passed right before the first connection is accepted. A start that isn't the first there fails.
    pub gate: StartGate,
}

impl App {
    /// Loads every certificate, every file of an answer and every pool's plugin as [`start`](Self::start) would, and looks at every other
    /// place in the file system that it would use. Answers what should be known of them though they can serve.
    ///
    /// # Errors
    ///
    /// Everything that can't serve, with the line of the configuration that names it
    /// ([`ConfigErrors`]); or that this machine or build can't serve it at all.
    pub fn check(config: &Config, file: &Path) -> Result<Vec<ConfigError>> {
        let mut faults = foreseen::check(config, file)?;
        let mut warnings = config.warnings.clone();
        let mut note = |found: Result<Vec<ConfigError>, ConfigErrors>| match found {
            Ok(found) => warnings.extend(found),
            Err(found) => faults.extend(found.iter().cloned()),
        };
        note(certificates::check(config, file));
        note(backend_tls::check(config, file));
        note(Ok(socket_paths::check(config, file)));
        note(answers::check(config, file).map(|()| Vec::new()));
        let (loader, _) = loader_with(config, Clock::start(), None)?;
        note(policies::check(config, file, &loader).map(|()| Vec::new()));
        ConfigErrors::none_or(faults)?;
        Ok(warnings)
    }

    /// Starts serving. From then on the configuration is what the file says, as long as that can be served.
    ///
    /// # Errors
    ///
    /// A plugin can't serve, an address can't be bound, the system refuses a thread, or the start was given up meanwhile.
    pub fn start(mut config: Config, file: &Path, options: StartOptions) -> Result<Self> {
        let StartOptions { workers, mut inherited, state_lock, log, gate } = options;
        config.workers = workers.unwrap_or(config.workers);
        foreseen::check_open_files(&config, OpenFiles::of_process())?;
        let clock = Clock::start();
        let state = foreseen::open_state_dir(&config, file, state_lock)?;
        let put_policies = overrides::put_policies(&config, state.as_ref());
        let (loader, archive) = loader_with(&config, clock, state.clone())?;
        let loader = Arc::new(loader);
        let admin = AdminServer::bind(config.admin.as_ref(), file, &mut inherited, clock, log)?;
        let workers_count = config.workers;
        let (mut insight, traces) = traces::start(config.tracing.as_ref(), clock)?;
        insight.explanations = admin.explanations().cloned();
        let metrics = MetricsServer::bind(&config, file, &mut inherited, clock, insight.tracer.clone())?;
        let prepared = Snapshot::default().prepare(
            config,
            file,
            &loader,
            Remembered { archive: state.as_ref().map(|(archive, _)| archive), put: &put_policies },
            workers_count,
            &mut inherited,
        )?;
        sockets::close(inherited);
        let shared = Arc::<Shared>::default();
        let mut names = DnsNames::new(clock);
        names.prepare(prepared.config());
        let overrides = overrides::at_start(prepared.config(), prepared.pools());
        let (snapshot, first) = prepared.commit(ConfigurationGeneration::FIRST, &shared.sockets);
        names.follow(&snapshot);
        *shared.access_log.lock() = snapshot.access_log().clone();
        let file_wins = steering::file_wins(put_policies.clone(), &shared);
        let files = FileWatch::start(snapshot.watched(), Arc::clone(&loader), file_wins);
        let files = Arc::new(files.context("cannot watch files")?);
        order_certificates(&shared.orders, &snapshot, &files).context("cannot order certificates")?;
        let health =
            HealthMonitor::start(clock, snapshot.assignments()).context("cannot start the health checks")?;
        let (phase, phase_seen) = watch::channel(Phase::Serving);
        anyhow::ensure!(gate.pass(), "told to end before it served");
        let (threads, channels) = workers::start(first, clock, &insight, &phase_seen, &metrics.workers)?;
        let steered = Steered { overrides, policies: put_policies, archive };
        publish_first(&shared, &snapshot, file, names.counts(), &steered);
        let reloader = Reloader {
            file: file.into(),
            workers,
            snapshot,
            channels,
            loader,
            files: Arc::clone(&files),
            health,
            names,
            steered,
            shared: Arc::clone(&shared),
        };
        let reconfigure = Reconfigure::start(reloader).context("cannot watch the configuration file")?;
        let state_lock = state.map(|(_, lock)| lock);
        let app =
            Self { shared, admin, metrics, phase, state_lock, workers: threads, traces, files, reconfigure };
        app.log_addresses(workers_count);
        Ok(app)
    }

    fn log_addresses(&self, workers: usize) {
        for address in self.listeners() {
            tracing::info!(event = "listener-bound", %address, workers, "listening");
        }
        self.admin.log_address();
        self.metrics.log_address();
    }

    /// Where clients connect, in the order of the configuration; no port is 0. None once a drain has begun.
    #[must_use]
    pub fn listeners(&self) -> Vec<Address> {
        self.shared.sockets.addresses()
    }

    /// The slots of the policies: the pools' own in the order of the configuration, then those of routes.
    #[must_use]
    pub fn slots(&self) -> Vec<Arc<PolicySlot>> {
        let configuration = self.shared.configuration.borrow();
        configuration.policies.iter().map(|policy| Arc::clone(&policy.slot)).collect()
    }

    /// Which configuration serves, and what the file says since.
    #[must_use]
    pub fn configuration(&self) -> ConfigurationStatus {
        self.shared.configuration.borrow().clone()
    }

    /// A read-only view of this proxy, for those who report its state.
    #[must_use]
    pub fn status(&self) -> StatusView {
        StatusView::new(self.shared.configuration.subscribe(), self.phase.subscribe())
    }

    /// Reads the configuration file again, whether or not it seems to have changed. The future is ready when all workers
    /// serve with it, or it is known why they can't; `None` if the process ends before that.
    pub fn reload(&self) -> impl Future<Output = Option<Reload>> + Send + use<> {
        self.reconfigure.changes().reload()
    }

    /// Serves the admin address and that for metrics, if there are any. Ends by an error, or some time after
    /// [`leave_addresses`](Self::leave_addresses).
    pub fn serve_admin(&self) -> impl Future<Output = std::io::Result<()>> + use<> {
        let changes = self.reconfigure.changes().clone();
        let admin = self.admin.serve(self.status(), changes, self.metrics.scrapes(self.status()));
        let metrics = self.metrics.serve(self.status(), self.admin.leaving());
        async { tokio::try_join!(admin, metrics).map(|_| ()) }
    }

    /// The addresses that were taken over are this process's from now on, with the files of their sockets.
    pub fn own_addresses(&self) {
        self.shared.sockets.own_files();
        self.admin.own_file();
    }

    /// All addresses are another process's from now on. What is connected to the admin address, or that for metrics, ends.
    pub fn leave_addresses(&self) {
        self.shared.sockets.leave_files();
        self.admin.leave();
    }

    /// Reads plugin files and certificates now, whether or not they seem to have changed.
    pub fn scan_files(&self) {
        self.files.scan();
        self.shared.orders.look();
    }

    /// Opens the file of the access log anew, which somebody may have renamed.
    pub fn reopen_access_log(&self) {
        match self.shared.access_log.lock().log() {
            Some(log) => log.reopen(),
            None => tracing::info!(event = "no-access-log", "there is no access log to open anew"),
        }
    }

    /// What is counted of the access log.
    #[must_use]
    pub fn access_log_counts(&self) -> Arc<LogCounts> {
        Arc::clone(self.shared.access_log.lock().counts())
    }

    /// Duplicates of all sockets that listen.
    ///
    /// # Errors
    ///
    /// The process has run out of file descriptors.
    pub fn sockets(&self) -> std::io::Result<Vec<HandedOver>> {
        let mut all = self.shared.sockets.duplicates()?;
        self.metrics.hand_over(&mut all)?;
        self.admin.hand_over(&mut all)?;
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

    /// How many backends and how many policies that operators have changed will be as the file says in a process that takes over, as
    /// there is no `state_dir`.
    #[must_use]
    pub fn fleeting_overrides(&self) -> (usize, usize) {
        if self.state_lock.is_some() {
            return (0, 0);
        }
        let differences = &self.shared.configuration.borrow().differences;
        (differences.overrides.len(), differences.policies.len())
    }

    /// Says that the proxy isn't ready any more, and serves and accepts on: whoever routes to it needs a while to stop.
    pub fn start_leaving(&self) {
        self.phase.send_replace(Phase::Leaving);
    }

    /// Tells the workers to stop accepting and to finish what runs.
    pub fn start_drain(&self) {
        self.shared.orders.stop();
        // Before the workers close theirs: as long as a socket is open anywhere, the kernel queues connections in it.
        self.shared.sockets.close();
        // The next process needn't wait for the end of the drain.
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
        let drained = self.workers.join();
        // The workers have handed over all that they had.
        let log = self.shared.access_log.lock().clone();
        log.log().into_iter().for_each(|log| log.finish(LOG_FLUSH_TIMEOUT));
        if let Some(traces) = self.traces {
            traces.finish();
        }
        drained
    }
}

/// Publishes which configuration serves at the start.
fn publish_first(
    shared: &Shared,
    snapshot: &Snapshot,
    file: &Path,
    discovery: &Arc<DiscoveryCounts>,
    steered: &Steered,
) {
    let mut status = snapshot.status(ConfigurationGeneration::FIRST, file, discovery);
    status.file.read_once = is_read_once(file);
    status.differences.overrides = steered.overrides.all();
    shared.configuration.send_replace(status);
    shared.follow_put(&steered.policies, snapshot);
}

/// Whether the file can't be read a second time, such as a pipe; logs it.
fn is_read_once(file: &Path) -> bool {
    let once = file.metadata().is_ok_and(|kind| !kind.is_file());
    if once {
        tracing::info!(
            event = "configuration-not-followed", file = %file.display(),
            "not a regular file: the configuration is read once and not followed"
        );
    }
    once
}

/// A loader that records the fate of plugin versions in `state_dir`, if there is one.
fn loader_with(
    config: &Config,
    clock: Clock,
    state: Option<(Archive, StateLock)>,
) -> Result<(PolicyLoader, Option<ArchiveQueue>)> {
    let keep = |(archive, lock): (Archive, StateLock)| archive.keep(lock);
    let queue = state.map(keep).transpose().context("no thread for the policy archive")?;
    let archive = queue.clone();
    let remember = move |slot: &PolicySlot, event| {
        if let Some(archive) = &archive {
            archive.note(slot, event);
        }
    };
    Ok((loader(config, clock, remember)?, queue))
}

fn loader(
    config: &Config,
    clock: Clock,
    remember: impl FnMut(&PolicySlot, VersionEvent) + Send + 'static,
) -> Result<PolicyLoader> {
    let workers = NonZeroUsize::new(config.workers).unwrap_or(NonZeroUsize::MIN);
    // The standard library's hasher is seeded by the system.
    let seed = RandomState::new().build_hasher().finish();
    Ok(PolicyLoader::start_with(clock, workers, seed, remember)?)
}
