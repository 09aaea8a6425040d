//! A WebSocket to a backend over HTTP/2 (RFC 8441).

use h2::ext::Protocol;
use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};

use crate::downstream::http2::accepting;

/// The wish of a request for a WebSocket, which the backend takes as an extended CONNECT.
#[derive(Debug)]
pub(super) struct Wish {
    /// What a backend of HTTP/1 would accept it with.
    accept: HeaderValue,
}

/// Whether a request asks for a WebSocket, as it is asked for in HTTP/1.
pub(in crate::upstream) fn asks_websocket(head: &Parts) -> bool {
    let upgrade = head.headers.get(UPGRADE);
    head.method == Method::GET && upgrade.is_some_and(|to| to.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

impl Wish {
    /// The wish of a request, if it has one: its head becomes that of a CONNECT.
    pub(super) fn take(head: &mut Parts) -> Option<Self> {
        if !asks_websocket(head) {
            return None;
        }
        let key = head.headers.remove(SEC_WEBSOCKET_KEY)?;
        head.method = Method::CONNECT;
        head.extensions.insert(Protocol::from_static("websocket"));
        Some(Self { accept: accepting(key.as_bytes()) })
    }

    /// Makes of a response what it is in HTTP/1. Whether it opens a tunnel.
    pub(super) fn answered<B>(self, response: &mut Response<B>) -> bool {
        if !response.status().is_success() {
            return false;
        }
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_ACCEPT, self.accept);
        true
    }
}
