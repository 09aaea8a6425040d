//! The change of a connection's protocol, as request and response agree on it.

use http::header::{SEC_WEBSOCKET_ACCEPT, UPGRADE};
use http::{HeaderValue, StatusCode};

use super::retry::Attempts;
use super::{Failure, Served, forward};
use crate::upstream::{Answered, Error};

impl Attempts {
    /// Changes the protocol, as the backend says.
    pub(super) async fn switch(&self, mut answered: Answered) -> Result<Served, Failure> {
        let Some(tunnel_timeout) = self.tunnel_timeout else {
            return Err(Failure::Upstream(Error::UnwantedUpgrade));
        };
        if !self.upload.is_over() {
            // What the client still sends of a body would end up in the tunnel.
            return Err(Failure::Upstream(Error::EarlyUpgrade));
        }
        if let Some(expected) = self.context.websocket_accept() {
            let headers = answered.response.headers();
            let is_websocket = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"websocket");
            if headers.get(SEC_WEBSOCKET_ACCEPT) != Some(expected)
                || !headers.get(UPGRADE).is_some_and(is_websocket)
            {
                return Err(Failure::Upstream(Error::WebSocketAccept));
            }
        }
        let headers = forward::upgrade_response(answered.response.headers_mut());
        let tunnel = answered.into_tunnel(tunnel_timeout).await.ok_or(Failure::Upstream(Error::Reset))?;
        Ok(Served::Upgrade(headers, Box::new(tunnel)))
    }

    /// Checks a response that keeps to HTTP. To a CONNECT of HTTP/2, a success would say that there is a tunnel (RFC 8441 section 5).
    pub(super) fn check_declined(&self, answered: &Answered) -> Result<(), Failure> {
        let is_connect = self.tunnel_timeout.is_some() && self.context.websocket_accept().is_some();
        if is_connect
            && answered.status().is_success()
            && answered.status() != StatusCode::SWITCHING_PROTOCOLS
        {
            return Err(Failure::Upstream(Error::WebSocketAccept));
        }
        Ok(())
    }
}
