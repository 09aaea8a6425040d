//! What a line is made of.

use std::net::{IpAddr, SocketAddr};

use pointsman_core::address::Address;
use pointsman_core::clock::Moment;
use pointsman_core::record::RequestRecord;

use super::texts::RequestTexts;

/// What a line tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineEvent {
    /// A request has ended.
    Request,
    /// A request has become a tunnel.
    TunnelOpen,
    /// A tunnel has ended.
    TunnelClose,
}

impl LineEvent {
    /// Its name in a line.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::TunnelOpen => "tunnel-open",
            Self::TunnelClose => "tunnel-close",
        }
    }
}

/// All that is known for one line.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// What it tells of.
    pub event: LineEvent,
    /// What is on record of the request.
    pub record: &'a RequestRecord,
    /// What is kept of its head.
    pub texts: &'a RequestTexts,
    /// Who is at the other end of the connection.
    pub peer: SocketAddr,
    /// The address that it has connected to.
    pub listener: &'a Address,
    /// `http` or `https`.
    pub scheme: &'static str,
    /// Of a tunnel, when it ended and what it has carried.
    pub tunnel: Option<TunnelEnd>,
}

/// The end of a tunnel.
#[derive(Debug, Clone, Copy, Default)]
pub struct TunnelEnd {
    /// When it ended.
    pub at: Moment,
    /// Bytes from the client.
    pub received: u64,
    /// Bytes to the client.
    pub sent: u64,
    /// How, if an error has ended it.
    pub error: Option<&'static str>,
}

impl Entry<'_> {
    /// The client, as trusted proxies say, or else the peer.
    pub(super) fn client(&self) -> IpAddr {
        self.texts.client.unwrap_or_else(|| self.peer.ip()).to_canonical()
    }

    /// When it began.
    pub(super) fn began(&self) -> Option<Moment> {
        let times = &self.record.times;
        times.first_byte.or(times.began).or(times.ended)
    }

    /// From the first byte to the end, µs.
    pub(super) fn total(&self) -> u64 {
        let ended = self.tunnel.map(|tunnel| tunnel.at).or(self.record.times.ended);
        self.began().zip(ended).map_or(0, |(began, ended)| ended.0.saturating_sub(began.0))
    }
}
