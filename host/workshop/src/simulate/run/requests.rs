//! What requests are like.

use std::net::{IpAddr, Ipv4Addr};

use http::{HeaderName, HeaderValue};
use pointsman_core::request::RequestHead;

use super::super::random::{KeyDraw, Stream, Work};

/// Makes requests.
pub(super) struct Requests {
    pub(super) head: RequestHead,
    pub(super) header: Option<HeaderName>,
    pub(super) keys: KeyDraw,
    pub(super) work: Work,
    pub(super) works: Stream,
    pub(super) key_stream: Stream,
    pub(super) proxy_stream: Stream,
    pub(super) made: u64,
}

impl Requests {
    /// Makes the head of the next request; returns the proxy that it comes to.
    pub(super) fn make(&mut self, proxies: usize) -> usize {
        let key = self.keys.draw(&mut self.key_stream, self.made);
        self.made += 1;
        self.head.tried = Default::default();
        match &self.header {
            Some(name) => {
                self.head.parts.headers.insert(name.clone(), HeaderValue::from(key));
            }
            None => self.head.client = IpAddr::V4(Ipv4Addr::from(key.wrapping_add(0x0a00_0000))),
        }
        if proxies == 1 { 0 } else { self.proxy_stream.below(proxies) }
    }
}
