//! Requests that are about the way to a backend (RFC 9110 section 7.6.2): how many proxies they may still pass.

use bytes::Bytes;
use http::header::{ALLOW, MAX_FORWARDS};
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};

use super::body::ResponseBody;
use super::label::ERROR_HEADER;
use crate::downstream::RequestGuard;

/// What this proxy itself takes.
const ALLOWED: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS");

/// How many proxies a request may still pass, if it says so and its method is one for which that counts. What is no single
/// number says nothing, and goes on as it is.
fn left(parts: &Parts) -> Option<u64> {
    if !matches!(parts.method, Method::OPTIONS | Method::TRACE) {
        return None;
    }
    let mut lines = parts.headers.get_all(MAX_FORWARDS).iter();
    let value = lines.next().filter(|_| lines.next().is_none())?.to_str().ok()?;
    let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    // More than fits is as good as the most that does.
    is_number.then(|| value.parse().unwrap_or(u64::MAX))
}

/// Whether a request may go no further.
pub(super) fn ends_here(parts: &Parts) -> bool {
    left(parts) == Some(0)
}

/// Counts this proxy.
pub(super) fn count(parts: &mut Parts) {
    if let Some(left) = left(parts) {
        parts.headers.insert(MAX_FORWARDS, HeaderValue::from(left.saturating_sub(1)));
    }
}

/// The answer to a request that may go no further.
///
/// Not a reflection, for TRACE: it would show a script what the browser and proxies on the way add, such as credentials.
pub(super) fn respond(method: &Method, guard: RequestGuard) -> Response<ResponseBody> {
    let mut response = if method == Method::TRACE {
        let text = Bytes::from_static(b"TRACE ends at this proxy, which doesn't answer it\n");
        let mut response = ResponseBody::plain_text(StatusCode::METHOD_NOT_ALLOWED, text, guard);
        response.headers_mut().insert(&ERROR_HEADER, HeaderValue::from_static("max-forwards"));
        response
    } else {
        Response::new(ResponseBody::text(Bytes::new(), guard))
    };
    response.headers_mut().insert(ALLOW, ALLOWED);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_number_counts_and_only_where_it_may() {
        let check = |method: Method, lines: &[&'static str], expected: Option<u64>| {
            let (mut parts, ()) = http::Request::new(()).into_parts();
            parts.method = method.clone();
            for line in lines {
                parts.headers.append(MAX_FORWARDS, HeaderValue::from_static(line));
            }
            assert_eq!(left(&parts), expected, "{method} {lines:?}");
            let before = parts.headers.clone();
            count(&mut parts);
            match expected {
                None => assert_eq!(parts.headers, before, "{method} {lines:?}"),
                Some(left) => {
                    assert_eq!(parts.headers[MAX_FORWARDS], left.saturating_sub(1).to_string());
                }
            }
        };
        for method in [Method::OPTIONS, Method::TRACE] {
            check(method.clone(), &["0"], Some(0));
            check(method.clone(), &["010"], Some(10));
            check(method.clone(), &["99999999999999999999999"], Some(u64::MAX));
            for lines in [&[][..], &[""], &["-1"], &["+1"], &["1.0"], &["0, 0"], &["x"], &["0", "0"]] {
                check(method.clone(), lines, None);
            }
        }
        check(Method::GET, &["0"], None);
        check(Method::POST, &["5"], None);
    }
}
