//! Writing files whole or not at all, so that nobody reads half of one.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use tempfile::Builder;

use crate::folder;

/// What the name of a file begins with that isn't whole yet.
const UNFINISHED: &str = ".unfinished-";

/// Puts a file with this content in the place of what is there, if anything is. Only its owner may read it.
///
/// # Errors
///
/// It can't be written. What was there is still there.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = Builder::new().prefix(UNFINISHED).tempfile_in(folder::of(path))?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// Removes what a process left unfinished that has ended. Nobody else may write in the folder meanwhile.
///
/// # Errors
///
/// The folder can't be read, or such a file not be removed.
pub fn remove_unfinished(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(UNFINISHED)) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
