//! One request on its stream, from its head to the end of its response.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use bytes::Bytes;
use h2::server::SendResponse;
use http::{HeaderMap, Method, Response, StatusCode};

use super::connection::Http2;
use super::open::Open;
use super::outflow::Turn;
use super::pace::SendPace;
use super::{response, websocket};
use crate::downstream::http2::Arrived;
use crate::downstream::{RequestContext, RequestGuard};
use crate::proxy::{self, Then};

/// How a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StreamEnd {
    /// Its response was given to the protocol, whole or broken off.
    Responded,
    /// The client has reset it before there was a response.
    ResetEarly,
}

impl Http2 {
    /// Serves a request. Dropped, it cancels what it has begun at a backend.
    pub(super) async fn serve_stream(&self, arrived: Arrived, mut respond: SendResponse<Bytes>) -> StreamEnd {
        let _open = Open::stream(&self.client.reports);
        let Arrived { context, refused, request, websocket } = arrived;
        let without_body = *request.method() == Method::HEAD;
        let tunnel = Cell::new(None);
        let response = {
            let proxy = self.current.get();
            let (guard, pinned) = (RequestGuard::begin(Rc::clone(&context)), Rc::clone(&self.pinned));
            // What else becomes of the connection isn't a response's business: each has its stream.
            let conclude = |_: &mut _, then| {
                if let Then::Tunnel(end) = then {
                    tunnel.set(Some(end));
                }
            };
            let mut handled = pin!(proxy::handle(proxy, guard, refused, pinned, request, conclude));
            poll_fn(|cx| {
                if respond.poll_reset(cx).is_ready() {
                    return Poll::Ready(None);
                }
                let handled = handled.as_mut().poll(cx);
                self.inform(&context, &mut respond);
                handled.map(Some)
            })
            .await
        };
        let Some(Ok(response)) = response else { return StreamEnd::ResetEarly };
        if let (Some(tunnel), Some(incoming)) = (tunnel.take(), websocket) {
            // Boxed, as nearly no stream becomes one.
            Box::pin(websocket::join(*tunnel, incoming, response, &mut respond, &self.client)).await;
            return StreamEnd::Responded;
        }
        let pace = SendPace::new(&self.client.limits, &self.deadlines, response.body().end());
        let stream =
            response::send(response, &mut respond, without_body, pace, Turn::new(&self.outflow)).await;
        if let Some(stream) = stream.filter(|_| context.has_left_body()) {
            response::linger(stream, self.deadlines.deadline()).await;
        }
        StreamEnd::Responded
    }
}

impl Http2 {
    /// Passes on what comes before a response.
    fn inform(&self, context: &RequestContext, respond: &mut SendResponse<Bytes>) {
        let mut send = |status, headers| {
            let mut response = Response::new(());
            (*response.status_mut(), *response.headers_mut()) = (status, headers);
            // Fails if the client has reset the stream.
            let _ = respond.send_informational(response);
        };
        if context.take_permission() {
            send(StatusCode::CONTINUE, HeaderMap::new());
        }
        for hint in context.early_hints().map(|hints| hints.take()).into_iter().flatten() {
            send(StatusCode::EARLY_HINTS, proxy::early_hint(hint));
        }
    }
}
