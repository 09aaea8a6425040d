//! Responses of many header fields.
//!
//! Up to 100 fields hyper reads at no price. With room for more it allocates twice for every response, which is more than a percent of
//! a small request. So a connection begins with room for 100, and gets more when a response needs it: hyper gives back what it couldn't
//! read, and another one reads that once more.

use hyper::client::conn::http1;
use pointsman_core::pool::UpstreamLimits;

use crate::upstream::Error;

/// Fields that have room on hyper's stack.
const FREE: usize = 100;

/// The limits of a connection's response heads.
#[derive(Debug, Clone, Copy)]
pub(super) struct HeadLimits {
    bytes: usize,
    fields: usize,
    /// Fields that hyper has room for now.
    room: usize,
}

impl HeadLimits {
    pub(super) fn new(limits: &UpstreamLimits) -> Self {
        let fields = limits.max_response_headers;
        Self { bytes: limits.max_response_header_bytes, fields, room: fields.min(FREE) }
    }

    /// Allows as many fields as the configuration does, even if hyper allocates for them.
    pub(super) fn make_room(&mut self) {
        self.room = self.fields;
    }

    /// What makes a connection of hyper's.
    pub(super) fn builder(self) -> http1::Builder {
        let mut builder = http1::Builder::new();
        builder.max_header_size(self.bytes).max_headers(self.room);
        builder
    }

    /// Whether a head of which `received` bytes have come may be too large only because there is no room for more fields.
    pub(super) fn may_have_more_room(self, received: u64) -> bool {
        self.room < self.fields && !self.is_over(received)
    }

    /// Why a head of which `received` bytes have come is too large.
    pub(super) fn error(self, received: u64) -> Error {
        if self.is_over(received) { Error::LargeHead } else { Error::ManyFields }
    }

    fn is_over(self, received: u64) -> bool {
        received > self.bytes as u64
    }
}
