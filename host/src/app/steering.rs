//! What operators change while the proxy runs, beside the configuration file: overrides of backends, and versions of policies.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread;

use pointsman_core::backend::configured_weight;
use pointsman_core::pool::Pool;
use pointsman_policy::{Plugin, PolicySlot, SwapOutcome, VersionId};

use crate::config::{ConfigError, PolicySource};
use crate::control::change::{
    ChangeError, OverridesCleared, PluginSource, PolicyAction, PolicyChanged, PolicyPlace, Reply,
};
use crate::control::overrides::{BackendName, BackendOverrides, Keeping, OverridePatch};
use crate::control::plugin_file;
use crate::control::policy_overrides::{PolicyOverrides, PutPolicy};
use crate::control::watch::OnFileServes;

use super::overrides::apply;
use super::policies;
use super::reload::{Reloader, Shared};

/// What has become of a policy that was to be taken back.
enum TakenBack {
    /// It served, and the file's does now.
    Served,
    /// The file's served already.
    DidNotServe,
    /// It serves on, as the file's can't.
    Left(ConfigError),
}

/// What is done when another content of a plugin file serves: nothing lies over that any more.
pub(super) fn file_wins(put: PolicyOverrides, shared: &Arc<Shared>) -> OnFileServes {
    // Those who are told of a change of files are among what is shared.
    let shared = Arc::downgrade(shared);
    Arc::new(move |slot| {
        if !put.file_wins(&PolicyPlace::of(slot)) {
            return;
        }
        if let Some(shared) = shared.upgrade() {
            shared.publish_put(&put);
        }
        let put = put.clone();
        // On a thread of its own, so that a slow disk delays no swap.
        thread::spawn(move || put.keep());
    })
}

impl Reloader {
    /// Overrides what the file says of a backend. Returns the overrides that it has then, and whether they outlive the process.
    pub(super) fn override_backend(
        &mut self,
        name: &BackendName,
        patch: OverridePatch,
        by: &str,
    ) -> Result<(BackendOverrides, bool), ChangeError> {
        let config = self.snapshot.config().ok_or(ChangeError::Gone)?;
        let pool = self.snapshot.pool(&name.pool).ok_or(ChangeError::Gone)?;
        let stands = |pool: &Pool| {
            let topology = pool.topology();
            let backend = topology.backends().iter().find(|backend| *backend.name == *name.backend)?;
            Some((backend.draining, backend.weight))
        };
        let before = stands(pool).ok_or(ChangeError::Gone)?;
        let (overrides, keeping) = self.steered.overrides.change(name, patch, config, by);
        apply(&self.steered.overrides, [pool].into_iter());
        let after = stands(pool).unwrap_or(before);
        tracing::info!(
            event = "backend-overridden",
            pool = &*name.pool,
            backend = &*name.backend,
            by,
            draining_before = before.0,
            draining = after.0,
            weight_before = configured_weight(before.1),
            weight = configured_weight(after.1),
            "an operator has changed a backend"
        );
        self.publish_overrides();
        Ok((overrides, keeping == Keeping::Kept))
    }

    /// Takes all overrides back, and answers when the file's policies serve again or are refused. Nothing waits for that here.
    pub(super) fn clear_overrides(&mut self, by: String, reply: Reply<OverridesCleared>) {
        let (backends, keeping) = self.steered.overrides.clear();
        apply(&self.steered.overrides, self.snapshot.pools());
        self.publish_overrides();
        let (taken_back, outcomes) = mpsc::channel();
        for PutPolicy { place, .. } in self.steered.policies.all() {
            self.take_back(place, taken_back.clone());
        }
        drop(taken_back);
        let put = self.steered.policies.clone();
        thread::spawn(move || {
            let (mut policies, mut left) = (0, Vec::new());
            for outcome in outcomes {
                match outcome {
                    TakenBack::Served => policies += 1,
                    TakenBack::DidNotServe => {}
                    TakenBack::Left(fault) => left.push(fault),
                }
            }
            let survives_restart = ![keeping, put.keep()].contains(&Keeping::Failed);
            tracing::info!(
                event = "overrides-cleared",
                by,
                count = backends,
                policies,
                left = left.len(),
                "an operator has taken all overrides back"
            );
            reply.send(OverridesCleared { backends, policies, left, survives_restart });
        });
    }

    /// Has the file's policy serve where an operator has put another one, and says what came of it.
    fn take_back(&self, place: PolicyPlace, said: Sender<TakenBack>) {
        let used = self.snapshot.config().and_then(|config| Some((config, policies::used(config, &place)?)));
        let (Some((config, used)), Some(slot)) = (used, self.slot(&place)) else {
            // It is gone from the file meanwhile.
            self.steered.policies.forget(&place);
            return;
        };
        let plugin = match used.plugin(config, &self.file) {
            Ok(plugin) => plugin,
            Err(fault) => return drop(said.send(TakenBack::Left(fault))),
        };
        let (fault, put, shared) =
            (used.faults(&self.file), self.steered.policies.clone(), Arc::clone(&self.shared));
        self.loader.swap(&slot, plugin, move |outcome| {
            let outcome = match outcome {
                SwapOutcome::Refused(refusal) => TakenBack::Left(fault(&refusal)),
                SwapOutcome::Unchanged(_) => TakenBack::DidNotServe,
                SwapOutcome::Swapped(_) => TakenBack::Served,
            };
            if !matches!(outcome, TakenBack::Left(_)) {
                put.forget(&place);
                shared.publish_put(&put);
            }
            let _ = said.send(outcome);
        });
    }

    fn slot(&self, place: &PolicyPlace) -> Option<Arc<PolicySlot>> {
        self.snapshot.slots().into_iter().find(|slot| PolicyPlace::of(slot) == *place)
    }

    fn publish_overrides(&self) {
        let all = self.steered.overrides.all();
        self.shared.configuration.send_modify(|status| status.differences.overrides = all);
    }

    /// Changes the version of a policy, and answers when it serves or is refused. Nothing waits for that here.
    pub(super) fn change_policy(
        &self,
        place: PolicyPlace,
        action: PolicyAction,
        by: String,
        reply: Reply<Result<PolicyChanged, ChangeError>>,
    ) {
        let Some(slot) = self.slot(&place) else { return reply.send(Err(ChangeError::Gone)) };
        let asked = match &action {
            PolicyAction::Swap(..) => "swap",
            PolicyAction::Rollback(_) => "rollback",
            PolicyAction::Unquarantine(_) => "unquarantine",
        };
        let plugin = match self.plugin(&slot, &place, action) {
            Ok(Some(plugin)) => plugin,
            Ok(None) => {
                log(&slot, &by, asked, "unquarantined");
                let outcome = SwapOutcome::Unchanged(slot.active().version.id);
                return reply
                    .send(Ok(PolicyChanged { outcome, survives_restart: self.steered.archive.is_some() }));
            }
            Err(error) => return reply.send(Err(error)),
        };
        let (swapped, put, shared) =
            (Arc::clone(&slot), self.steered.policies.clone(), Arc::clone(&self.shared));
        let in_file = self.snapshot.config().and_then(|config| policies::in_file(config, &place));
        self.loader.swap(&slot, plugin.clone(), move |outcome| {
            if let SwapOutcome::Refused(refusal) = &outcome
                && refusal.is_incomplete()
            {
                swapped.log_refusal(&plugin.origin, refusal);
            }
            log(&swapped, &by, asked, word(&outcome));
            if matches!(outcome, SwapOutcome::Refused(_)) {
                return reply.send(Ok(PolicyChanged { outcome, survives_restart: false }));
            }
            match in_file {
                Some((over, content)) if content.as_ref() != Some(&plugin.content) => {
                    put.put(place.clone(), plugin, over, &by);
                }
                _ => drop(put.forget(&place)),
            }
            if !shared.configuration.borrow().policies.iter().any(|kept| Arc::ptr_eq(&kept.slot, &swapped)) {
                // A reload has made the place anew meanwhile: another slot serves there, and the file counts.
                put.forget(&place);
                return reply.send(Err(ChangeError::Gone));
            }
            shared.publish_put(&put);
            // On a thread of its own, so that a slow disk delays no other swap.
            thread::spawn(move || {
                let survives_restart = put.keep() == Keeping::Kept;
                reply.send(Ok(PolicyChanged { outcome, survives_restart }));
            });
        });
    }

    /// The plugin that is to serve, if one is.
    fn plugin(
        &self,
        slot: &PolicySlot,
        place: &PolicyPlace,
        action: PolicyAction,
    ) -> Result<Option<Plugin>, ChangeError> {
        let policy_dir = self.snapshot.config().and_then(|config| config.policy_dir.as_deref());
        match action {
            PolicyAction::Swap(source, if_match) => {
                let serving = slot.active().version.id.to_string();
                match if_match {
                    Some(wanted) if wanted != "*" && wanted.trim_matches('"') != serving => {
                        Err(ChangeError::OtherVersion { serving })
                    }
                    _ => load(source, policy_dir).map(Some),
                }
            }
            PolicyAction::Rollback(version) => earlier(slot, version).map(Some),
            PolicyAction::Unquarantine(version) => {
                let kept_out = slot.quarantine().map(|quarantine| quarantine.version);
                let meant = |id: &VersionId| version.is_none_or(|version| version == id.to_string());
                let kept_out = kept_out.filter(meant).ok_or(ChangeError::NotQuarantined)?;
                slot.set_quarantine(None);
                if let Some(archive) = &self.steered.archive {
                    archive.release(place.clone(), kept_out);
                }
                Ok(None)
            }
        }
    }
}

fn load(source: PluginSource, policy_dir: Option<&Path>) -> Result<Plugin, ChangeError> {
    match source {
        PluginSource::Content { file, content } => Ok(Plugin::uploaded(file.as_deref(), content)),
        PluginSource::Named(name) => plugin_file::find(&PolicySource::Named(name), policy_dir)
            .map_err(|error| ChangeError::NoPlugin(error.to_string())),
    }
}

/// The plugin of a version that has served, or of the one before the active one.
fn earlier(slot: &PolicySlot, version: Option<String>) -> Result<Plugin, ChangeError> {
    let (active, history) = (slot.active().version.id, slot.history());
    let mut before = history.iter().rev().filter(|published| published.id != active);
    let found = match &version {
        None => before.next().ok_or(ChangeError::NothingBefore)?,
        Some(version) => {
            let known = || history.iter().map(|published| published.id.to_string()).collect();
            let found = history.iter().find(|published| published.id.to_string() == *version);
            found.ok_or_else(|| ChangeError::UnknownVersion { version: version.clone(), known: known() })?
        }
    };
    Ok(found.plugin.clone())
}

fn log(slot: &PolicySlot, by: &str, action: &str, result: &str) {
    let (pool, route, version) = (&*slot.pool().name, slot.route(), slot.active().version.id);
    tracing::info!(
        event = "policy-steered", pool, route, by, action, result, %version,
        "an operator has asked for another version of a policy"
    );
}

fn word(outcome: &SwapOutcome) -> &'static str {
    match outcome {
        SwapOutcome::Swapped(_) => "swapped",
        SwapOutcome::Unchanged(_) => "unchanged",
        SwapOutcome::Refused(_) => "refused",
    }
}
