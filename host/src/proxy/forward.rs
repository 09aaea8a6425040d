//! What changes in a message on its way through (RFC 9110 section 7.6).

use std::rc::Rc;
use std::time::Duration;

use http::header::{AUTHORIZATION, CONNECTION, CONTENT_LENGTH, EXPECT, TE, UPGRADE, VIA};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode, Version};
use pointsman_core::clock::Clock;
use pointsman_core::pool::{ExchangeLimits, UpstreamLimits};
use pointsman_core::request::RequestHead;

use super::failure::Failure;
use super::forwarding;
use super::hop_by_hop::{self, HeaderScan, tokens};
use super::label::{ERROR_HEADER, EXPLAIN_HEADER};
use super::max_forwards;
use super::own_answer::OwnAnswer;
use super::redirect;
use super::request_id::X_REQUEST_ID;
use super::{target, via};
use crate::downstream::{
    ClientBody, ClientConnection, RequestContext, Scheme, is_idempotent as is_idempotent_method,
};
use crate::grpc;
use crate::upstream::{Upload, names_connection_scheme};

/// What a prepared request asks for beside its head.
pub(super) struct Prepared {
    /// The protocol that it may change to.
    pub(super) upgrade: Option<HeaderValue>,
    /// Its body comes with permission only.
    pub(super) expects: bool,
    /// It carries credentials that authenticate its connection.
    pub(super) authenticates: bool,
    /// Its client wants to know why it goes where it goes.
    pub(super) explains: bool,
}

impl Prepared {
    /// Who hears that its body is to come, if that waits for permission.
    pub(super) fn expectation(&self, context: &Rc<RequestContext>) -> Option<Rc<RequestContext>> {
        self.expects.then(|| Rc::clone(context))
    }

    /// Longest silence of its tunnel, if it may change the protocol.
    pub(super) fn tunnel_timeout(
        &self,
        exchange: &ExchangeLimits,
        context: &RequestContext,
    ) -> Option<Duration> {
        self.upgrade.as_ref()?;
        Some(exchange.tunnel_timeout.unwrap_or(context.connection().limits.tunnel_timeout))
    }
}

/// Why a request goes to no backend.
pub(super) enum Unforwarded {
    /// For this reason.
    Failed(Failure),
    /// It is answered here, and nothing is wrong.
    Answered(OwnAnswer),
}

impl From<Failure> for Unforwarded {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<OwnAnswer> for Unforwarded {
    fn from(answer: OwnAnswer) -> Self {
        Self::Answered(answer)
    }
}

/// Makes a head what goes to the backend, and finds out who the client is. The same head gives the same result, so a request
/// that is sent again is prepared again.
pub(super) fn prepare(head: &mut RequestHead, context: &RequestContext) -> Result<Prepared, Unforwarded> {
    let (connection, parts) = (context.connection(), &mut head.parts);
    context.restore_target(parts);
    target::adopt(parts, connection.limits.path_normalization)?;
    if connection.limits.redirects {
        return Err(OwnAnswer::Redirect(redirect::over_tls(parts)?).into());
    }
    let scan = HeaderScan::of_request(&parts.headers);
    if scan.via && via::hops(&parts.headers) > connection.limits.max_hops {
        return Err(Failure::Loop.into());
    }
    if max_forwards::ends_here(parts) {
        return Err(OwnAnswer::FinalRecipient(parts.method.clone()).into());
    }
    let may_upgrade = scan.upgrade && context.asks_upgrade();
    let upgrade = may_upgrade.then(|| wanted_upgrade(&parts.headers)).flatten();
    let expects = scan.expect && parts.version > Version::HTTP_10;
    let authenticates = scan.authorization && authenticates_connection(parts);
    head.is_call = scan.te && grpc::is_call(&parts.headers);
    request_head(head, connection, upgrade.as_ref(), scan);
    head.tls = forwarding::scheme(&head.parts.headers, connection) == Scheme::Https;
    if let Some(id) = &context.record().ids.request {
        head.parts.headers.insert(&X_REQUEST_ID, id.clone());
    }
    if let Some(insight) = &*context.insight() {
        insight.write(&mut head.parts.headers);
    }
    let explains = scan.explain && wants_explanation(&mut head.parts.headers);
    Ok(Prepared { upgrade, expects, authenticates, explains })
}

/// The protocol that a request wants to change to, if this proxy goes along.
///
/// Not with h2c: the client would speak HTTP/2 to the backend past everything that is checked here. Several lines are one list
/// (RFC 9110 section 5.3).
fn wanted_upgrade(headers: &HeaderMap) -> Option<HeaderValue> {
    let asked = tokens(headers, CONNECTION).any(|token| token.eq_ignore_ascii_case("upgrade"));
    let h2c = tokens(headers, UPGRADE).any(|token| token.eq_ignore_ascii_case("h2c"));
    if !asked || h2c {
        return None;
    }
    let protocols: Vec<&str> = tokens(headers, UPGRADE).collect();
    if protocols.is_empty() { None } else { HeaderValue::from_str(&protocols.join(", ")).ok() }
}

/// Whether a request asks for an explanation. That is between the client and this proxy: no backend hears of it.
#[cold]
fn wants_explanation(headers: &mut HeaderMap) -> bool {
    headers.remove(&EXPLAIN_HEADER).is_some_and(|wish| wish == "1")
}

/// Whether a request may be sent twice, as far as its method says (RFC 9110 section 9.2.2).
pub(super) fn is_idempotent(parts: &Parts) -> bool {
    is_idempotent_method(parts.method.as_str())
}

/// Whether a request carries credentials that authenticate its connection.
#[cold]
fn authenticates_connection(parts: &Parts) -> bool {
    parts.headers.get_all(AUTHORIZATION).iter().any(names_connection_scheme)
}

/// The body on its way to the backend; its first bytes are kept if the request may be sent twice.
pub(super) fn upload(
    parts: &Parts,
    body: ClientBody,
    limits: &UpstreamLimits,
    expectation: Option<Rc<RequestContext>>,
    clock: Clock,
) -> Upload {
    let keep = limits.kept_body(is_idempotent(parts));
    // No proxy says there whom a request is for.
    let clean = |trailers: &mut HeaderMap| {
        hop_by_hop::strip_trailers(trailers);
        forwarding::remove(trailers, |_| true);
    };
    Upload::new(body, keep, expectation, clean, clock)
}

/// Changes the fields of a head for the backend, and finds out who the client is.
fn request_head(
    head: &mut RequestHead,
    connection: &ClientConnection,
    upgrade: Option<&HeaderValue>,
    scan: HeaderScan,
) {
    let parts = &mut head.parts;
    let via = via::received(parts.version);
    if scan.expect && parts.version == Version::HTTP_10 {
        // An old client waits for nothing (RFC 9110 section 10.1.1).
        parts.headers.remove(EXPECT);
    }
    parts.version = Version::HTTP_11;
    max_forwards::count(parts);
    let headers = &mut parts.headers;
    if scan.hop_by_hop {
        hop_by_hop::strip(headers);
        if headers.contains_key(TE) {
            // Its sender has to name it (RFC 9110 section 10.1.4).
            headers.insert(CONNECTION, HeaderValue::from_static("te"));
        }
    }
    if let Some(protocol) = upgrade {
        headers.append(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, protocol.clone());
    }
    head.client = forwarding::rewrite(headers, connection, scan.forwarding);
    headers.append(VIA, via);
}

/// The response head as it goes to the client.
pub(super) fn response_headers<B>(response: &mut Response<B>) {
    let via = via::received(response.version());
    *response.version_mut() = Version::HTTP_11;
    let scan = HeaderScan::of_response(response.headers());
    if scan.hop_by_hop {
        let required = if scan.upgrade { required_upgrade(response) } else { Vec::new() };
        let headers = response.headers_mut();
        hop_by_hop::strip(headers);
        for protocol in required {
            headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
            headers.append(UPGRADE, protocol);
        }
    }
    if scan.label {
        response.headers_mut().remove(&ERROR_HEADER);
    }
    if scan.explain {
        response.headers_mut().remove(&EXPLAIN_HEADER);
    }
    response.headers_mut().append(VIA, via);
}

/// The fields of a 103 as they go to the client. It has no length (RFC 9110 section 8.6), which a client could take for that of the response.
#[must_use]
pub fn early_hint(mut headers: HeaderMap) -> HeaderMap {
    hop_by_hop::strip(&mut headers);
    headers.remove(CONTENT_LENGTH);
    headers.remove(&ERROR_HEADER);
    headers.remove(&EXPLAIN_HEADER);
    headers
}

/// What a client is told to upgrade to: a 426 without it says nothing (RFC 9110 section 15.5.22). In any other response
/// `Upgrade` is an offer that concerns the connection to the backend.
fn required_upgrade<B>(response: &Response<B>) -> Vec<HeaderValue> {
    if response.status() != StatusCode::UPGRADE_REQUIRED {
        return Vec::new();
    }
    response.headers().get_all(UPGRADE).iter().cloned().collect()
}

/// The headers of a 101: stripped like any, but for the two that announce the change.
pub(super) fn upgrade_response(headers: &mut HeaderMap) -> HeaderMap {
    let mut headers = std::mem::take(headers);
    let protocol = headers.get(UPGRADE).cloned();
    hop_by_hop::strip(&mut headers);
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    if let Some(protocol) = protocol {
        headers.insert(UPGRADE, protocol);
    }
    headers.remove(&ERROR_HEADER);
    headers.remove(&EXPLAIN_HEADER);
    headers.append(VIA, via::received(Version::HTTP_11));
    headers
}

#[cfg(test)]
mod tests;
