//! From a file to a spec that can be run.

use std::path::Path;

use toml::Spanned;

use super::check;
use super::model::Spec;
use super::policy::{Loaded, PolicySpec};
use crate::file_error::FileError;
use crate::toml_file::{self, ReadFile, TomlFile};

/// Reads a spec, and the plugins that it names; these policies are in the place of its own, if there are any.
///
/// # Errors
///
/// The first fault, with its line.
pub fn load(
    path: &Path,
    policies: Vec<PolicySpec>,
    read: ReadFile<'_>,
) -> Result<(Spec, Vec<Loaded>), FileError> {
    parse(&toml_file::text(path, read)?, path, policies, read)
}

/// Reads a spec from a text; `path` is where it came from, for messages and for the plugins' files. These policies are in the place of its
/// own, if there are any.
///
/// # Errors
///
/// The first fault, with its line.
pub fn parse(
    text: &str,
    path: &Path,
    policies: Vec<PolicySpec>,
    read: ReadFile<'_>,
) -> Result<(Spec, Vec<Loaded>), FileError> {
    let file = TomlFile { text, path };
    let mut spec: Spec = file.parse()?;
    if !policies.is_empty() {
        spec.policies = policies.into_iter().map(|policy| Spanned::new(0..0, policy)).collect();
    }
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    let load = spec.load.span();
    if let Some(replay) = &mut spec.load.get_mut().replay {
        let unread = |message| file.fault_at(Some(load), "replay", "load.replay", message);
        replay.read(folder, read).map_err(unread)?;
    }
    check::check(&spec).map_err(|fault| file.fault(fault))?;
    let mut loaded = Vec::new();
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
