//! A connection over HTTP/2 that carries one check.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use http::HeaderValue;
use http::uri::{Parts, PathAndQuery, Scheme, Uri};
use pointsman_core::address::Address;

use super::failure::Failure;
use super::head::{HEAD_BYTES, authority};
use crate::stream::Stream;

/// Makes a request on a new connection, and says farewell.
pub(super) async fn on<T>(
    stream: Stream,
    request: impl AsyncFnOnce(SendRequest<Bytes>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let mut builder = Builder::new();
    let (sender, connection) =
        builder.max_header_list_size(HEAD_BYTES as u32).enable_push(false).handshake(stream).await?;
    let mut connection = pin!(connection);
    let answer = {
        let mut answer = pin!(request(sender));
        tokio::select! {
            answer = &mut answer => answer,
            // The connection was closed or broke; the answer says how.
            _ = &mut connection => answer.await,
        }
    };
    // Nothing of the request is left, so that the connection ends; who doesn't take that at once isn't waited for.
    poll_fn(|cx| {
        let _ = connection.as_mut().poll(cx);
        Poll::Ready(())
    })
    .await;
    answer
}

/// The whole target of a request.
pub(super) fn target(
    path: PathAndQuery,
    host: Option<&HeaderValue>,
    address: &Address,
    is_tls: bool,
) -> Result<Uri, http::Error> {
    let mut parts = Parts::default();
    parts.scheme = Some(if is_tls { Scheme::HTTPS } else { Scheme::HTTP });
    parts.authority = Some(authority(host, address)?.as_bytes().try_into()?);
    parts.path_and_query = Some(path);
    Ok(Uri::from_parts(parts)?)
}
