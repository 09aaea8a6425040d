//! What is counted of HTTP/2 with the clients of a listener.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::cell::{Count, read, tell_all};
use super::labels::{GOAWAYS, RESET_CODES, place};

/// Who has reset a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetSide {
    /// The client.
    Client,
    /// The proxy.
    Proxy,
}

impl ResetSide {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Client, Self::Proxy];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Proxy => "proxy",
        }
    }
}

/// What all workers have counted.
#[derive(Debug, Default)]
pub struct Http2Counts {
    connections: AtomicU64,
    streams: AtomicU64,
    resets: [[AtomicU64; RESET_CODES.len()]; 2],
    goaways: [AtomicU64; GOAWAYS.len()],
}

/// What one worker has counted since it last told.
#[derive(Debug, Default)]
pub struct Http2Cells {
    /// Connections at the moment.
    pub connections: Count,
    /// Streams at the moment.
    pub streams: Count,
    resets: [[Count; RESET_CODES.len()]; 2],
    goaways: [Count; GOAWAYS.len()],
}

impl Http2Cells {
    /// One side has reset a stream with this code (RFC 9113 section 7).
    pub fn reset(&self, side: ResetSide, code: u32) {
        let other = RESET_CODES.len() - 1;
        let code = usize::try_from(code).unwrap_or(other).min(other);
        self.resets[side as usize][code].add(1);
    }

    /// The proxy has sent a GOAWAY for this reason, one of [`GOAWAYS`].
    pub fn go_away(&self, cause: &str) {
        if let Some(place) = place(&GOAWAYS, cause) {
            self.goaways[place].add(1);
        }
    }
}

impl Http2Counts {
    /// Adds what a worker has counted.
    pub(super) fn add(&self, cells: &Http2Cells) {
        cells.connections.tell(&self.connections);
        cells.streams.tell(&self.streams);
        cells.resets.iter().zip(&self.resets).for_each(|(counts, totals)| tell_all(counts, totals));
        tell_all(&cells.goaways, &self.goaways);
    }

    /// Connections at the moment.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.connections.load(Relaxed)
    }

    /// Streams at the moment.
    #[must_use]
    pub fn streams(&self) -> u64 {
        self.streams.load(Relaxed)
    }

    /// Streams that one side has reset, by code.
    pub fn resets(&self, side: ResetSide) -> impl Iterator<Item = (&'static str, u64)> {
        RESET_CODES.into_iter().zip(read(&self.resets[side as usize]))
    }

    /// GOAWAYs that the proxy has sent, by cause.
    pub fn goaways(&self) -> impl Iterator<Item = (&'static str, u64)> {
        GOAWAYS.into_iter().zip(read(&self.goaways))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_opens_and_ends_between_two_reports_leaves_nothing() {
        let (counts, cells) = (Http2Counts::default(), Http2Cells::default());
        cells.streams.add(2);
        counts.add(&cells);
        cells.streams.sub(2);
        cells.streams.add(1);
        assert_eq!(counts.streams(), 2);
        counts.add(&cells);
        assert_eq!(counts.streams(), 1);
        cells.streams.sub(1);
        counts.add(&cells);
        assert_eq!(counts.streams(), 0);
    }

    #[test]
    fn every_code_has_its_place_and_unknown_ones_share_the_last() {
        let (counts, cells) = (Http2Counts::default(), Http2Cells::default());
        (0..14).for_each(|code| cells.reset(ResetSide::Client, code));
        [14, 255, u32::MAX].into_iter().for_each(|code| cells.reset(ResetSide::Proxy, code));
        cells.go_away("age");
        cells.go_away("something else");
        counts.add(&cells);
        assert!(counts.resets(ResetSide::Client).take(14).all(|(_, count)| count == 1));
        assert_eq!(counts.resets(ResetSide::Proxy).last(), Some(("other", 3)));
        assert_eq!(counts.resets(ResetSide::Client).last(), Some(("other", 0)));
        assert_eq!(counts.goaways().filter(|(_, count)| *count > 0).collect::<Vec<_>>(), [("age", 1)]);
    }
}
