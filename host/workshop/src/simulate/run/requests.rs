//! What requests are like.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use http::{HeaderName, HeaderValue};

use super::super::random::{KeyDraw, Stream, Work};
use super::super::request::Request;
use crate::recorded::Recorded;
use crate::spec::Prompt;

/// Makes requests.
pub(super) struct Requests {
    pub(super) header: Option<HeaderName>,
    pub(super) keys: KeyDraw,
    /// Those that come again.
    pub(super) recorded: Option<Arc<Recorded>>,
    pub(super) work: Work,
    /// What model servers are to read and to write, and how long answers are.
    pub(super) prompts: Option<(Prompt, Stream)>,
    pub(super) works: Stream,
    pub(super) key_stream: Stream,
    pub(super) proxy_stream: Stream,
    pub(super) made: u64,
    /// One that is on its way no more: the next one is made of it.
    pub(super) spare: Option<Box<Request>>,
}

impl Requests {
    /// Makes the next request, which comes to one of so many proxies.
    pub(super) fn make(&mut self, now: u64, proxies: usize) -> Box<Request> {
        let number = self.made;
        self.made += 1;
        let mut request = self.spare.take().unwrap_or_default();
        match self.recorded.clone() {
            Some(recorded) => Self::make_again(&mut request, &recorded, number),
            None => self.make_anew(&mut request, number),
        }
        request.arrived = now;
        request.proxy = if proxies == 1 { 0 } else { self.proxy_stream.below(proxies) };
        request
    }

    /// A request is on its way no more.
    pub(super) fn keep(&mut self, request: Box<Request>) {
        self.spare = Some(request);
    }

    /// The recorded request of this number.
    fn make_again(request: &mut Request, recorded: &Recorded, number: u64) {
        let Some(known) = recorded.requests.get(number as usize) else { return };
        request.head.clone_from(&recorded.heads[known.head as usize]);
        request.work = Work::Fixed(known.work as f64);
        if let Some(prompt) = recorded.prompts.get(known.prompt as usize) {
            request.prompt.make_again(prompt, recorded.block);
        }
    }

    fn make_anew(&mut self, request: &mut Request, number: u64) {
        let key = self.keys.draw(&mut self.key_stream, number);
        request.work = self.work.clone();
        request.key = (!matches!(self.keys, KeyDraw::Own)).then_some(key);
        request.head.tried = Default::default();
        if let Some((prompt, answers)) = &mut self.prompts {
            request.prompt.make(prompt, key, number, answers);
        }
        match &self.header {
            Some(name) => {
                request.head.parts.headers.insert(name.clone(), HeaderValue::from(key));
            }
            None => request.head.client = IpAddr::V4(Ipv4Addr::from(key.wrapping_add(0x0a00_0000))),
        }
    }
}
