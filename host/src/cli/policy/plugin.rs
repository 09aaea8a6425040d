//! A plugin as an argument, and its configuration.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};
use pointsman_policy::Plugin;

use crate::console;
use crate::control::plugin_file::{self, PluginError};

/// The bundled policy of this name, or a file's content.
pub(in crate::cli) fn named(argument: &Path) -> Result<Plugin> {
    match argument.to_str() {
        Some(name) if !is_file(argument) => match Plugin::bundled(name) {
            Some(bundled) => Ok(bundled),
            None => bail!(
                "no policy {name:?} is bundled, and there is no such file; `pointsman policy list` names all"
            ),
        },
        _ => Ok(plugin_file::read(argument)?),
    }
}

/// The same; what can't be read is told, and the exit code for that is 2. What is too large is refused, for which it is 1.
pub(super) fn read(argument: &Path) -> Result<Plugin, ExitCode> {
    named(argument).map_err(|error| {
        console::complain(format_args!("pointsman: {error:#}"));
        let is_refused = matches!(error.downcast_ref(), Some(PluginError::TooLarge { .. }));
        if is_refused { ExitCode::FAILURE } else { ExitCode::from(2) }
    })
}

/// Whether an argument is a file: anything but the name of a bundled policy that looks like a file or is one.
pub(in crate::cli) fn is_file(argument: &Path) -> bool {
    argument.to_str().is_none_or(|name| {
        Plugin::bundled(name).is_none()
            && (name.contains('/') || name.ends_with(".wasm") || argument.exists())
    })
}

/// The text of a configuration, which is a JSON object as a table in a proxy's configuration becomes one.
pub(in crate::cli) fn config(text: &str) -> Result<String, serde_json::Error> {
    serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text).map(|_| text.to_owned())
}
