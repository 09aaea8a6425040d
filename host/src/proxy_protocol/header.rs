//! What a header says, whatever its version, and how much of it is missing.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// What a header says of its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Header {
    /// It is a client's, which has come from one of these addresses to the other.
    Client(Addresses),
    /// It is the sender's own (`LOCAL`), or a client's whose address isn't told: the addresses of the socket hold.
    Socket,
}

/// The two ends of a connection, of one family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// The end that has connected.
    pub source: SocketAddr,
    /// The end that has accepted.
    pub destination: SocketAddr,
}

/// How far a header has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parsed {
    /// It is complete, and the bytes end with it.
    Complete(Header),
    /// More of it has to be read.
    Incomplete(More),
}

/// What may be read of a header without touching what follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum More {
    /// This many bytes.
    Bytes(usize),
    /// Up to the next line feed, which is one of this many bytes.
    Line(usize),
}

impl Addresses {
    /// Two ends as one family: IPv4 addresses that are written as IPv6 ones are IPv4, and one beside an IPv6 address is
    /// mapped.
    #[must_use]
    pub fn new(source: SocketAddr, destination: SocketAddr) -> Self {
        let of = |family: fn(IpAddr) -> IpAddr| Self {
            source: SocketAddr::new(family(source.ip()), source.port()),
            destination: SocketAddr::new(family(destination.ip()), destination.port()),
        };
        let canonical = of(|ip| ip.to_canonical());
        let is_one_family = canonical.source.is_ipv4() == canonical.destination.is_ipv4();
        if is_one_family { canonical } else { of(|ip| IpAddr::V6(mapped(ip))) }
    }
}

fn mapped(ip: IpAddr) -> Ipv6Addr {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    }
}
