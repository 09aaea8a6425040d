//! A reload: loads and binds what a configuration says and commits it, or leaves everything as it is.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use pointsman_core::address::Address;
use pointsman_policy::PolicyLoader;
use tokio::sync::watch;

use crate::acme::CertificateOrders;
use crate::config::{AdminConfig, Config, TracingConfig};
use crate::control::change::Reload;
use crate::control::policy_overrides::PolicyOverrides;
use crate::control::status::{AwaitingRestart, ConfigurationStatus, FileDifferences};
use crate::control::watch::FileWatch;
use crate::health::HealthMonitor;
use crate::listener::Inherited;

use super::access_log::ActiveLog;
use super::diff::ConfigDiff;
use super::dns_names::DnsNames;
use super::overrides::{self, Steered};
use super::policies::{self, Remembered};
use super::snapshot::Snapshot;
use super::sockets::Sockets;
use super::workers::WorkerChannels;

/// State that the control thread shares with the rest of the process.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) configuration: watch::Sender<ConfigurationStatus>,
    pub(super) sockets: Sockets,
    pub(super) access_log: Mutex<ActiveLog>,
    pub(super) orders: CertificateOrders,
}

impl Shared {
    /// Drops what operators have put where what serves now is the file's, and publishes the others.
    pub(super) fn follow_put(&self, put: &PolicyOverrides, snapshot: &Snapshot) {
        if let Some(config) = snapshot.config() {
            policies::follow(put, config, &snapshot.slots());
        }
        self.publish_put(put);
    }

    /// Publishes which policies operators have put.
    pub(super) fn publish_put(&self, put: &PolicyOverrides) {
        // Asked within, so that what is published last is the latest.
        self.configuration.send_modify(|status| status.differences.policies = put.all());
    }
}

/// Orders the certificates that a configuration wants, and no others.
pub(super) fn order_certificates(
    orders: &CertificateOrders,
    snapshot: &Snapshot,
    files: &Arc<FileWatch>,
) -> std::io::Result<()> {
    snapshot.config().map_or(Ok(()), |config| orders.follow(config, snapshot.challenges(), files))
}

/// The running configuration, and everything that a reload changes.
pub(super) struct Reloader {
    pub(super) file: PathBuf,
    /// From the command line; they win over the file.
    pub(super) workers: Option<usize>,
    pub(super) snapshot: Snapshot,
    pub(super) channels: WorkerChannels,
    pub(super) loader: Arc<PolicyLoader>,
    pub(super) files: Arc<FileWatch>,
    pub(super) health: HealthMonitor,
    pub(super) names: DnsNames,
    pub(super) steered: Steered,
    pub(super) shared: Arc<Shared>,
}

impl Reloader {
    /// Makes this the configuration that serves. If anything of it is refused, nothing has changed.
    pub(super) fn reload(&mut self, config: Config) -> Reload {
        let began = Instant::now();
        let has_changed_answers = self.snapshot.has_changed_answers();
        let Some(old) = self.snapshot.config() else { return Reload::Unchanged };
        let (config, awaiting_restart) = self.without_what_needs_a_restart(config, old);
        if config == *old && !has_changed_answers {
            self.shared
                .configuration
                .send_modify(|status| status.differences.awaiting_restart = awaiting_restart);
            return Reload::Unchanged;
        }
        let workers = config.workers;
        let mut none = Inherited::default();
        let remembered = Remembered { archive: None, put: &self.steered.policies };
        let (file, loader) = (&self.file, &self.loader);
        let prepared = match self.snapshot.prepare(config, file, loader, remembered, workers, &mut none) {
            Ok(prepared) => prepared,
            Err(errors) => return Reload::Refused(errors),
        };
        let diff = ConfigDiff::between(old, prepared.config(), prepared.new_policies());
        let diff = diff.with_files(prepared.answers().differences(self.snapshot.answers()));
        let generation = self.shared.configuration.borrow().generation.next();
        let bound = self.shared.sockets.addresses();
        // DNS may take long, so it comes first: between the commit and the workers' update, workers see no change of their pools.
        self.names.prepare(prepared.config());
        self.steered.overrides.follow(prepared.config());
        overrides::apply(&self.steered.overrides, prepared.pools());
        let (snapshot, committed) = prepared.commit(generation, &self.shared.sockets);
        // Before the workers adopt it, so that a new backend that must be checked first gets no requests.
        self.health.update(snapshot.assignments());
        self.names.follow(&snapshot);
        self.channels.send(committed);
        // The log before ends with this, and with the workers' parts of it.
        *self.shared.access_log.lock() = snapshot.access_log().clone();
        self.tell_listeners(&bound);
        self.files.follow(snapshot.watched());
        if let Err(error) = order_certificates(&self.shared.orders, &snapshot, &self.files) {
            tracing::error!(event = "acme-not-started", %error, "no certificates are ordered until the next reload");
        }
        let (status, file) = (
            snapshot.status(generation, &self.file, self.names.counts()),
            self.shared.configuration.borrow().file.clone(),
        );
        let overrides = self.steered.overrides.all();
        let differences = FileDifferences { awaiting_restart, overrides, policies: Vec::new() };
        self.shared.configuration.send_replace(ConfigurationStatus { differences, file, ..status });
        // After that, as no policy that is put from now on can be for a slot that is gone.
        self.shared.follow_put(&self.steered.policies, &snapshot);
        self.snapshot = snapshot;
        tracing::info!(
            event = "configuration-reloaded", configuration = generation.0, changes = %diff, took = ?began.elapsed(),
            "configuration reloaded"
        );
        Reload::Done(generation)
    }

    fn tell_listeners(&self, before: &[Address]) {
        let after = self.shared.sockets.addresses();
        for address in after.iter().filter(|address| !before.contains(address)) {
            tracing::info!(event = "listener-bound", %address, "listening");
        }
        for address in before.iter().filter(|address| !after.contains(address)) {
            tracing::info!(
                event = "listener-closed", %address,
                "listener closed; its connections finish what they are at"
            );
        }
    }

    /// The configuration with the running values of the keys that can't change while the process runs, and those keys; warns of each.
    fn without_what_needs_a_restart(
        &self,
        mut config: Config,
        old: &Config,
    ) -> (Config, Vec<AwaitingRestart>) {
        let mut awaiting = Vec::new();
        if self.workers.is_none() && config.workers != old.workers {
            let (runs, configured) = (old.workers.to_string(), config.workers.to_string());
            awaiting.push(awaiting_restart("workers", runs, configured));
        }
        if !is_same_admin(config.admin.as_ref(), old.admin.as_ref()) {
            let address = |config: &Config| shown(config.admin.as_ref().map(|admin| &admin.address));
            let (runs, configured) = (address(old), address(&config));
            let key = if runs == configured { "admin" } else { "admin.address" };
            awaiting.push(awaiting_restart(key, runs, configured));
        }
        if config.metrics.address != old.metrics.address {
            let address = |config: &Config| shown(config.metrics.address);
            let (runs, configured) = (address(old), address(&config));
            awaiting.push(awaiting_restart("metrics.address", runs, configured));
        }
        if config.state_dir != old.state_dir {
            let folder =
                |config: &Config| shown(config.state_dir.as_ref().map(|folder| folder.path.display()));
            let (runs, configured) = (folder(old), folder(&config));
            awaiting.push(awaiting_restart("state_dir", runs, configured));
        }
        config.workers = old.workers;
        config.state_dir.clone_from(&old.state_dir);
        config.admin.clone_from(&old.admin);
        config.metrics.address = old.metrics.address;
        if config.tracing != old.tracing {
            let (runs, configured) = (traced(old.tracing.as_ref()), traced(config.tracing.as_ref()));
            awaiting.push(awaiting_restart("tracing", runs, configured));
        }
        config.tracing.clone_from(&old.tracing);
        (config, awaiting)
    }
}

fn is_same_admin(one: Option<&AdminConfig>, other: Option<&AdminConfig>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.has_settings_of(other),
        _ => one.is_none() && other.is_none(),
    }
}

/// A value of the configuration as it is written there, or that there is none.
fn shown(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "none".to_owned(), |value| value.to_string())
}

fn traced(config: Option<&TracingConfig>) -> String {
    shown(config.map(|TracingConfig { endpoint, sample }| {
        format!("sample {sample} to {}", endpoint.as_deref().unwrap_or("the default endpoint"))
    }))
}

fn awaiting_restart(key: &'static str, runs: String, configured: String) -> AwaitingRestart {
    tracing::warn!(
        event = "restart-required",
        key,
        runs,
        configured,
        "takes effect at the next restart; the rest of the file applies now"
    );
    AwaitingRestart { key, runs, configured }
}
