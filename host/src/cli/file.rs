//! The file that is written: whole, or not at all.

use std::fs::{self, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use pointsman_core::printable::Printable;

use crate::folder;

/// Whether anything has this name, a link to nothing included.
pub(super) fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// What is said of a file that isn't replaced.
pub(super) fn exists(path: &Path) -> String {
    format!(
        "{} is there already; `--force` replaces it, and `--output FILE` writes another one",
        Printable::name(path.display())
    )
}

/// Whether a file could be written there, before much time goes into what it is to hold.
pub(super) fn check_place(path: &Path) -> Result<()> {
    let target = target(path)?;
    let tried = tempfile::tempfile_in(folder::of(&target));
    tried.map(drop).with_context(|| format!("cannot write {}", path.display()))
}

/// Makes a folder for files, if one is wanted and it isn't there, before much time goes into what they are to hold.
pub(super) fn make_folder(path: Option<&Path>) -> Result<()> {
    let Some(path) = path else { return Ok(()) };
    fs::create_dir_all(path).with_context(|| format!("cannot make the folder {}", path.display()))?;
    check_place(&path.join("file"))
}

/// Puts a file in place in one step. A file that is there is replaced only by `force`, even if it has come in the meantime.
pub(super) fn write(path: &Path, text: &str, force: bool) -> Result<()> {
    let target = target(path)?;
    let cannot = || format!("cannot write {}", path.display());
    // The usual mode of a file, of which the system takes what the user's mask says.
    let mut file = tempfile::Builder::new()
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder::of(&target))
        .with_context(cannot)?;
    file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all()).with_context(cannot)?;
    let done = if force { file.persist(&target) } else { file.persist_noclobber(&target) };
    match done {
        Ok(_) => Ok(()),
        Err(failed) if failed.error.kind() == ErrorKind::AlreadyExists => bail!(exists(path)),
        Err(failed) => Err(failed.error).with_context(cannot),
    }
}

/// Where a link leads, so that it stays one. What is there and no file, such as a device, stays as well.
fn target(path: &Path) -> Result<PathBuf> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(fs::canonicalize(path)?),
        Ok(_) => bail!("{} isn't a file", path.display()),
        Err(_) => Ok(path.to_owned()),
    }
}

/// Puts files of these names and texts into a folder, in the place of those that are there.
pub(super) fn write_into<Name: AsRef<Path>>(
    folder: &Path,
    files: impl IntoIterator<Item = (Name, String)>,
) -> Result<()> {
    files.into_iter().try_for_each(|(name, text)| write(&folder.join(name), &text, true))
}

/// A path as the configuration has to name it: relative to its folder if it is below.
pub(super) fn named_from(output: &Path, path: &Path) -> Result<String> {
    let absolute = std::path::absolute(path)?;
    let folder = std::path::absolute(folder::of(output))?;
    let named = absolute.strip_prefix(&folder).unwrap_or(&absolute);
    match named.to_str() {
        Some(name) => Ok(name.to_owned()),
        None => bail!("{} isn't UTF-8, which a configuration has to be; rename it", named.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_by_force_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        write(&path, "one", false).unwrap();
        let refusal = write(&path, "two", false).unwrap_err().to_string();
        assert!(refusal.contains("a.toml is there already; `--force` replaces it"), "{refusal}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "one");
        write(&path, "three", true).unwrap();
        let link = folder.path().join("link.toml");
        std::os::unix::fs::symlink("a.toml", &link).unwrap();
        write(&link, "four", true).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&path).unwrap(), "four");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing else is left");
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_ne!(mode & 0o044, 0, "others may read it, as the mask says: {mode:o}");
    }

    #[test]
    fn what_is_no_file_stays() {
        let folder = tempfile::tempdir().unwrap();
        assert!(write(folder.path(), "text", true).unwrap_err().to_string().ends_with("isn't a file"));
        let missing = folder.path().join("none/a.toml");
        assert!(
            format!("{:#}", write(&missing, "text", false).unwrap_err())
                .contains("No such file or directory")
        );
        std::os::unix::fs::symlink("nowhere", folder.path().join("dangling")).unwrap();
        assert!(is_there(&folder.path().join("dangling")));
    }

    #[test]
    fn files_are_named_from_the_folder_of_the_configuration() {
        let named = |output: &str, path: &str| named_from(Path::new(output), Path::new(path)).unwrap();
        assert_eq!(named("a.toml", "site.crt"), "site.crt");
        assert_eq!(named("a.toml", "./tls/site.crt"), "tls/site.crt");
        assert_eq!(named("/etc/p/a.toml", "/etc/p/tls/site.crt"), "tls/site.crt");
        assert_eq!(named("/etc/p/a.toml", "/srv/site.crt"), "/srv/site.crt");
        assert!(Path::new(&named("/etc/p/a.toml", "site.crt")).is_absolute());
    }
}
