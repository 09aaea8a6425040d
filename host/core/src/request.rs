//! What is known of a request while its backend is chosen.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use http::header::HOST;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Version};

use crate::picks::PickRecords;
use crate::tried::Tried;

/// A request's head and where it came from.
#[derive(Debug, Clone)]
pub struct RequestHead {
    /// Method, target and header fields. After admission the target is in origin form and `Host` is the one authority.
    pub parts: Parts,
    /// The client: the peer, or what a trusted proxy says.
    pub client: IpAddr,
    /// Whether the client spoke TLS, to the proxy or to a trusted one before it.
    pub tls: bool,
    /// The version of HTTP that the client speaks; that in `parts` becomes the one of the backend's side.
    pub protocol: Version,
    /// Whether it is a call of gRPC, which is told of failures in its own way. Stays when the head itself is sent.
    pub is_call: bool,
    /// What the route is called that it takes; nothing, if that has no name.
    pub route: Option<Arc<str>>,
    /// Backends that this request has used, or found full.
    pub tried: Tried,
    /// What is kept of its picks; nothing, but for a request that is to be explained.
    pub picks: Option<Box<PickRecords>>,
}

impl RequestHead {
    /// A first attempt.
    #[inline]
    #[must_use]
    pub fn new(parts: Parts, client: IpAddr) -> Self {
        let protocol = parts.version;
        Self {
            parts,
            client,
            tls: false,
            protocol,
            is_call: false,
            route: None,
            tried: Tried::default(),
            picks: None,
        }
    }

    /// The path as the client wrote it.
    #[inline]
    #[must_use]
    pub fn path(&self) -> &[u8] {
        path(&self.parts)
    }

    /// The query as the client wrote it.
    #[inline]
    #[must_use]
    pub fn query(&self) -> Option<&[u8]> {
        match self.parts.extensions.get::<ExactTarget>() {
            None => self.parts.uri.query().map(str::as_bytes),
            Some(target) => target.split().1,
        }
    }

    /// Host and port that the client asked for, as it wrote them.
    #[inline]
    #[must_use]
    pub fn authority(&self) -> Option<&[u8]> {
        host(&self.parts.headers).map(HeaderValue::as_bytes)
    }
}

/// `Host`, of which there is one at most after admission.
///
/// Looked for in the order of the fields, not by its hash: nearly every client sends it first.
#[inline]
#[must_use]
pub fn host(headers: &HeaderMap) -> Option<&HeaderValue> {
    headers.iter().find_map(|(name, value)| (*name == HOST).then_some(value))
}

/// The path of a head as the client wrote it.
#[inline]
#[must_use]
pub fn path(parts: &Parts) -> &[u8] {
    let exact = parts.extensions.get::<ExactTarget>();
    exact.map_or_else(|| parts.uri.path().as_bytes(), |target| target.split().0)
}

/// Path and query as the client wrote them, of a target with bytes that [`http::Uri`] can't hold.
///
/// It is in the extensions of such a request's head, whose `uri` has another byte in the place of each of these. It takes
/// precedence: for the route, for policies, and on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExactTarget(Arc<[u8]>);

impl ExactTarget {
    /// A path that isn't empty, or `*`, with the query.
    #[inline]
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    /// All of it.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The path, and the query without its question mark.
    #[must_use]
    pub fn split(&self) -> (&[u8], Option<&[u8]>) {
        match memchr::memchr(b'?', &self.0) {
            Some(mark) => (&self.0[..mark], Some(&self.0[mark + 1..])),
            None => (&self.0, None),
        }
    }
}

impl Default for RequestHead {
    /// An empty `GET /` from nowhere.
    fn default() -> Self {
        Self::new(http::Request::new(()).into_parts().0, IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    }
}
