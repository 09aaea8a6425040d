//! What a start needs of the machine besides plugins and certificates, and whether that is to be had before anything is made or bound.

use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::path::Path;

use anyhow::Result;

use super::traces;
use crate::access_log::AccessLog;
use crate::admin::Guard;
use crate::config::{AdminConfig, Config, ConfigError, ConfigErrors, NamedFile};
use crate::control::archive::Archive;
use crate::control::state_lock::StateLock;
use crate::folder;
use crate::listener::BindError;
use crate::open_files::OpenFiles;

/// A fault at this line.
pub(super) fn fault(file: &Path, line: usize, key: impl Into<String>, message: impl ToString) -> ConfigError {
    let (key, message) = (key.into(), message.to_string());
    ConfigError { file: file.into(), line: Some(line), key, message, hint: String::new() }
}

/// Every fault for which a start of this configuration would be refused, as far as that shows without making or binding anything.
/// Addresses of TCP may be handed over by a service manager, so nothing is said of them.
///
/// # Errors
///
/// This machine or this build can't serve it at all.
pub(super) fn check(config: &Config, file: &Path) -> Result<Vec<ConfigError>> {
    check_open_files(config, OpenFiles::highest())?;
    traces::check(config.tracing.as_ref())?;
    let mut faults = Vec::new();
    if let Some(folder) = &config.state_dir {
        let found = could_hold_state(&folder.path);
        faults.extend(found.err().map(|error| cannot_keep_state(file, folder, &error)));
    }
    if let Some(admin) = &config.admin {
        faults.extend(guard(admin, file).err());
        let bound = BindError::foreseen(&admin.address);
        faults.extend(bound.err().map(|error| fault(file, admin.line, "admin.address", error)));
    }
    for (index, listener) in config.listeners.iter().enumerate() {
        let bound = BindError::foreseen(&listener.address);
        let key = format!("listener[{index}].address");
        faults.extend(bound.err().map(|error| fault(file, listener.line, key, error)));
    }
    if let Some(log) = &config.access_log {
        let opened = AccessLog::foreseen(log);
        faults.extend(opened.err().map(|error| super::access_log::fault(log, file, &error)));
    }
    Ok(faults)
}

/// Checks that a limit of open files lets each listener have a client. With less the proxy would start, and fail later.
pub(super) fn check_open_files(config: &Config, files: OpenFiles) -> Result<()> {
    let (limit, least) = (files.limit(), OpenFiles::least(config.workers, config.listeners.len()));
    anyhow::ensure!(
        limit >= least,
        "this process may open {limit} files, and needs at least {least} with {} workers; raise the limit \
         (LimitNOFILE= of the service, or ulimit -n)",
        config.workers
    );
    Ok(())
}

/// The rules for requests to the admin server, with its token.
pub(super) fn guard(config: &AdminConfig, file: &Path) -> Result<Guard, ConfigError> {
    Guard::new(config).map_err(|error| {
        let named = config.token_file.as_ref();
        let line = named.map_or(config.line, |named| named.line);
        let path = named.map(|named| format!("{}: ", named.path.display())).unwrap_or_default();
        fault(file, line, "admin.token_file", format_args!("{path}{error}"))
    })
}

/// Makes `state_dir` if it isn't there, locks it, and reads what it holds; `None` if there is to be none.
pub(super) fn open_state_dir(
    config: &Config,
    file: &Path,
    handed_over: Option<OwnedFd>,
) -> Result<Option<(Archive, StateLock)>, ConfigErrors> {
    let Some(folder) = &config.state_dir else { return Ok(None) };
    let made = std::fs::create_dir_all(&folder.path);
    made.map_err(|error| cannot_keep_state(file, folder, &error))?;
    let lock = StateLock::take(&folder.path, handed_over);
    let lock = lock.map_err(|error| fault(file, folder.line, "state_dir", error))?;
    let archive = Archive::open(&folder.path);
    Ok(Some((archive.map_err(|error| cannot_keep_state(file, folder, &error))?, lock)))
}

fn cannot_keep_state(file: &Path, folder: &NamedFile, error: &io::Error) -> ConfigError {
    let message = format!("nothing can be kept in {}: {error}", folder.path.display());
    let hint = "name a folder that this user may make or write to";
    ConfigError { hint: hint.into(), ..fault(file, folder.line, "state_dir", message) }
}

/// Whether this is a folder to write to, or could be made one.
fn could_hold_state(folder: &Path) -> io::Result<()> {
    // The first of the folders above it that is there says who may make those below.
    for place in folder.ancestors().map(folder::named) {
        match place.metadata() {
            Ok(found) if !found.is_dir() => {
                return Err(io::Error::new(
                    ErrorKind::NotADirectory,
                    format!("{} is no folder", place.display()),
                ));
            }
            Ok(_) => return folder::takes_files(place),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            // What is above it is no folder, or is closed to this user; what that is says more than that it is so.
            Err(error) if error.kind() == ErrorKind::NotADirectory => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
