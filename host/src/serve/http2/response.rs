//! A response on its way into its stream.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, SendStream};
use http::header::{CONNECTION, CONTENT_LENGTH, DATE, UPGRADE};
use http::response::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body::{Body, Frame};

use super::date;
use super::outflow::Turn;
use super::pace::SendPace;
use crate::deadline::Deadline;
use crate::downstream::LINGER;
use crate::grpc;
use crate::proxy::{self, ResponseBody};
use crate::stream::{self, LONGEST_PIECE};

/// Sends a response, for as long as the client takes it. `without_body` = its request was HEAD. Answers the stream, which stays open for as
/// long as the client still sends its request; `None` = the client has reset it.
pub(super) async fn send(
    response: Response<ResponseBody>,
    respond: &mut SendResponse<Bytes>,
    without_body: bool,
    pace: SendPace<'_>,
    turn: Turn<'_>,
) -> Option<SendStream<Bytes>> {
    let (mut parts, body) = response.into_parts();
    complete_head(&mut parts, &body);
    let is_whole = without_body || body.is_end_stream();
    let is_call = !is_whole && is_call(&parts);
    // Fails if the client has reset the stream.
    let mut stream = respond.send_response(Response::from_parts(parts, ()), is_whole).ok()?;
    if !is_whole {
        send_body(body, &mut stream, is_call, pace, turn).await;
    }
    Some(stream)
}

/// Lets a client take in a response that it has got while it was sending. The reset that ends its request (RFC 9113 section 8.1) comes a
/// bit later: many clients lose a response that is followed by one.
pub(super) async fn linger(mut stream: SendStream<Bytes>, deadline: Deadline) {
    deadline.set(LINGER);
    poll_fn(|cx| if stream.poll_reset(cx).is_ready() { Poll::Ready(()) } else { deadline.poll(cx) }).await;
}

/// Whether it is a response to a call of gRPC that trailers may end at any point.
fn is_call(parts: &Parts) -> bool {
    parts.status == StatusCode::OK
        && grpc::is_call(&parts.headers)
        && !parts.headers.contains_key(CONTENT_LENGTH)
}

/// Makes of a head what it is in HTTP/2.
fn complete_head(parts: &mut Parts, body: &ResponseBody) {
    let headers = &mut parts.headers;
    if parts.status == StatusCode::UPGRADE_REQUIRED {
        // What to upgrade to is left in this response only. HTTP/2 has no place for it (RFC 9113 section 8.2.2).
        headers.remove(CONNECTION);
        headers.remove(UPGRADE);
    }
    if let Some(length) = body.own_length() {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    headers.entry(DATE).or_insert_with(date::now);
}

async fn send_body(
    body: ResponseBody,
    stream: &mut SendStream<Bytes>,
    is_call: bool,
    mut pace: SendPace<'_>,
    mut turn: Turn<'_>,
) {
    let mut body = pin!(body);
    let mut chunk = Bytes::new();
    poll_fn(|cx| {
        loop {
            if stream.poll_reset(cx).is_ready() {
                return Poll::Ready(());
            }
            // Room first: a client that takes nothing has nothing held for it.
            match poll_room(stream, chunk.len(), &mut turn, &mut pace, cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(())) => return Poll::Ready(()),
                Poll::Pending => {
                    body.poll_upload(cx);
                    return Poll::Pending;
                }
            }
            if chunk.is_empty() {
                body.limit_read(turn.longest_read(stream.capacity()));
                match poll_chunk(body.as_mut(), stream, is_call, cx) {
                    Poll::Ready(Some(next)) => chunk = next,
                    Poll::Ready(None) => return Poll::Ready(()),
                    Poll::Pending => {
                        pace.stop();
                        turn.end();
                        return Poll::Pending;
                    }
                }
                stream.reserve_capacity(chunk.len());
            }
            let length = chunk.len().min(stream.capacity()).min(LONGEST_PIECE);
            if length == 0 {
                continue;
            }
            let piece = chunk.split_to(length);
            pace.count(length);
            turn.count(length);
            let is_last = chunk.is_empty() && body.is_end_stream();
            if stream.send_data(piece, is_last).is_err() || is_last {
                return Poll::Ready(());
            }
        }
    })
    .await;
}

/// Waits until the client takes something, and it is this stream's turn to give it. An error = it takes no more.
fn poll_room(
    stream: &mut SendStream<Bytes>,
    held: usize,
    turn: &mut Turn<'_>,
    pace: &mut SendPace<'_>,
    cx: &mut Context<'_>,
) -> Poll<Result<(), ()>> {
    match stream::poll_room(stream, held, cx) {
        Poll::Ready(Some(Ok(_))) => {
            if turn.poll(cx).is_ready() {
                pace.progress();
                return Poll::Ready(Ok(()));
            }
        }
        Poll::Ready(_) => return Poll::Ready(Err(())),
        Poll::Pending => turn.end(),
    }
    ready!(pace.poll_waited(cx));
    stream.send_reset(Reason::CANCEL);
    Poll::Ready(Err(()))
}

/// The next data, which isn't empty. `None` = there is none, and the stream has been ended, well or not.
fn poll_chunk(
    mut body: Pin<&mut ResponseBody>,
    stream: &mut SendStream<Bytes>,
    is_call: bool,
    cx: &mut Context<'_>,
) -> Poll<Option<Bytes>> {
    loop {
        // A stream that is reset by now fails here, and nobody is told.
        let _ = match ready!(body.as_mut().poll_frame(cx)) {
            Some(Ok(frame)) => match into_data(frame) {
                Ok(data) if data.is_empty() && !body.is_end_stream() => continue,
                Ok(data) if data.is_empty() => stream.send_data(data, true),
                Ok(data) => return Poll::Ready(Some(data)),
                // An empty block of fields is one that some can't read, nginx for one.
                Err(trailers) if trailers.is_empty() => stream.send_data(Bytes::new(), true),
                Err(trailers) => stream.send_trailers(trailers),
            },
            None => stream.send_data(Bytes::new(), true),
            Some(Err(error)) => {
                // It mustn't look whole.
                match is_call.then(|| proxy::broken_call(body.context(), error)).flatten() {
                    Some(trailers) => stream.send_trailers(trailers),
                    None => {
                        stream.send_reset(Reason::INTERNAL_ERROR);
                        Ok(())
                    }
                }
            }
        };
        return Poll::Ready(None);
    }
}

/// The data of a frame, or else its trailers.
fn into_data(frame: Frame<Bytes>) -> Result<Bytes, HeaderMap> {
    frame.into_data().map_err(|frame| frame.into_trailers().unwrap_or_default())
}
