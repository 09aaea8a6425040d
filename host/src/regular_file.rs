//! Reading files that may have become something else.
//!
//! Opening a FIFO waits for its writer, and a device or a link to one may have no end. What is read while the proxy runs,
//! or from a place where others can write, is a regular file or it isn't read.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

/// Opens a regular file to read it, without ever waiting for anything.
///
/// # Errors
///
/// It can't be opened, or is something else.
pub fn open(path: &Path) -> io::Result<File> {
    let nonblocking = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(nonblocking).open(path)?;
    let kind = file.metadata()?.file_type();
    if kind.is_file() {
        Ok(file)
    } else if kind.is_dir() {
        Err(io::Error::new(ErrorKind::IsADirectory, "is a directory"))
    } else {
        Err(io::Error::new(ErrorKind::InvalidInput, "not a regular file"))
    }
}

/// The content of a regular file of at most this many bytes.
///
/// # Errors
///
/// It can't be read, or has more.
pub fn read(path: &Path, most: usize) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    open(path)?.take(most as u64 + 1).read_to_end(&mut content)?;
    if content.len() > most {
        return Err(io::Error::new(ErrorKind::FileTooLarge, format!("has more than {most} bytes")));
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    #[test]
    fn only_regular_files_of_limited_length_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("file"), "content").unwrap();
        std::os::unix::fs::symlink("file", path("link")).unwrap();
        assert_eq!(read(&path("link"), 7).unwrap(), b"content");
        assert_eq!(read(&path("file"), 6).unwrap_err().kind(), ErrorKind::FileTooLarge);
        std::os::unix::fs::symlink("/dev/zero", path("endless")).unwrap();
        mknodat(CWD, path("fifo"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        for name in ["endless", "fifo"] {
            assert_eq!(read(&path(name), 7).unwrap_err().to_string(), "not a regular file", "{name}");
        }
        assert_eq!(read(folder.path(), 7).unwrap_err().kind(), ErrorKind::IsADirectory);
        assert_eq!(read(&path("none"), 7).unwrap_err().kind(), ErrorKind::NotFound);
    }
}
