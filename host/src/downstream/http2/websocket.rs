//! A WebSocket in HTTP/2 (RFC 8441), as one of HTTP/1 (RFC 6455).

use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use h2::ext::Protocol;
use http::header::{CONNECTION, SEC_WEBSOCKET_KEY, UPGRADE};
use http::request::Parts;
use http::{HeaderValue, Method};

/// What a server appends to a key (RFC 6455 section 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Makes an extended CONNECT the request of HTTP/1 that it stands for, with a key of ours. Answers what a server has to accept it with.
pub(super) fn as_upgrade(parts: &mut Parts) -> HeaderValue {
    let mut nonce = [0; 16];
    // The key isn't a secret: it shows that the backend has read this request. So a poor one will do, should the system have no better.
    let _ = rand::fill(&mut nonce);
    let key = BASE64_STANDARD.encode(nonce);
    let accept = accepting(key.as_bytes());
    parts.method = Method::GET;
    parts.extensions.remove::<Protocol>();
    parts.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    parts.headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    parts.headers.insert(SEC_WEBSOCKET_KEY, value(&key));
    accept
}

/// What accepts a key (RFC 6455 section 4.2.2).
#[must_use]
pub fn accepting(key: &[u8]) -> HeaderValue {
    let mut digest = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    digest.update(key);
    digest.update(GUID);
    value(&BASE64_STANDARD.encode(digest.finish()))
}

/// Base64 as a value, which it always can be.
fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_accepted_as_the_rfc_says() {
        assert_eq!(accepting(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn each_request_has_a_key_of_its_own() {
        let asked = [(); 2].map(|()| {
            let request = http::Request::connect("http://h/chat").body(()).expect("a request");
            let (mut parts, ()) = request.into_parts();
            parts.extensions.insert(Protocol::from("websocket"));
            let expected = as_upgrade(&mut parts);
            assert!(parts.method == Method::GET && parts.uri.path() == "/chat");
            assert!(parts.extensions.get::<Protocol>().is_none());
            assert_eq!(accepting(parts.headers[SEC_WEBSOCKET_KEY].as_bytes()), expected);
            expected
        });
        assert_ne!(asked[0], asked[1]);
    }
}
