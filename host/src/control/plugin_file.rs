//! Where a policy's plugin comes from, and reading it.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use pointsman_policy::Plugin;
use pointsman_sdk::abi::limit::FILE_BYTES;

use crate::config::PolicySource;
use crate::regular_file;

/// Why there is no plugin.
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    /// Neither in the policy directory nor among the bundled ones.
    #[error(
        "there is no policy `{name}`{}; bundled are {}",
        directory.as_ref().map(|path| format!(" in {}", path.display())).unwrap_or_default(),
        pointsman_policy::names().collect::<Vec<_>>().join(", ")
    )]
    Unknown {
        /// The policy's name.
        name: String,
        /// The policy directory, if one is configured.
        directory: Option<PathBuf>,
    },
    /// The file is larger than any plugin.
    #[error("the plugin {path} has {found} bytes, allowed are {FILE_BYTES}; build it without debug information", path = path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size, bytes.
        found: u64,
    },
    /// The file can't be read.
    #[error("cannot read the plugin {path}: {reason}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: io::Error,
    },
}

impl PluginError {
    /// Whether the file isn't there, rather than unreadable.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        match self {
            Self::Unknown { .. } => true,
            Self::TooLarge { .. } => false,
            Self::Unreadable { reason, .. } => reason.kind() == io::ErrorKind::NotFound,
        }
    }
}

/// The file whose content a source follows, whether or not it exists. `None` = only a bundled policy can be meant.
#[must_use]
pub fn path(source: &PolicySource, policy_dir: Option<&Path>) -> Option<PathBuf> {
    match source {
        PolicySource::File(path) => Some(path.clone()),
        PolicySource::Named(name) => policy_dir.map(|directory| directory.join(format!("{name}.wasm"))),
    }
}

/// Finds and reads a plugin: the file if it exists, else the bundled policy of that name.
///
/// # Errors
///
/// There is neither, or the file can't be read.
pub fn find(source: &PolicySource, policy_dir: Option<&Path>) -> Result<Plugin, PluginError> {
    let name = match source {
        PolicySource::File(path) => return read(path),
        PolicySource::Named(name) => name,
    };
    if let Some(path) = path(source, policy_dir) {
        match read(&path) {
            Err(error) if error.is_missing() => {}
            found => return found,
        }
    }
    Plugin::bundled(name)
        .ok_or_else(|| PluginError::Unknown { name: name.clone(), directory: policy_dir.map(Into::into) })
}

/// Reads a plugin file: once, from one descriptor, so that what is hashed is what is compiled.
///
/// # Errors
///
/// The file can't be read, isn't a regular file, or is too large.
pub fn read(path: &Path) -> Result<Plugin, PluginError> {
    let unreadable = |reason| PluginError::Unreadable { path: path.into(), reason };
    let file = regular_file::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() > FILE_BYTES {
        // It may have grown since it was asked for its size.
        return Err(PluginError::TooLarge {
            path: path.into(),
            found: metadata.len().max(bytes.len() as u64),
        });
    }
    Ok(Plugin::file(path, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_in_the_policy_directory_wins_over_the_bundled_policy() {
        let directory = tempfile::tempdir().expect("a directory");
        let source = PolicySource::Named("round-robin".into());
        assert_eq!(
            find(&source, Some(directory.path())).expect("bundled").origin.as_ref(),
            "bundled round-robin"
        );
        std::fs::write(directory.path().join("round-robin.wasm"), b"mine").expect("a file");
        assert_eq!(find(&source, Some(directory.path())).expect("the file").content.as_ref(), b"mine");
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = find(&PolicySource::Named("nonesuch".into()), None).expect_err("no such policy");
        assert!(error.is_missing());
        assert!(error.to_string().contains("`nonesuch`"), "{error}");
        assert!(error.to_string().contains("round-robin"), "{error}");
        let error = find(&PolicySource::File("/nonesuch/mine.wasm".into()), None).expect_err("no such file");
        assert!(error.is_missing() && error.to_string().contains("/nonesuch/mine.wasm"), "{error}");
    }

    #[test]
    fn directories_and_endless_files_are_no_plugins() {
        let directory = tempfile::tempdir().expect("a directory");
        let error = read(directory.path()).expect_err("a directory");
        assert!(!error.is_missing() && error.to_string().contains("is a directory"), "{error}");
        assert!(read(Path::new("/dev/zero")).is_err());
        let large = directory.path().join("large.wasm");
        let file = std::fs::File::create(&large).expect("a file");
        file.set_len(2 * FILE_BYTES as u64).expect("a sparse file");
        let error = read(&large).expect_err("a large file");
        assert!(!error.is_missing() && error.to_string().contains("has 67108864 bytes"), "{error}");
    }
}
