//! The socket of the admin server.

use std::fmt;
use std::fs::Permissions;
use std::io::{self, ErrorKind};
use std::net::TcpListener;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use rustix::fs::Mode;
use rustix::process::umask;

use crate::config::AdminAddress;

/// Who may open a socket that has a path: its owner and its group.
const SOCKET_MODE: u32 = 0o660;

/// A socket that listens, or a duplicate of one.
#[derive(Debug)]
pub enum AdminSocket {
    /// At an address.
    Tcp(TcpListener),
    /// At a path.
    Unix(UnixListener),
}

impl AdminSocket {
    /// Binds this address. A socket at its path that nobody listens at any more is removed first.
    ///
    /// # Errors
    ///
    /// It can't be bound, or something else is at its path.
    pub fn bind(address: &AdminAddress) -> io::Result<Self> {
        match address {
            AdminAddress::Tcp(address) => TcpListener::bind(address).map(Self::Tcp),
            AdminAddress::Unix(path) => bind_path(path).map(Self::Unix),
        }
    }

    /// A duplicate.
    ///
    /// # Errors
    ///
    /// The process has run out of file descriptors.
    pub fn try_clone(&self) -> io::Result<Self> {
        match self {
            Self::Tcp(socket) => socket.try_clone().map(Self::Tcp),
            Self::Unix(socket) => socket.try_clone().map(Self::Unix),
        }
    }

    /// Prepares it for an event loop.
    ///
    /// # Errors
    ///
    /// The system refuses.
    pub fn set_nonblocking(&self) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => socket.set_nonblocking(true),
            Self::Unix(socket) => socket.set_nonblocking(true),
        }
    }
}

impl fmt::Display for AdminSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(socket) => match socket.local_addr() {
                Ok(address) => address.fmt(f),
                Err(error) => error.fmt(f),
            },
            Self::Unix(socket) => match socket.local_addr() {
                Ok(address) => {
                    write!(f, "unix:{}", address.as_pathname().unwrap_or_else(|| Path::new("?")).display())
                }
                Err(error) => error.fmt(f),
            },
        }
    }
}

fn bind_path(path: &Path) -> io::Result<UnixListener> {
    remove_stale(path)?;
    // It is never open to more than it will be, not even for a moment.
    let before = umask(Mode::from_raw_mode(0o777 & !SOCKET_MODE));
    let bound = UnixListener::bind(path);
    umask(before);
    let socket = bound?;
    std::fs::set_permissions(path, Permissions::from_mode(SOCKET_MODE))?;
    Ok(socket)
}

/// Removes a socket at which nobody listens, as a process leaves it that has ended.
fn remove_stale(path: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(found) if !found.file_type().is_socket() => {
            return Err(io::Error::new(
                ErrorKind::AlreadyExists,
                "there is something else that is no socket",
            ));
        }
        Ok(_) => {}
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => std::fs::remove_file(path),
        Err(error) => Err(error),
        Ok(_) => Err(io::Error::new(ErrorKind::AddrInUse, "another process listens there")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_for_owner_and_group_and_takes_the_place_of_a_dead_one_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin.sock");
        let address = AdminAddress::Unix(path.clone());
        let socket = AdminSocket::bind(&address).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, SOCKET_MODE);
        assert_eq!(socket.to_string(), address.to_string());
        let error = AdminSocket::bind(&address).unwrap_err();
        assert_eq!(error.to_string(), "another process listens there");
        drop(socket);
        AdminSocket::bind(&address).expect("the one before is dead");

        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "precious").unwrap();
        assert!(AdminSocket::bind(&address).unwrap_err().to_string().contains("no socket"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    }
}
