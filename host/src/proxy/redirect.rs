//! Requests that are to be made elsewhere.

use bytes::Bytes;
use http::header::LOCATION;
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};
use pointsman_core::request::{ExactTarget, RequestHead, host};
use pointsman_core::route::{TargetError, target_change};

use super::body::ResponseBody;
use super::failure::Failure;
use super::forwarding;
use crate::config::Redirect;
use crate::downstream::{ClientConnection, Refusal, RequestGuard};

/// Where a request is to be made instead.
#[derive(Debug)]
pub(super) struct Elsewhere {
    pub(super) status: StatusCode,
    pub(super) location: HeaderValue,
    text: &'static str,
}

/// Where the same is to be had over TLS: the same host at its usual port, and the same path and query. Method and body stay what they
/// are (RFC 9110 section 15.4.9).
pub(super) fn over_tls(parts: &Parts) -> Result<Elsewhere, Failure> {
    let mut location = b"https://".to_vec();
    location.extend_from_slice(without_port(authority(host(&parts.headers).map(HeaderValue::as_bytes))?));
    let target = match parts.extensions.get::<ExactTarget>() {
        Some(exact) => exact.bytes(),
        None => parts.uri.path_and_query().map_or(&b"/"[..], |target| target.as_str().as_bytes()),
    };
    // A question about the server as a whole has no path.
    location.extend_from_slice(if target == b"*" { b"/" } else { target });
    let location = HeaderValue::try_from(location).map_err(|_| Failure::Refused(Refusal::MalformedTarget))?;
    Ok(Elsewhere { status: StatusCode::PERMANENT_REDIRECT, location, text: "this is to be had over HTTPS\n" })
}

/// Where a route sends a request, which is prepared. Without scheme, host and port that is a path of the same place: what is said of
/// these between the client and a proxy before this one may not be known here.
pub(super) fn of_route(
    redirect: &Redirect,
    head: &RequestHead,
    client: &ClientConnection,
) -> Result<Elsewhere, Failure> {
    let path = match head.path() {
        b"*" => b"/",
        path => path,
    };
    let target = redirect.target.apply(path, head.query(), client.limits.path_normalization)?;
    let mut location = Vec::new();
    if redirect.is_absolute() {
        let scheme =
            redirect.scheme.unwrap_or_else(|| forwarding::scheme(&head.parts.headers, client).name());
        location.extend_from_slice(scheme.as_bytes());
        location.extend_from_slice(b"://");
        location.extend_from_slice(match &redirect.host {
            Some(host) => host.as_bytes(),
            None => without_port(authority(head.authority())?),
        });
        let usual = if scheme == "https" { 443 } else { 80 };
        if let Some(port) = redirect.port.filter(|port| *port != usual) {
            location.extend_from_slice(format!(":{port}").as_bytes());
        }
        location.extend_from_slice(&target_change::escaped(&target));
    } else {
        location.extend_from_slice(&target_change::escaped(&target_change::rooted(target)));
    }
    let location = HeaderValue::try_from(location).map_err(|_| Failure::Refused(Refusal::MalformedTarget))?;
    Ok(Elsewhere { status: redirect.status, location, text: "this is to be had elsewhere\n" })
}

impl From<TargetError> for Failure {
    fn from(error: TargetError) -> Self {
        match error {
            TargetError::OddPath => Self::OddPath,
            TargetError::TooLong => Self::Refused(Refusal::UriTooLong),
        }
    }
}

/// The response.
pub(super) fn respond(elsewhere: Elsewhere, guard: RequestGuard) -> Response<ResponseBody> {
    let text = Bytes::from_static(elsewhere.text.as_bytes());
    let mut response = ResponseBody::plain_text(elsewhere.status, text, guard);
    response.headers_mut().insert(LOCATION, elsewhere.location);
    response
}

/// What a client asks for by name; a client of HTTP/1.0 may not.
fn authority(host: Option<&[u8]>) -> Result<&[u8], Failure> {
    host.filter(|host| !without_port(host).is_empty()).ok_or(Failure::Refused(Refusal::Host))
}

/// A host without its port. The colons of an address in brackets aren't before a port.
fn without_port(authority: &[u8]) -> &[u8] {
    let ends = authority.iter().rposition(|&byte| byte == b':' || byte == b']');
    match ends {
        Some(end) if authority[end] == b':' => &authority[..end],
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_and_target_stay() {
        let located = |host: &str, target: &str, exact: Option<&[u8]>| {
            let mut request = http::Request::new(());
            *request.uri_mut() = target.parse().unwrap();
            request.headers_mut().insert("host", host.parse().unwrap());
            let mut parts = request.into_parts().0;
            if let Some(exact) = exact {
                parts.extensions.insert(ExactTarget::new(exact));
            }
            over_tls(&parts).ok().unwrap().location
        };
        for (host, target, expected) in [
            ("a.test", "/", "https://a.test/"),
            ("A.test:80", "/x/../y?q=1&r", "https://A.test/x/../y?q=1&r"),
            ("a.test:", "//b.test/", "https://a.test//b.test/"),
            ("[::1]", "/", "https://[::1]/"),
            ("[::1]:8080", "/?", "https://[::1]/?"),
            ("192.0.2.1:1", "*", "https://192.0.2.1/"),
        ] {
            assert_eq!(located(host, target, None), expected);
        }
        let exact = located("a.test", "/x", Some(b"/\xe4?\"\xff"));
        assert_eq!(exact.as_bytes(), b"https://a.test/\xe4?\"\xff");
        assert!(over_tls(&http::Request::new(()).into_parts().0).is_err(), "nobody knows where to");
    }
}
