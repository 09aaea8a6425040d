//! A socket that listens: at an address of TCP, or as a Unix socket.

use std::fmt;
use std::fs::{self, Metadata, Permissions};
use std::io::{self, ErrorKind};
use std::net::TcpListener;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use pointsman_core::address::{Address, SocketPath};
use rustix::io::Errno;
use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, Type};

use crate::folder;

/// Connections that the kernel completes before they are accepted.
const BACKLOG: i32 = 4096;

/// A socket that listens, or a duplicate of one.
#[derive(Debug)]
pub enum ListeningSocket {
    /// For TCP.
    Tcp(TcpListener),
    /// A Unix socket.
    Unix(UnixListener),
}

/// The file of a Unix socket. It is removed when this is dropped, unless it is to stay.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    /// Device and number: what another process has put there since isn't removed.
    identity: (u64, u64),
    stays: bool,
}

impl ListeningSocket {
    /// Binds this address, or path with this mode. A socket at its path that nobody listens at any more is replaced.
    ///
    /// # Errors
    ///
    /// It can't be bound, or something else is at its path.
    pub fn bind(address: &Address, mode: u32) -> io::Result<Self> {
        match address {
            Address::Tcp(address) => TcpListener::bind(address).map(Self::Tcp),
            Address::Unix(path) => bind_path(path, mode).map(Self::Unix),
        }
    }

    /// Binds an address of TCP for this process alone, or for one worker of many.
    ///
    /// # Errors
    ///
    /// It can't be bound.
    pub(super) fn bind_tcp(address: std::net::SocketAddr, shared: bool) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        socket.set_reuse_port(shared)?;
        socket.set_nonblocking(true)?;
        // Accepted sockets inherit it, which saves a call for each.
        socket.set_tcp_nodelay(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Ok(Self::Tcp(socket.into()))
    }

    /// Sets the options on an inherited socket that are set on those bound here.
    ///
    /// # Errors
    ///
    /// The system refuses.
    pub(super) fn prepare(&self) -> io::Result<()> {
        self.set_nonblocking()?;
        match self {
            Self::Tcp(socket) => SockRef::from(socket).set_tcp_nodelay(true),
            Self::Unix(_) => Ok(()),
        }
    }

    /// Where it listens; the port is never 0.
    ///
    /// # Errors
    ///
    /// The system doesn't know it.
    pub fn address(&self) -> io::Result<Address> {
        match self {
            Self::Tcp(socket) => socket.local_addr().map(Address::Tcp),
            Self::Unix(socket) => {
                let unnamed = || io::Error::new(ErrorKind::AddrNotAvailable, "the socket has no path");
                SocketPath::of(&socket.local_addr()?).map(Address::Unix).ok_or_else(unnamed)
            }
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

impl fmt::Display for ListeningSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address() {
            Ok(address) => address.fmt(f),
            Err(error) => error.fmt(f),
        }
    }
}

impl AsFd for ListeningSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(socket) => socket.as_fd(),
            Self::Unix(socket) => socket.as_fd(),
        }
    }
}

impl AsRawFd for ListeningSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl From<ListeningSocket> for OwnedFd {
    fn from(socket: ListeningSocket) -> Self {
        match socket {
            ListeningSocket::Tcp(socket) => socket.into(),
            ListeningSocket::Unix(socket) => socket.into(),
        }
    }
}

impl SocketFile {
    /// The file of a socket that is bound to this path; none if that is no file, or isn't there any more.
    pub(crate) fn at(path: &SocketPath) -> Option<Self> {
        let path = path.file()?;
        let found = fs::symlink_metadata(path).ok()?;
        Some(Self { path: path.to_owned(), identity: identity(&found), stays: false })
    }

    /// Leaves the file where it is when this is dropped: it is another process's from now on.
    pub fn leave(&mut self) {
        self.stays = true;
    }

    /// Removes the file when this is dropped.
    pub fn own(&mut self) {
        self.stays = false;
    }

    /// Sets who may connect.
    pub(super) fn set_mode(&self, mode: u32) -> io::Result<()> {
        fs::set_permissions(&self.path, Permissions::from_mode(mode))
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let is_ours = fs::symlink_metadata(&self.path).is_ok_and(|found| identity(&found) == self.identity);
        if is_ours && !self.stays {
            // Whoever comes next replaces it anyway.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn identity(file: &Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}

fn bind_path(path: &SocketPath, mode: u32) -> io::Result<UnixListener> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    if let Some(file) = path.file() {
        remove_stale(file)?;
    }
    socket.bind(&SockAddr::unix(path.as_path())?)?;
    if let Some(file) = path.file() {
        // Until it listens, nobody can connect: it is never open to more than it will be.
        fs::set_permissions(file, Permissions::from_mode(mode))?;
    }
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Whether a socket is at this path.
///
/// # Errors
///
/// Something else is there, or the system doesn't say.
fn is_socket(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
        Ok(found) if found.file_type().is_socket() => Ok(true),
        Ok(_) => Err(io::Error::new(ErrorKind::AlreadyExists, "there is something else that is no socket")),
    }
}

/// Whether a socket is at this path or could be made there.
///
/// # Errors
///
/// Neither.
pub(super) fn could_be_bound(path: &Path) -> io::Result<()> {
    if is_socket(path)? {
        return Ok(());
    }
    folder::takes_files(folder::of(path))
}

/// Removes a socket at which nobody listens, as a process leaves it that has ended.
fn remove_stale(path: &Path) -> io::Result<()> {
    if !is_socket(path)? {
        return Ok(());
    }
    let other = |what| Err(io::Error::new(ErrorKind::AddrInUse, what));
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // A listener that accepts nobody would be waited for without an end once its queue is full.
    socket.set_nonblocking(true)?;
    match socket.connect(&SockAddr::unix(path)?) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(error) if error.raw_os_error() == Some(Errno::PROTOTYPE.raw_os_error()) => {
            other("another process has a socket of another kind there")
        }
        Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
        Ok(()) | Err(_) => other("another process listens there"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path_in(folder: &tempfile::TempDir) -> (PathBuf, Address) {
        let path = folder.path().join("a.sock");
        let address = format!("unix:{}", path.display()).parse().unwrap();
        (path, address)
    }

    #[test]
    fn a_socket_of_another_process_is_left_alone_whatever_it_does() {
        let folder = tempfile::tempdir().unwrap();
        let (path, address) = path_in(&folder);
        let listener = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        listener.bind(&SockAddr::unix(&path).unwrap()).unwrap();
        listener.listen(0).unwrap();
        // Its queue is full, and it accepts nobody.
        let mut waiting = Vec::new();
        loop {
            let client = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
            client.set_nonblocking(true).unwrap();
            let full = client.connect(&SockAddr::unix(&path).unwrap()).is_err();
            waiting.push(client);
            if full {
                break;
            }
        }
        let refused = || ListeningSocket::bind(&address, 0o660).unwrap_err().to_string();
        assert_eq!(refused(), "another process listens there");
        drop((listener, waiting));

        fs::remove_file(&path).unwrap();
        let datagrams = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
        assert_eq!(refused(), "another process has a socket of another kind there");
        drop(datagrams);
        ListeningSocket::bind(&address, 0o660).expect("nobody has it any more");
    }

    #[test]
    fn a_socket_has_its_mode_and_takes_the_place_of_a_dead_one_only() {
        let folder = tempfile::tempdir().unwrap();
        let (path, address) = path_in(&folder);
        for mode in [0o660, 0o600, 0o666] {
            let socket = ListeningSocket::bind(&address, mode).expect("the one before is dead");
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode);
            assert_eq!(
                (socket.to_string(), socket.address().unwrap()),
                (address.to_string(), address.clone())
            );
            let error = ListeningSocket::bind(&address, mode).unwrap_err();
            assert_eq!(error.to_string(), "another process listens there");
        }

        fs::remove_file(&path).unwrap();
        fs::write(&path, "precious").unwrap();
        assert!(ListeningSocket::bind(&address, 0o660).unwrap_err().to_string().contains("no socket"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }

    #[test]
    fn a_file_is_removed_with_its_socket_unless_it_is_anothers() {
        let folder = tempfile::tempdir().unwrap();
        let (path, address) = path_in(&folder);
        let Address::Unix(socket_path) = &address else { panic!("a socket") };
        let bind = || (ListeningSocket::bind(&address, 0o660).unwrap(), SocketFile::at(socket_path).unwrap());
        let (socket, file) = bind();
        drop((file, socket));
        assert!(!path.exists(), "removed");

        let (socket, mut file) = bind();
        file.leave();
        drop((file, socket));
        assert!(path.exists(), "handed over");

        let (socket, file) = bind();
        drop(socket);
        // Kept in place, so that the next one can't get its number.
        fs::rename(&path, folder.path().join("moved")).unwrap();
        let _other = ListeningSocket::bind(&address, 0o660).unwrap();
        drop(file);
        assert!(path.exists(), "another process's");
    }

    #[test]
    fn an_abstract_name_needs_no_file() {
        let address: Address = format!("unix:@pointsman-test-{}", std::process::id()).parse().unwrap();
        let socket = ListeningSocket::bind(&address, 0o660).unwrap();
        assert_eq!(socket.address().unwrap(), address);
        let error = ListeningSocket::bind(&address, 0o660).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        let Address::Unix(path) = &address else { panic!("a socket") };
        assert!(SocketFile::at(path).is_none());
    }
}
