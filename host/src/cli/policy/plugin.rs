//! A plugin as an argument.

use std::path::Path;

use anyhow::Result;
use pointsman_policy::Plugin;

use crate::control::plugin_file;

/// The bundled policy of this name, or a file's content.
pub(super) fn named(argument: &Path) -> Result<Plugin> {
    match argument.to_str().and_then(Plugin::bundled) {
        Some(bundled) => Ok(bundled),
        None => Ok(plugin_file::read(argument)?),
    }
}
