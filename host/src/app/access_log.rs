//! The access log of a configuration.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::access_log::{AccessLog, LogCounts};
use crate::config::{AccessLogConfig, ConfigError};
use crate::worker::LogAssignment;

/// The log can't be opened.
pub(super) fn fault(config: &AccessLogConfig, file: &Path, error: &io::Error) -> ConfigError {
    ConfigError {
        file: file.into(),
        line: Some(config.line),
        key: "access_log.path".into(),
        message: format!("cannot write to `{}`: {error}", config.output),
        hint: "name a file that this user may make, or `\"-\"` for standard output".into(),
    }
}

/// How requests are logged, if they are.
#[derive(Debug, Clone, Default)]
pub(super) struct ActiveLog {
    /// What is counted, whatever the configuration says.
    counts: Arc<LogCounts>,
    log: Option<(Arc<AccessLog>, Arc<AccessLogConfig>)>,
}

impl ActiveLog {
    /// The log of the next configuration: this one, if it writes to the same place. What can't be opened goes to `faults`.
    pub(super) fn prepare(
        &self,
        config: Option<&AccessLogConfig>,
        file: &Path,
        workers: usize,
        faults: &mut Vec<ConfigError>,
    ) -> Self {
        let counts = Arc::clone(&self.counts);
        let known = || self.log.as_ref().map(|(log, _)| log);
        let log = config.and_then(|config| {
            let log = match known() {
                Some(log) if log.is_for(config) => Ok(Arc::clone(log)),
                _ => AccessLog::open(config, workers, Arc::clone(&counts)),
            };
            let log = log.map_err(|error| faults.push(fault(config, file, &error))).ok()?;
            Some((log, Arc::new(config.clone())))
        });
        Self { counts, log }
    }

    /// The part of a worker.
    pub(super) fn assignment(&self, worker: usize) -> Option<LogAssignment> {
        let (log, config) = self.log.as_ref()?;
        Some(LogAssignment { log: Arc::clone(log), config: Arc::clone(config), worker })
    }

    /// What is counted.
    pub(super) fn counts(&self) -> &Arc<LogCounts> {
        &self.counts
    }

    /// The log, if there is one.
    pub(super) fn log(&self) -> Option<&AccessLog> {
        self.log.as_ref().map(|(log, _)| &**log)
    }
}
