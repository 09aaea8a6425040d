//! A folder is written whole, or not at all.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::file::File;

/// Why there is no new folder.
#[derive(Debug, Error)]
pub enum WriteError {
    /// Something has its name.
    #[error("{} is there already: choose another name, or move it away", .0.display())]
    Exists(PathBuf),
    /// The system refuses. Nothing is left of what was written before.
    #[error("cannot write {}", .path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// What it says.
        source: io::Error,
    },
}

/// Makes the folder with these files in it.
///
/// # Errors
///
/// If something is there already, or can't be written; then nothing new is there.
pub fn write(folder: &Path, files: &[File]) -> Result<(), WriteError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| WriteError::Io { path, source }
    };
    // In one step, so that a folder that comes at the same time isn't written into.
    fs::create_dir(folder).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => WriteError::Exists(folder.to_owned()),
        _ => failed(folder)(error),
    })?;
    let written = files.iter().try_for_each(|file| {
        let path = folder.join(&file.path);
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent).map_err(failed(parent))?;
        fs::write(&path, &file.content).map_err(failed(&path))
    });
    if written.is_err() {
        // It is this program's own, all of it.
        let _ = fs::remove_dir_all(folder);
    }
    written
}
