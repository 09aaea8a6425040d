//! Where a server listens: an IP address with a port, or a Unix socket of this machine.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::linux::net::SocketAddrExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

/// What an address that is a Unix socket begins with, as it is written.
pub const UNIX: &str = "unix:";

/// What stands for either end of a Unix socket where only IP addresses can: both are on this machine.
pub const THIS_MACHINE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// An address to listen on or to connect to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    /// TCP.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(SocketPath),
}

/// The path of a Unix socket, or its name in Linux's abstract namespace, which begins with a NUL byte as in the system's own structure.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketPath(Arc<Path>);

/// A text that is no usable path of a Unix socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SocketPathError {
    /// There is nothing in it.
    Empty,
    /// There are characters in it that can't be shown.
    Unprintable,
    /// The system doesn't take it.
    Long,
}

impl Address {
    /// The IP address and port, if it has them.
    #[must_use]
    pub const fn tcp(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }

    /// The IP address, if it has one.
    #[must_use]
    pub const fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Tcp(address) => Some(address.ip()),
            Self::Unix(_) => None,
        }
    }

    /// The IP address and port, or [`THIS_MACHINE`].
    #[must_use]
    pub fn ends_at(&self) -> SocketAddr {
        self.tcp().unwrap_or(THIS_MACHINE)
    }

    /// What takes the place of the host in a request that is about nobody in particular: a Unix socket is on this machine.
    #[must_use]
    pub fn authority(&self) -> String {
        match self {
            Self::Tcp(address) => address.to_string(),
            Self::Unix(_) => "localhost".to_owned(),
        }
    }
}

impl SocketPath {
    /// Longest path, in bytes: what the system takes (`sun_path`) with the NUL byte at the end.
    pub const LONGEST: usize = 107;

    /// Reads what stands behind `unix:`: `@` and a name of the abstract namespace, or a path, which `place` makes absolute.
    ///
    /// # Errors
    ///
    /// It is none.
    pub fn parse(text: &str, place: impl FnOnce(&str) -> PathBuf) -> Result<Self, SocketPathError> {
        if matches!(text, "" | "@") {
            return Err(SocketPathError::Empty);
        }
        if text.chars().any(char::is_control) {
            return Err(SocketPathError::Unprintable);
        }
        let path =
            text.strip_prefix('@').map_or_else(|| place(text), |name| PathBuf::from(format!("\0{name}")));
        if path.as_os_str().len() > Self::LONGEST {
            return Err(SocketPathError::Long);
        }
        Ok(Self(path.into()))
    }

    /// The path or name that a socket is bound to, if it has one that can be written.
    #[must_use]
    pub fn of(address: &std::os::unix::net::SocketAddr) -> Option<Self> {
        if let Some(path) = address.as_pathname() {
            return Some(Self(path.into()));
        }
        let name = str::from_utf8(address.as_abstract_name()?).ok()?;
        Self::parse(&format!("@{name}"), |path| path.into()).ok()
    }

    /// As the system takes it, with a NUL byte in front of an abstract name.
    #[must_use]
    pub fn as_path(&self) -> &Path {
        &self.0
    }

    /// The path, if it is one.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.abstract_name().is_none().then_some(&*self.0)
    }

    /// The path, or the name of the abstract namespace behind `@`.
    #[must_use]
    pub fn name(&self) -> String {
        match self.abstract_name() {
            Some(name) => format!("@{}", String::from_utf8_lossy(name)),
            None => self.0.display().to_string(),
        }
    }

    /// The name in the abstract namespace, if it is one.
    #[must_use]
    pub fn abstract_name(&self) -> Option<&[u8]> {
        self.0.as_os_str().as_encoded_bytes().strip_prefix(b"\0")
    }
}

/// A text that is no address as it is written in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidAddress;

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        match text.strip_prefix(UNIX) {
            Some(path) => {
                SocketPath::parse(path, |path| path.into()).map(Self::Unix).map_err(|_| InvalidAddress)
            }
            None => text.parse().map(Self::Tcp).map_err(|_| InvalidAddress),
        }
    }
}

impl<T: Into<SocketAddr>> From<T> for Address {
    fn from(address: T) -> Self {
        Self::Tcp(address.into())
    }
}

impl PartialEq<SocketAddr> for Address {
    fn eq(&self, other: &SocketAddr) -> bool {
        self.tcp() == Some(*other)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => path.fmt(f),
        }
    }
}

impl fmt::Display for SocketPathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "is no path of a socket",
            Self::Unprintable => "has control characters in it",
            Self::Long => "is too long for a socket",
        })
    }
}

impl fmt::Display for SocketPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{UNIX}{}", self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_it_is_written() {
        for written in ["127.0.0.1:80", "[::1]:80", "unix:/run/app.sock", "unix:@app", "unix:/a b,c=d"] {
            let address = written.parse::<Address>().unwrap();
            assert_eq!(address.to_string(), written);
        }
        for none in ["", "unix:", "unix:@", "unix:/a\nb", "unix:/a\0b", "unix:@a\0b", "localhost:80"] {
            assert_eq!(none.parse::<Address>(), Err(InvalidAddress), "{none:?}");
        }
    }

    #[test]
    fn a_path_is_as_long_as_the_system_takes_it() {
        let path = |length| SocketPath::parse(&format!("/{}", "x".repeat(length - 1)), |path| path.into());
        assert!(path(SocketPath::LONGEST).is_ok());
        assert_eq!(path(SocketPath::LONGEST + 1), Err(SocketPathError::Long));
        let socket = path(SocketPath::LONGEST).unwrap();
        std::os::unix::net::SocketAddr::from_pathname(socket.as_path()).expect("the system takes it");
        let named =
            |length: usize| SocketPath::parse(&format!("@{}", "x".repeat(length)), |path| path.into());
        assert!(named(106).is_ok() && named(107).is_err());
    }

    #[test]
    fn an_abstract_name_is_no_file() {
        let Ok(Address::Unix(name)) = "unix:@app".parse() else { panic!("a socket") };
        assert_eq!((name.file(), name.abstract_name()), (None, Some(&b"app"[..])));
        assert_eq!(name.as_path().as_os_str().as_encoded_bytes(), b"\0app");
        let Ok(Address::Unix(path)) = "unix:/app".parse() else { panic!("a socket") };
        assert_eq!((path.file(), path.abstract_name()), (Some(Path::new("/app")), None));
    }

    #[test]
    fn a_unix_socket_costs_an_address_no_room() {
        assert_eq!(size_of::<Address>(), size_of::<SocketAddr>());
    }
}
