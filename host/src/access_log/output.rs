//! Where lines go.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;

use rustix::fs::{Access, OFlags, access};
use rustix::io::Errno;

use super::handover::BLOCK;
use crate::config::LogOutput;
use crate::folder;
use crate::line_writer::{Descriptor, PIPE_PIECE};

/// An open output.
#[derive(Debug)]
pub(super) struct Output {
    /// Where to write.
    pub(super) descriptor: Descriptor,
    /// How much is written at once.
    pub(super) piece: usize,
}

impl Output {
    /// Whether it could be opened, as far as that shows without making it.
    ///
    /// # Errors
    ///
    /// It can't be written to, nor made.
    pub(super) fn foreseen(output: &LogOutput) -> io::Result<()> {
        let LogOutput::File(path) = output else { return Ok(()) };
        match path.metadata() {
            Ok(found) if found.is_dir() => Err(Errno::ISDIR.into()),
            Ok(_) => Ok(access(path, Access::WRITE_OK)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => folder::takes_files(folder::of(path)),
            Err(error) => Err(error),
        }
    }

    /// Opens it. A file is made if it isn't there.
    ///
    /// # Errors
    ///
    /// It can't be opened. A named pipe has to have a reader, lest this waits for one.
    pub(super) fn open(output: &LogOutput) -> io::Result<Self> {
        let file = match output {
            LogOutput::Stdout => File::from(io::stdout().as_fd().try_clone_to_owned()?),
            LogOutput::File(path) => OpenOptions::new()
                .append(true)
                .create(true)
                .mode(0o640)
                .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
                .open(path)
                .map_err(|error| match Errno::from_io_error(&error) {
                    Some(Errno::NXIO) => io::Error::new(error.kind(), "nobody reads this named pipe"),
                    _ => error,
                })?,
        };
        // A file takes a write whole, whoever else appends to it; of other things it is known for short ones only.
        let is_file = file.metadata()?.is_file();
        Ok(Self { descriptor: Descriptor::File(file), piece: if is_file { BLOCK } else { PIPE_PIECE } })
    }
}
