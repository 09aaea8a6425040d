//! Requests that ask their backend for another target than the client has asked for.

use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use pointsman_core::request::{ExactTarget, RequestHead};
use pointsman_core::route::TargetChange;

use super::failure::Failure;
use super::forwarding;
use super::header_rules::encode;
use crate::downstream::{ClientConnection, Refusal, uri_and_exact};

/// What the client has asked for.
static X_FORWARDED_URI: HeaderName = HeaderName::from_static("x-forwarded-uri");

/// What a backend has to put before its paths for the client to find them.
static X_FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");

/// The target for backends, and that of the client, which policies see.
#[derive(Debug, Clone)]
pub(super) struct Rewritten {
    of_client: Target,
    for_backend: Target,
    /// The client's as a field's value.
    uri: Option<HeaderValue>,
    /// The prefix that backends don't see, if it is taken off.
    prefix: Option<HeaderValue>,
    is_behind_proxy: bool,
}

/// Path and query as a head has them.
#[derive(Debug, Clone)]
struct Target {
    uri: Uri,
    exact: Option<ExactTarget>,
}

impl Rewritten {
    /// The target of a request, of which its fields tell from now on.
    pub(super) fn begin(
        change: &TargetChange,
        head: &mut RequestHead,
        client: &ClientConnection,
    ) -> Result<Option<Box<Self>>, Failure> {
        let this = Self::new(change, head, client)?;
        if let Some(this) = &this {
            this.tell(&mut head.parts.headers);
        }
        Ok(this)
    }

    /// The target of a request, which is prepared. `None` if it is about the server as a whole.
    #[inline(never)]
    fn new(
        change: &TargetChange,
        head: &RequestHead,
        client: &ClientConnection,
    ) -> Result<Option<Box<Self>>, Failure> {
        let path = head.path();
        if path == b"*" {
            return Ok(None);
        }
        let normalization = client.limits.path_normalization;
        let target = change.apply(path, head.query(), normalization)?;
        let (uri, exact) = uri_and_exact(target).ok_or(Failure::Refused(Refusal::MalformedTarget))?;
        let prefix = change.stripped(path, normalization);
        let query = head.query();
        let mut asked = Vec::with_capacity(path.len() + query.map_or(0, |query| query.len() + 1));
        encode(path, &mut asked);
        if let Some(query) = query {
            asked.push(b'?');
            encode(query, &mut asked);
        }
        Ok(Some(Box::new(Self {
            of_client: Target {
                uri: head.parts.uri.clone(),
                exact: head.parts.extensions.get::<ExactTarget>().cloned(),
            },
            for_backend: Target { uri, exact },
            uri: HeaderValue::try_from(asked).ok(),
            prefix: prefix.and_then(|prefix| HeaderValue::from_str(prefix).ok()),
            is_behind_proxy: forwarding::is_trusted(client.peer.ip().to_canonical(), &client.trusted_proxies),
        })))
    }

    /// Says in the fields of a prepared head what the client has asked for. What a trusted proxy says of that is nearer to the client.
    pub(super) fn tell(&self, headers: &mut HeaderMap) {
        if let Some(uri) = &self.uri
            && !(self.is_behind_proxy && headers.contains_key(&X_FORWARDED_URI))
        {
            headers.insert(&X_FORWARDED_URI, uri.clone());
        }
        let Some(prefix) = &self.prefix else { return };
        let before = headers.get_all(&X_FORWARDED_PREFIX).iter().next_back();
        let whole = match before.filter(|_| self.is_behind_proxy) {
            None => prefix.clone(),
            Some(before) => {
                let before = before.as_bytes().trim_ascii();
                let before = before.strip_suffix(b"/").unwrap_or(before);
                HeaderValue::try_from([before, prefix.as_bytes()].concat()).unwrap_or_else(|_| prefix.clone())
            }
        };
        headers.insert(&X_FORWARDED_PREFIX, whole);
    }

    /// Makes a head one for a backend.
    pub(super) fn at_backend(&self, parts: &mut Parts) {
        self.for_backend.put(parts);
    }

    /// Makes a head of which nothing was sent what it was before.
    pub(super) fn undo(&self, parts: &mut Parts) {
        self.of_client.put(parts);
    }
}

impl Target {
    fn put(&self, parts: &mut Parts) {
        parts.uri = self.uri.clone();
        match &self.exact {
            Some(exact) => parts.extensions.insert(exact.clone()),
            None => parts.extensions.remove::<ExactTarget>(),
        };
    }
}
