//! From a file to a spec that can be run.

use std::path::Path;

use super::check;
use super::model::Spec;
use super::policy::Loaded;
use crate::file_error::FileError;
use crate::time_span::TimeSpan;
use crate::toml_file::{self, ReadFile, TomlFile};

/// Reads a spec, and the plugins that it names; `given` policies are in the place of its own, if there are any.
///
/// # Errors
///
/// The first fault, with its line.
pub fn load(path: &Path, given: Vec<Loaded>, read: ReadFile<'_>) -> Result<(Spec, Vec<Loaded>), FileError> {
    parse(&toml_file::text(path, read)?, path, given, read)
}

/// Reads a spec from a text; `path` is where it came from, for messages and for the plugins' files. `given` policies are in the place of its
/// own, if there are any.
///
/// # Errors
///
/// The first fault, with its line.
pub fn parse(
    text: &str,
    path: &Path,
    given: Vec<Loaded>,
    read: ReadFile<'_>,
) -> Result<(Spec, Vec<Loaded>), FileError> {
    let file = TomlFile { text, path };
    let mut spec: Spec = file.parse()?;
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    let load = spec.load.span();
    if let Some(replay) = &mut spec.load.get_mut().replay {
        let unread = |message| file.fault_at(Some(load), "replay", "load.replay", message);
        replay.read(folder, read).map_err(unread)?;
        let (runs, ends) = (spec.run.get_mut(), replay.duration().unwrap_or(u64::MAX));
        runs.warmup.get_or_insert_with(|| TimeSpan(runs.duration.0.min(ends) / 5));
    }
    if !given.is_empty() {
        spec.policies.clear();
    }
    check::check(&spec, &given).map_err(|fault| file.fault(fault))?;
    let mut loaded = given;
    for policy in &spec.policies {
        let unloaded = |message| file.fault_at(Some(policy.span()), "file", "policy", message);
        loaded.push(policy.get_ref().load(folder, read).map_err(unloaded)?);
    }
    for swap in &mut spec.swaps {
        let unloaded = |message| file.fault_at(Some(swap.span()), "file", "swap", message);
        let plugin = swap.get_ref().version().load(folder, read).map_err(unloaded)?.plugin;
        swap.get_mut().plugin = Some(plugin);
    }
    Ok((spec, loaded))
}
