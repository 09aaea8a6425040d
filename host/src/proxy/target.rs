//! What of a request's target is compared and forwarded.

use bytes::Bytes;
use http::header::HOST;
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderValue, Uri};
use pointsman_core::request::{self, ExactTarget};
use pointsman_core::route::{PathNormalization, normal_path};

use super::Failure;
use crate::downstream::Refusal;

/// Makes of the target what goes on: path and query, in the form that the operator wants.
pub(super) fn adopt(parts: &mut Parts, normalization: PathNormalization) -> Result<(), Failure> {
    adopt_absolute(parts)?;
    match normalization {
        PathNormalization::Off | PathNormalization::Match => Ok(()),
        PathNormalization::Rewrite => rewrite(parts),
        PathNormalization::Refuse if normal_path::is_odd(request::path(parts)) => Err(Failure::OddPath),
        PathNormalization::Refuse => Ok(()),
    }
}

/// Takes the authority out of an absolute-form target: it counts, and `Host` doesn't (RFC 9112 section 3.2.2).
fn adopt_absolute(parts: &mut Parts) -> Result<(), Failure> {
    let Some(authority) = parts.uri.authority() else { return Ok(()) };
    let host =
        HeaderValue::from_str(authority.as_str()).map_err(|_| Failure::Refused(Refusal::MalformedTarget))?;
    parts.headers.insert(HOST, host);
    if parts.extensions.get::<ExactTarget>().is_some_and(|target| target.bytes() == b"*") {
        // What the client asks of the server as a whole (RFC 9112 section 3.2.4).
        parts.uri = Uri::from_static("*");
        return Ok(());
    }
    let path = parts.uri.path_and_query().cloned();
    parts.uri = path.map_or_else(|| Uri::from_static("/"), Uri::from);
    Ok(())
}

/// Puts the normal form of the path in its place, in what `Uri` holds of the target and in its exact bytes.
fn rewrite(parts: &mut Parts) -> Result<(), Failure> {
    if let Some(exact) = parts.extensions.get::<ExactTarget>() {
        let (path, query) = exact.split();
        let exact = ExactTarget::new(&with_normal_path(path, query));
        parts.extensions.insert(exact);
    }
    if parts.uri.path() == "*" {
        return Ok(());
    }
    let target = with_normal_path(parts.uri.path().as_bytes(), parts.uri.query().map(str::as_bytes));
    let target = PathAndQuery::from_maybe_shared(Bytes::from(target));
    parts.uri = target.map_err(|_| Failure::Refused(Refusal::MalformedTarget))?.into();
    Ok(())
}

fn with_normal_path(path: &[u8], query: Option<&[u8]>) -> Vec<u8> {
    let mut target = normal_path::rewritten(path).into_owned();
    if let Some(query) = query {
        target.push(b'?');
        target.extend_from_slice(query);
    }
    target
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adopted(target: &str, exact: Option<&[u8]>, normalization: PathNormalization) -> Option<Parts> {
        let mut parts = http::Request::builder()
            .uri(target)
            .header(HOST, "a")
            .body(())
            .expect("a request")
            .into_parts()
            .0;
        if let Some(exact) = exact {
            parts.extensions.insert(ExactTarget::new(exact));
        }
        adopt(&mut parts, normalization).ok().map(|()| parts)
    }

    #[test]
    fn an_absolute_target_overrides_host() {
        for (target, path, host) in [
            ("http://b.example:81/x?y", "/x?y", "b.example:81"),
            ("http://b.example", "/", "b.example"),
            ("/x", "/x", "a"),
        ] {
            let parts = adopted(target, None, PathNormalization::Off).expect("a good target");
            assert_eq!(
                (parts.uri.to_string().as_str(), &parts.headers["host"]),
                (path, &HeaderValue::from_static(host))
            );
        }
    }

    #[test]
    fn a_path_is_rewritten_in_both_of_its_forms() {
        for (target, exact, expected, expected_exact) in [
            ("http://b//x/../a?b//c", None, "/a?b//c", None),
            ("/a", None, "/a", None),
            ("*", None, "*", None),
            ("//_a/./b?_", Some(&b"//\xffa/./b?<"[..]), "/_a/b?_", Some(&b"/\xffa/b?<"[..])),
        ] {
            let parts = adopted(target, exact, PathNormalization::Rewrite).expect("a good target");
            assert_eq!(parts.uri.to_string(), expected, "{target}");
            assert_eq!(
                parts.extensions.get::<ExactTarget>().map(ExactTarget::bytes),
                expected_exact,
                "{target}"
            );
        }
    }

    #[test]
    fn an_odd_path_is_refused_where_that_is_wanted() {
        let refused =
            |target: &str, exact: Option<&[u8]>| adopted(target, exact, PathNormalization::Refuse).is_none();
        assert!(refused("//a", None) && refused("http://b/a/../b", None) && refused("/_/..", Some(b"/`/..")));
        assert!(!refused("/a?//", None) && !refused("http://b", None) && !refused("*", None));
    }
}
