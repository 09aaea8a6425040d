//! Parts of a request by which clients, or kinds of them, are told apart.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

use http::header::HeaderName;

use crate::parameters;
use crate::request::RequestHead;

/// A part of a request. Requests with the same content of it belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestKey {
    /// The client's address.
    Client,
    /// The first line of this header field.
    Header(HeaderName),
    /// The first cookie of this name, as it was sent.
    Cookie(String),
    /// The first parameter of this name in the query, decoded.
    Query(String),
}

impl RequestKey {
    /// Its content in a request; `None` if the request has no such part.
    #[must_use]
    pub fn content<'a>(&'a self, head: &'a RequestHead) -> Option<Cow<'a, [u8]>> {
        match self {
            Self::Client => Some(match head.client.to_canonical() {
                IpAddr::V4(address) => Cow::Owned(address.octets().into()),
                IpAddr::V6(address) => Cow::Owned(address.octets().into()),
            }),
            Self::Header(name) => parameters::of_field(&head.parts.headers, name).next().map(Cow::Borrowed),
            Self::Cookie(name) => {
                parameters::of_cookies(&head.parts.headers, name.as_bytes()).next().map(Cow::Borrowed)
            }
            Self::Query(name) => parameters::of_query(head.query()?, name.as_bytes()).next(),
        }
    }
}

impl fmt::Display for RequestKey {
    /// As it is written in the configuration.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client => f.write_str("client"),
            Self::Header(name) => write!(f, "header:{name}"),
            Self::Cookie(name) => write!(f, "cookie:{name}"),
            Self::Query(name) => write!(f, "query:{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::COOKIE;

    use super::*;

    #[test]
    fn the_first_of_several_counts() {
        let mut head = RequestHead::default();
        head.parts.uri = "/?u=%41&u=2".parse().expect("a target");
        head.parts.headers.append("x-user", HeaderValue::from_static("one"));
        head.parts.headers.append("x-user", HeaderValue::from_static("two"));
        head.parts.headers.append(COOKIE, HeaderValue::from_static("a=1; uid=x"));
        head.parts.headers.append(COOKIE, HeaderValue::from_static("uid=y"));
        head.client = "::ffff:192.0.2.7".parse().expect("an address");
        for (key, expected) in [
            (RequestKey::Client, Some(&[192, 0, 2, 7][..])),
            (RequestKey::Header(HeaderName::from_static("x-user")), Some(b"one")),
            (RequestKey::Header(HeaderName::from_static("x-other")), None),
            (RequestKey::Cookie("uid".into()), Some(b"x")),
            (RequestKey::Cookie("id".into()), None),
            (RequestKey::Query("u".into()), Some(b"A")),
            (RequestKey::Query("v".into()), None),
        ] {
            assert_eq!(key.content(&head).as_deref(), expected, "{key}");
        }
    }
}
