//! Changes that can be asked for while the proxy runs, and the answers to them.

use std::fmt::{self, Display};
use std::sync::mpsc::Sender;

use pointsman_core::backend::ConfigurationGeneration;
use pointsman_policy::{PolicySlot, SwapOutcome};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::overrides::{BackendName, BackendOverrides, OverridePatch};
use super::watch::Hint;
use crate::config::{ConfigError, ConfigErrors};

/// A change that the control thread (`reconfigure`) is asked to make.
///
/// It makes one change after the other, in the order in which they were asked for, and answers each one with its outcome.
#[derive(Debug)]
pub enum Change {
    /// Read the configuration file again, whether or not it seems to have changed.
    Reload(Reply<Reload>),
    /// Override what the file says of a backend.
    Override {
        /// The backend.
        name: BackendName,
        /// What of it.
        patch: OverridePatch,
        /// Who asks.
        by: String,
        /// For the overrides as they are then, and whether they outlive the process.
        reply: Reply<Result<(BackendOverrides, bool), ChangeError>>,
    },
    /// Take all overrides back.
    ClearOverrides {
        /// Who asks.
        by: String,
        /// For what has become of them, once the file's policies serve again or are refused.
        reply: Reply<OverridesCleared>,
    },
    /// Change the version of a policy.
    Policy {
        /// Which one.
        place: PolicyPlace,
        /// How.
        action: PolicyAction,
        /// Who asks.
        by: String,
        /// For what becomes of it, once another version is published or refused.
        reply: Reply<Result<PolicyChanged, ChangeError>>,
    },
}

/// Where a policy picks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyPlace {
    /// The pool.
    pub pool: String,
    /// The route, if it isn't the pool's own.
    pub route: Option<String>,
}

/// What has become of the overrides that were to be taken back.
#[derive(Debug)]
pub struct OverridesCleared {
    /// So many backends had some.
    pub backends: usize,
    /// So many policies were taken back.
    pub policies: usize,
    /// Why the others serve on: what the file has there can't.
    pub left: Vec<ConfigError>,
    /// Whether that is so after a restart, too.
    pub survives_restart: bool,
}

impl PolicyPlace {
    /// That of a slot.
    #[must_use]
    pub fn of(slot: &PolicySlot) -> Self {
        Self { pool: slot.pool().name.to_string(), route: slot.route().map(str::to_owned) }
    }
}

/// What has become of a policy.
#[derive(Debug)]
pub struct PolicyChanged {
    /// Whether another version serves.
    pub outcome: SwapOutcome,
    /// Whether what serves now serves after a restart, too.
    pub survives_restart: bool,
}

/// What to do with the version of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyAction {
    /// Have this plugin serve, if this version still does.
    Swap(PluginSource, Option<String>),
    /// Have a version serve that has served, or the one before this one.
    Rollback(Option<String>),
    /// Let a version in again that was taken back.
    Unquarantine(Option<String>),
}

/// Where a plugin comes from that is to serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PluginSource {
    /// It came with the change.
    Content {
        /// How its file is called where it came from, if that was said.
        file: Option<String>,
        /// The whole file.
        content: Vec<u8>,
    },
    /// As `policy = "NAME"` in the file.
    Named(String),
}

/// A change that isn't made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// What it is about isn't there any more.
    #[error("it was removed meanwhile")]
    Gone,
    /// Another version serves than the one that was to be replaced.
    #[error("the version {serving} serves, not the one that was to be replaced")]
    OtherVersion {
        /// The one that serves.
        serving: String,
    },
    /// No version of this name has served here.
    #[error("no version `{version}` has served here")]
    UnknownVersion {
        /// The name.
        version: String,
        /// Those that have.
        known: Vec<String>,
    },
    /// The first version serves.
    #[error("no version has served before this one")]
    NothingBefore,
    /// No such version is kept out.
    #[error("no such version is in quarantine")]
    NotQuarantined,
    /// There is no such plugin.
    #[error("{0}")]
    NoPlugin(String),
    /// The process ends.
    #[error("the process is ending")]
    Ending,
}

/// The channel for the answer to a change.
#[derive(Debug)]
pub struct Reply<T>(oneshot::Sender<T>);

impl<T> Reply<T> {
    /// Answers. Nothing happens if the caller has stopped waiting.
    pub fn send(self, answer: T) {
        let _ = self.0.send(answer);
    }
}

/// The outcome of a reload.
#[derive(Debug, Clone, PartialEq)]
pub enum Reload {
    /// All workers serve with this configuration.
    Done(ConfigurationGeneration),
    /// The file says what is served already.
    Unchanged,
    /// The file can't be served; the old configuration serves on.
    Refused(ConfigErrors),
}

impl Display for Reload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done(generation) => write!(f, "configuration {} serves", generation.0),
            Self::Unchanged => f.write_str("what the file says serves"),
            Self::Refused(_) => f.write_str("the file is refused; the configuration before it serves on"),
        }
    }
}

/// The queue of the control thread. All clones lead to the same thread.
#[derive(Debug, Clone)]
pub struct ChangeQueue(Sender<Hint<Change>>);

impl ChangeQueue {
    /// The queue whose other end the thread reads.
    #[must_use]
    pub fn new(hints: Sender<Hint<Change>>) -> Self {
        Self(hints)
    }

    /// Asks for a reload. The future is ready when all workers serve with the configuration that the file holds, or it is known
    /// why they can't; `None` if the thread ends before that.
    pub fn reload(&self) -> impl Future<Output = Option<Reload>> + Send + use<> {
        let answer = self.ask(Change::Reload);
        async { answer.await.ok() }
    }

    /// Asks for an override; see [`Change::Override`].
    ///
    /// # Errors
    ///
    /// The backend isn't there any more, or the process ends.
    pub async fn override_backend(
        &self,
        name: BackendName,
        patch: OverridePatch,
        by: String,
    ) -> Result<(BackendOverrides, bool), ChangeError> {
        let answer = self.ask(|reply| Change::Override { name, patch, by, reply });
        answer.await.unwrap_or(Err(ChangeError::Ending))
    }

    /// Takes all overrides back. The future is ready when the file's policies serve again, or are refused.
    ///
    /// # Errors
    ///
    /// The process ends.
    pub async fn clear_overrides(&self, by: String) -> Result<OverridesCleared, ChangeError> {
        self.ask(|reply| Change::ClearOverrides { by, reply }).await.map_err(|_| ChangeError::Ending)
    }

    /// Changes the version of a policy. The future is ready when it is published or refused.
    ///
    /// # Errors
    ///
    /// It isn't even tried.
    pub async fn change_policy(
        &self,
        place: PolicyPlace,
        action: PolicyAction,
        by: String,
    ) -> Result<PolicyChanged, ChangeError> {
        let answer = self.ask(|reply| Change::Policy { place, action, by, reply });
        answer.await.unwrap_or(Err(ChangeError::Ending))
    }

    /// Asks for a change that is answered with a `T`. There is no answer if the thread has ended.
    fn ask<T>(&self, change: impl FnOnce(Reply<T>) -> Change) -> oneshot::Receiver<T> {
        let (reply, answer) = oneshot::channel();
        let _ = self.0.send(Hint::Asked(change(Reply(reply))));
        answer
    }

    /// Ends the thread, after the change that it is making.
    pub fn close(&self) {
        let _ = self.0.send(Hint::End);
    }
}
