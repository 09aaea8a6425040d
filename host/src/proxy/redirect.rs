//! Requests that are to be made over TLS.

use bytes::Bytes;
use http::header::LOCATION;
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};
use pointsman_core::request::{ExactTarget, host};

use super::body::ResponseBody;
use super::failure::Failure;
use crate::downstream::{Refusal, RequestGuard};

/// Where the same is to be had over TLS: the same host at its usual port, and the same path and query.
pub(super) fn location(parts: &Parts) -> Result<HeaderValue, Failure> {
    let authority = host(&parts.headers).ok_or(Failure::Refused(Refusal::Host))?;
    let mut location = b"https://".to_vec();
    location.extend_from_slice(without_port(authority.as_bytes()));
    let target = match parts.extensions.get::<ExactTarget>() {
        Some(exact) => exact.bytes(),
        None => parts.uri.path_and_query().map_or(&b"/"[..], |target| target.as_str().as_bytes()),
    };
    // A question about the server as a whole has no path.
    location.extend_from_slice(if target == b"*" { b"/" } else { target });
    HeaderValue::try_from(location).map_err(|_| Failure::Refused(Refusal::MalformedTarget))
}

/// The response: the method and the body stay what they are (RFC 9110 section 15.4.9).
pub(super) fn respond(location: HeaderValue, guard: RequestGuard) -> Response<ResponseBody> {
    let text = Bytes::from_static(b"this is to be had over HTTPS\n");
    let mut response = ResponseBody::plain_text(StatusCode::PERMANENT_REDIRECT, text, guard);
    response.headers_mut().insert(LOCATION, location);
    response
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
            location(&parts).ok().unwrap()
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
        assert!(location(&http::Request::new(()).into_parts().0).is_err(), "nobody knows where to");
    }
}
