//! What requests are like.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use pointsman_core::request::RequestHead;

use super::super::random::{KeyDraw, Stream, Work};
use crate::recorded::Recorded;

/// Makes requests.
pub(super) struct Requests {
    pub(super) head: RequestHead,
    pub(super) header: Option<HeaderName>,
    pub(super) keys: KeyDraw,
    /// Those that come again.
    pub(super) recorded: Option<Arc<Recorded>>,
    pub(super) work: Work,
    pub(super) works: Stream,
    pub(super) key_stream: Stream,
    pub(super) proxy_stream: Stream,
    pub(super) made: u64,
}

impl Requests {
    /// Makes the head of the next request; returns the proxy that it comes to.
    pub(super) fn make(&mut self, proxies: usize) -> usize {
        let number = self.made;
        self.made += 1;
        match self.recorded.clone() {
            Some(recorded) => self.make_again(&recorded, number),
            None => self.make_anew(number),
        }
        if proxies == 1 { 0 } else { self.proxy_stream.below(proxies) }
    }

    /// The recorded request of this number.
    fn make_again(&mut self, recorded: &Recorded, number: u64) {
        let Some(request) = recorded.requests.get(number as usize) else { return };
        self.head.clone_from(&recorded.heads[request.head as usize]);
        self.work = Work::Fixed(request.work as f64);
    }

    fn make_anew(&mut self, number: u64) {
        let key = self.keys.draw(&mut self.key_stream, number);
        self.head.tried = Default::default();
        match &self.header {
            Some(name) => {
                self.head.parts.headers.insert(name.clone(), HeaderValue::from(key));
            }
            None => self.head.client = IpAddr::V4(Ipv4Addr::from(key.wrapping_add(0x0a00_0000))),
        }
    }
}
