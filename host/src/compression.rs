//! Compression of responses (RFC 9110 section 8.4): whether, in which coding, and the encoding of a body as it comes.

mod accepted;
mod active;
mod encoder;
mod head;
mod stream;

use std::sync::Arc;

use http::header::{ACCEPT_ENCODING, CACHE_CONTROL};
use http::request::Parts;
use http::{Method, Response, StatusCode};

use crate::config::{Coding, CompressionConfig};
use active::Room;
pub use encoder::Encoder;
pub use stream::{Broken, Compressed};

/// The compression of a pool's responses on one worker.
#[derive(Debug, Clone)]
pub struct Compression {
    config: Arc<CompressionConfig>,
    room: Room,
}

/// What a client takes.
#[derive(Debug)]
pub struct Offer {
    compression: Compression,
    coding: Option<Coding>,
    is_head: bool,
}

impl Compression {
    /// None active yet; this is one worker of so many.
    #[must_use]
    pub fn new(config: Arc<CompressionConfig>, workers: usize) -> Self {
        let room = Room::new(config.max_active.div_ceil(workers.max(1)));
        Self { config, room }
    }

    /// How it is configured.
    #[must_use]
    pub fn config(&self) -> &Arc<CompressionConfig> {
        &self.config
    }

    /// What may be done for the client of this request.
    #[must_use]
    pub fn offer(&self, request: &Parts) -> Offer {
        let is_transformable = !head::forbids_transforming(request.headers.get_all(CACHE_CONTROL));
        let accepted = || accepted::choose(request.headers.get_all(ACCEPT_ENCODING), &self.config.algorithms);
        let coding = if is_transformable { accepted() } else { None };
        Offer { compression: self.clone(), coding, is_head: request.method == Method::HEAD }
    }
}

impl Offer {
    /// Makes the head of a response that of a compressed one, if it is to be. What then encodes its body; there is none for a response to
    /// HEAD, whose head is that of the response to GET.
    pub fn accept<B>(&self, response: &mut Response<B>) -> Option<Box<Encoder>> {
        let config = &*self.compression.config;
        let status = response.status();
        let headers = response.headers_mut();
        if status == StatusCode::NOT_MODIFIED {
            head::vary(headers);
            if self.coding.is_some() {
                head::weaken(headers);
            }
            return None;
        }
        if !head::is_suitable(status, headers, config) {
            return None;
        }
        head::vary(headers);
        let coding = self.coding?;
        let encoder = match self.is_head {
            true => None,
            false => Some(Encoder::new(coding, config, self.compression.room.take()?)?),
        };
        head::encode(headers, coding);
        encoder.map(Box::new)
    }
}

#[cfg(test)]
mod tests;
