//! A WebSocket in its stream (RFC 8441).

use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, UPGRADE};
use http::{Response, StatusCode};

use crate::downstream::ClientConnection;
use crate::proxy::ResponseBody;
use crate::stream::{Http2Stream, Stream};
use crate::upstream::Tunnel;

/// Joins a stream and a backend's connection, which has changed its protocol with this `response`.
pub(super) async fn join(
    tunnel: Tunnel,
    incoming: RecvStream,
    response: Response<ResponseBody>,
    respond: &mut SendResponse<Bytes>,
    client: &ClientConnection,
) {
    // The request goes on for as long as the tunnel: a connection with one isn't idle.
    let (mut parts, _request) = response.into_parts();
    parts.status = StatusCode::OK;
    for name in [CONNECTION, UPGRADE, SEC_WEBSOCKET_ACCEPT] {
        parts.headers.remove(name);
    }
    // Fails if the client has reset the stream.
    let Ok(outgoing) = respond.send_response(Response::from_parts(parts, ()), false) else { return };
    let stream = Stream::Http2(Box::new(Http2Stream::new(incoming, outgoing)));
    if let Err(error) = tunnel.join(stream, Bytes::new(), &client.limits).await {
        tracing::debug!(event = "tunnel-ended", peer = %client.peer, %error, "tunnel ended");
    }
}
