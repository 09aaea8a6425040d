//! Folders, as the paths of files name them.

use std::io;
use std::path::Path;

use rustix::fs::{Access, access};

/// The folder that a file is in.
#[must_use]
pub fn of(file: &Path) -> &Path {
    named(file.parent().unwrap_or(file))
}

/// The folder of this path; that of an empty one is the current folder.
#[must_use]
pub fn named(path: &Path) -> &Path {
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}

/// Whether this process may make files in a folder.
///
/// # Errors
///
/// It may not, or there is no such folder.
pub fn takes_files(folder: &Path) -> io::Result<()> {
    Ok(access(folder, Access::WRITE_OK | Access::EXEC_OK)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_folder_is_in_the_current_one() {
        let folders = ["a", "a/b", "/a", "/", ""].map(|file| of(Path::new(file)));
        assert_eq!(folders, [".", "a", "/", "/", "."].map(Path::new));
    }

    #[test]
    fn what_is_no_folder_takes_no_files() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(takes_files(folder.path()).is_ok());
        assert!(takes_files(&folder.path().join("missing")).is_err());
    }
}
