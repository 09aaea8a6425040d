//! Sockets that come from another process: from systemd, or from a proxy that this one takes over from.
//!
//! A proxy that is to be replaced starts the program again and hands it its listening sockets, as systemd does (`LISTEN_FDS`,
//! from descriptor 3 on). They are the same sockets in both processes: a connection that wasn't accepted yet is accepted by
//! either, so none is lost between the two. Behind them comes one end of a socket pair, through which the new process says that
//! it serves; until then, the old one keeps serving. Through the same pair comes the lock of `state_dir`.

use std::env;
use std::ffi::OsString;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use command_fds::{CommandFdExt, FdMapping};
use listenfd::ListenFd;
use pointsman_core::address::Address;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};

use crate::listener::{Inherited, ListeningSocket, Role};

/// In the environment of a process that takes over: what each socket is for, in their order.
const SOCKETS: &str = "POINTSMAN_SOCKETS";
/// What the admin server's socket is called if it has a path, which it says itself.
const UNIX_ADMIN: &str = "admin=unix";
/// Stands for a comma in a path, where names are separated by commas: no path that is configured has a control character.
const COMMA: &str = "\n";
/// Follows the purpose of a socket whose file is somebody else's.
const LENT: &str = "+lent";
/// Where sockets begin, by convention.
const FIRST: i32 = 3;
/// A new process has this long to load its plugins and to serve.
const READY_TIMEOUT: Duration = Duration::from_secs(120);
/// How often it is checked that the new process still runs.
const POLL: Duration = Duration::from_millis(50);

/// The process that this one takes over from, if there is one.
#[derive(Debug, Default)]
pub struct Predecessor {
    notice: Option<UnixDatagram>,
    /// The lock of its `state_dir`, if it has one.
    pub state_lock: Option<OwnedFd>,
}

/// A duplicate of a socket that listens.
#[derive(Debug)]
pub struct HandedOver {
    /// What it is for.
    pub role: Role,
    /// The address that is configured for it.
    pub address: Address,
    /// The socket.
    pub socket: ListeningSocket,
    /// Whether its file, if it has one, is neither this process's nor the next one's.
    pub is_lent: bool,
}

/// What a socket is for.
#[derive(Debug, PartialEq, Eq)]
struct Name {
    role: Role,
    /// None if it says that itself.
    address: Option<Address>,
    is_lent: bool,
}

/// A process that is to take over from this one. It is killed when this is dropped, unless it has.
#[derive(Debug)]
pub struct Successor {
    process: Child,
    notice: tokio::net::UnixDatagram,
    serves: bool,
}

/// The new process can't take over.
#[derive(Debug, thiserror::Error)]
pub enum TakeOverError {
    /// It can't be started, or its messages can't be read.
    #[error("cannot start {}: {source}", program.display())]
    Start {
        /// The program.
        program: OsString,
        /// Why.
        source: io::Error,
    },
    /// It has ended; its messages are in the log.
    #[error("the new process ended before it served ({0}); see what it logged")]
    Ended(ExitStatus),
    /// It has said nothing.
    #[error("the new process didn't serve within {READY_TIMEOUT:?}")]
    Silent,
    /// The way to it is broken.
    #[error("cannot hear of the new process: {0}")]
    Deaf(#[from] io::Error),
}

/// The sockets that this process was started with. Takes them out of the environment, so it finds them only once.
///
/// # Errors
///
/// Something else was handed over than what the environment says.
pub fn inherited() -> io::Result<(Inherited, Predecessor)> {
    let mut sockets = ListenFd::from_env();
    let mut inherited = Inherited::default();
    let named = env::var(SOCKETS).unwrap_or_default();
    let names: Vec<_> = named.split(',').filter_map(parse).collect();
    // From a predecessor there is one more than it has names for.
    if !names.is_empty() && sockets.len() == names.len() + 1 {
        for (place, Name { role, address, is_lent }) in names.into_iter().enumerate() {
            if let Some(socket) = take(&mut sockets, place)? {
                let address = address.map_or_else(|| socket.address(), Ok)?;
                inherited.add(Some(role), address, socket, is_lent)?;
            }
        }
        let notice = sockets.take_unix_datagram(sockets.len() - 1)?;
        let state_lock = notice.as_ref().and_then(receive);
        return Ok((inherited, Predecessor { notice, state_lock }));
    }
    for place in 0..sockets.len() {
        if let Some(socket) = take(&mut sockets, place)? {
            inherited.add(None, socket.address()?, socket, true)?;
        }
    }
    Ok((inherited, Predecessor::default()))
}

/// The socket in this place, of either kind.
fn take(sockets: &mut ListenFd, place: usize) -> io::Result<Option<ListeningSocket>> {
    match sockets.take_unix_listener(place) {
        Ok(socket) => Ok(socket.map(ListeningSocket::Unix)),
        // It is still there.
        Err(_) => Ok(sockets.take_tcp_listener(place)?.map(ListeningSocket::Tcp)),
    }
}

/// Starts the program of this process again, with its arguments, these sockets and the lock of `state_dir`.
///
/// # Errors
///
/// It can't be started.
pub fn start(sockets: Vec<HandedOver>, state_lock: Option<&OwnedFd>) -> Result<Successor, TakeOverError> {
    let mut arguments = env::args_os();
    let program = arguments.next().unwrap_or_default();
    let started = UnixDatagram::pair().and_then(|(notice, theirs)| {
        notice.set_nonblocking(true)?;
        if let Some(lock) = state_lock {
            send(&notice, lock)?;
        }
        let names: Vec<String> = sockets.iter().map(HandedOver::name).collect();
        let descriptors: Vec<FdMapping> = sockets
            .into_iter()
            .map(|handed_over| OwnedFd::from(handed_over.socket))
            .chain([theirs.into()])
            .zip(FIRST..)
            .map(|(parent_fd, child_fd)| FdMapping { parent_fd, child_fd })
            .collect();
        let mut command = Command::new(&program);
        command
            .args(arguments)
            .env(SOCKETS, names.join(","))
            .env("LISTEN_FDS", descriptors.len().to_string())
            .env_remove("LISTEN_PID")
            .env_remove("LISTEN_FDNAMES")
            .env_remove("LISTEN_FDS_FIRST_FD")
            .stdin(Stdio::null())
            .fd_mappings(descriptors)
            .map_err(io::Error::other)?;
        let process = command.spawn()?;
        Ok((process, notice))
    });
    let (process, notice) = started.map_err(|source| TakeOverError::Start { program, source })?;
    let notice = tokio::net::UnixDatagram::from_std(notice)?;
    Ok(Successor { process, notice, serves: false })
}

impl Predecessor {
    /// Reports to it that this process serves.
    pub fn tell(self) {
        if let Some(notice) = self.notice
            && let Err(error) = notice.send(b"serving")
        {
            tracing::warn!(
                event = "predecessor-lost", %error,
                "the process that this one takes over from is gone"
            );
        }
    }
}

impl Successor {
    /// The number of the process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Waits until the process serves. Ends with an error if it won't; then it can't be used again.
    ///
    /// # Errors
    ///
    /// Why it doesn't serve.
    pub async fn serves(&mut self) -> Result<(), TakeOverError> {
        tokio::time::timeout(READY_TIMEOUT, async {
            loop {
                let mut word = [0; 16];
                tokio::select! {
                    received = self.notice.recv(&mut word) => {
                        received?;
                        self.serves = true;
                        return Ok(());
                    }
                    () = tokio::time::sleep(POLL) => {}
                }
                if let Some(status) = self.process.try_wait()? {
                    return Err(TakeOverError::Ended(status));
                }
            }
        })
        .await
        .unwrap_or(Err(TakeOverError::Silent))
    }
}

impl Drop for Successor {
    fn drop(&mut self) {
        if !self.serves {
            // It may have ended already.
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }
}

/// Sends a descriptor along with a word. It stays in the socket's queue until the other process takes it.
fn send(notice: &UnixDatagram, descriptor: &OwnedFd) -> io::Result<()> {
    let descriptors = [descriptor.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    control.push(SendAncillaryMessage::ScmRights(&descriptors));
    sendmsg(notice, &[IoSlice::new(b"state")], &mut control, SendFlags::empty())?;
    Ok(())
}

/// The descriptor that was sent, if one was.
fn receive(notice: &UnixDatagram) -> Option<OwnedFd> {
    let mut word = [0; 16];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
    recvmsg(notice, &mut [IoSliceMut::new(&mut word)], &mut control, flags).ok()?;
    control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    })
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Listener => "listener",
        Role::Admin => "admin",
        Role::Metrics => "metrics",
    }
}

impl HandedOver {
    /// What it is called in the environment.
    fn name(&self) -> String {
        let (role, lent) = (role_name(self.role), if self.is_lent { LENT } else { "" });
        match &self.address {
            // As it has always been called, so that the release before can be replaced, too.
            Address::Unix(_) if self.role == Role::Admin => UNIX_ADMIN.to_owned(),
            Address::Tcp(address) => format!("{role}={address}"),
            Address::Unix(path) => format!("{role}{lent}={path}").replace(',', COMMA),
        }
    }
}

fn parse(named: &str) -> Option<Name> {
    if named == UNIX_ADMIN {
        return Some(Name { role: Role::Admin, address: None, is_lent: false });
    }
    let (role, address) = named.split_once('=')?;
    let (role, is_lent) = role.strip_suffix(LENT).map_or((role, false), |role| (role, true));
    let roles = [Role::Listener, Role::Admin, Role::Metrics];
    let role = roles.into_iter().find(|known| role_name(*known) == role)?;
    let address = address.replace(COMMA, ",").parse().ok()?;
    Some(Name { role, address: Some(address), is_lent })
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn a_name_says_what_a_socket_is_for() {
        let folder = tempfile::tempdir().unwrap();
        let named = |role, address: &str, is_lent| {
            let socket = ListeningSocket::Unix(UnixListener::bind(folder.path().join("a.sock")).unwrap());
            std::fs::remove_file(folder.path().join("a.sock")).unwrap();
            HandedOver { role, address: address.parse().unwrap(), socket, is_lent }.name()
        };
        for (role, address, is_lent, name) in [
            (Role::Listener, "127.0.0.1:80", false, "listener=127.0.0.1:80"),
            (Role::Metrics, "[::1]:0", false, "metrics=[::1]:0"),
            (Role::Listener, "unix:/a=b.sock", false, "listener=unix:/a=b.sock"),
            (Role::Listener, "unix:/a,b.sock", true, "listener+lent=unix:/a\nb.sock"),
            (Role::Listener, "unix:@a,b", false, "listener=unix:@a\nb"),
        ] {
            assert_eq!(named(role, address, is_lent), name);
            let address = Some(address.parse().unwrap());
            assert_eq!(parse(name), Some(Name { role, address, is_lent }));
        }
        assert_eq!(named(Role::Admin, "unix:/a.sock", false), "admin=unix");
        assert_eq!(parse("admin=unix"), Some(Name { role: Role::Admin, address: None, is_lent: false }));
        for none in
            ["", "listener", "listener=", "door=127.0.0.1:80", "listener=unix:", "listener=localhost:1"]
        {
            assert_eq!(parse(none), None, "{none}");
        }
    }
}
