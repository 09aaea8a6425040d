//! Responses of many header fields.
//!
//! Up to 100 fields hyper reads at no price. With room for more it allocates twice for every response, which is more than a percent of
//! a small request. So a connection begins with room for 100, and gets more when a response needs it: hyper gives back what it couldn't
//! read, and another one reads that once more.

use http::{Method, Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use pointsman_core::pool::UpstreamLimits;

use super::{Patience, SendFailure, UpstreamConnection};
use crate::deadline::Deadline;
use crate::upstream::{Error, Reached, Upload};

/// So many fields have room on hyper's stack.
const FREE: usize = 100;

/// The limits of a connection's response heads.
#[derive(Debug, Clone, Copy)]
pub(super) struct HeadLimits {
    bytes: usize,
    fields: usize,
    /// hyper has room for so many now.
    room: usize,
}

impl HeadLimits {
    pub(super) fn new(limits: &UpstreamLimits) -> Self {
        let fields = limits.max_response_headers;
        Self { bytes: limits.max_response_header_bytes, fields, room: fields.min(FREE) }
    }

    /// What makes a connection of hyper's.
    pub(super) fn builder(self) -> http1::Builder {
        let mut builder = http1::Builder::new();
        builder.max_header_size(self.bytes).max_headers(self.room);
        builder
    }

    /// Whether a head of which so many bytes have come may be too large only because there was no room.
    pub(super) fn may_have_more_room(self, received: u64) -> bool {
        self.room < self.fields && !self.is_over(received)
    }

    /// Why a head of which so many bytes have come is too large.
    pub(super) fn error(self, received: u64) -> Error {
        if self.is_over(received) { Error::LargeHead } else { Error::ManyFields }
    }

    fn is_over(self, received: u64) -> bool {
        received > self.bytes as u64
    }
}

impl UpstreamConnection {
    /// Reads the head of a response to such a request once more, with as much room as there may be.
    #[cold]
    pub(super) async fn read_with_more_room(
        &mut self,
        method: Method,
        patience: Patience,
        deadline: &Deadline,
    ) -> Result<Response<Incoming>, SendFailure> {
        let failure = |error| SendFailure { error, reached: Reached::Answer };
        let parts = self.driver.take().ok_or(Error::Reset).map_err(failure)?.into_parts();
        let mut stream = parts.io.into_inner();
        stream.read_again(parts.read_buf);
        self.head_limits.room = self.head_limits.fields;
        let handshake = self.head_limits.builder().handshake(TokioIo::new(stream)).await;
        let (sender, driver) = handshake.map_err(Error::BadResponse).map_err(failure)?;
        (self.sender, self.driver, self.finished) = (sender, Some(driver), false);
        // Nothing of it is sent; hyper wants to know what the response answers.
        let mut stand_in = Request::new(()).into_parts().0;
        stand_in.method = method;
        self.send(&mut stand_in, &Upload::default(), patience, deadline)
            .await
            .map_err(|SendFailure { error, .. }| failure(error))
    }
}
