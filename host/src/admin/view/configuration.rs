//! The configuration.

use crate::admin::model::{ConfigurationState, FaultState, PendingKey};
use crate::config::ConfigError;
use crate::control::status::{AwaitingRestart, ConfigurationStatus};

pub(in crate::admin) fn configuration(status: &ConfigurationStatus) -> ConfigurationState {
    let faults = status.refused.iter().flat_map(|errors| errors.iter());
    ConfigurationState {
        generation: status.generation.0,
        file: status.file.path.display().to_string(),
        followed: !status.file.read_once,
        awaiting_restart: status.differences.awaiting_restart.iter().map(pending).collect(),
        refused: faults.map(fault).collect(),
    }
}

fn pending(key: &AwaitingRestart) -> PendingKey {
    let AwaitingRestart { key, runs, configured } = key;
    PendingKey { key: (*key).to_owned(), runs: runs.clone(), configured: configured.clone() }
}

pub(in crate::admin) fn fault(error: &ConfigError) -> FaultState {
    let ConfigError { file, line, key, message, hint } = error;
    FaultState {
        file: file.display().to_string(),
        line: line.and_then(|line| u64::try_from(line).ok()),
        key: key.clone(),
        message: message.clone(),
        hint: hint.clone(),
    }
}
