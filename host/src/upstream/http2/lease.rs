//! The use of a connection over HTTP/2 by one exchange: a stream.

use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::SendStream;
use h2::client::ResponseFuture;
use http::request::Parts;
use http::{Response, StatusCode};
use pointsman_core::address::Address;
use pointsman_core::pool::UpstreamLimits;

use super::body::Http2Body;
use super::failure;
use super::head::{self, HeadRoom};
use super::shared::StreamSlot;
use super::upload::StreamUpload;
use super::websocket::Wish;
use crate::deadline::Deadline;
use crate::downstream::{BrokenBody, EarlyHints, RequestContext, is_idempotent};
use crate::upstream::connection::{ResponseTimeout, take_head, time_is_over, time_to_head};
use crate::upstream::sent::{SendFailure, Sent};
use crate::upstream::{Error, Upload};

/// Most interim responses that a backend may send before a response.
const MOST_INTERIM: u32 = 1_000;

/// The use of a connection over HTTP/2 by one exchange: a stream. Dropped before its end, it cancels the stream, and the connection stays.
#[derive(Debug)]
pub(in crate::upstream) struct StreamLease {
    slot: StreamSlot,
    upload: Option<StreamUpload>,
    /// Our direction of the tunnel that the stream has become.
    tunnel: Option<SendStream<Bytes>>,
    /// Interim responses that have come.
    interim: u32,
}

/// What a request needs to be sent.
pub(in crate::upstream) struct Sending<'a> {
    pub(in crate::upstream) context: &'a RequestContext,
    pub(in crate::upstream) upload: &'a Upload,
    pub(in crate::upstream) timeout: &'a ResponseTimeout,
    pub(in crate::upstream) deadline: &'a Deadline,
    /// Where the backend is.
    pub(in crate::upstream) address: &'a Address,
    pub(in crate::upstream) limits: &'a UpstreamLimits,
    /// It carries credentials that authenticate its connection.
    pub(in crate::upstream) authenticates: bool,
}

impl StreamLease {
    /// A stream in this place.
    pub(in crate::upstream) fn new(slot: StreamSlot) -> Self {
        Self { slot, upload: None, tunnel: None, interim: 0 }
    }

    /// Whether the connection had answered before and was idle when this stream began: the backend may have closed it for that.
    pub(in crate::upstream) fn reused(&self) -> bool {
        self.slot.was_idle
    }

    /// Bytes on its connection that weren't asked for before.
    pub(in crate::upstream) fn moved(&self) -> (u64, u64) {
        self.slot.moved()
    }

    /// Whether the backend takes WebSockets in streams.
    pub(in crate::upstream) fn takes_websockets(&self) -> bool {
        self.slot.takes_websockets()
    }

    /// No other request comes on its connection from now on.
    pub(in crate::upstream) fn retire(&self) {
        self.slot.retire();
    }

    /// Sends a request and waits for the head of its response. Takes the request's head, unless it failed before the backend has looked at
    /// it.
    pub(in crate::upstream) async fn send(
        &mut self,
        sending: Sending<'_>,
    ) -> Result<Response<Http2Body>, SendFailure> {
        let Sending { context, upload, deadline, limits, authenticates, .. } = sending;
        if !self.slot.can_begin() {
            return Err(SendFailure { error: Error::LeftOut, sent: Sent::Nothing });
        }
        if authenticates {
            self.slot.retire();
        }
        let head = take_head(context);
        let method = head.method.clone();
        // Any other can be had again.
        let kept = (!is_idempotent(method.as_str())).then(|| head.clone());
        let (room, received) = (HeadRoom::new(limits), self.slot.received());
        let answered = self.exchange(head, &sending).await;
        deadline.clear();
        match answered.and_then(|response| room.check(response.headers()).map(|()| response)) {
            Ok(response) => {
                self.slot.answered();
                Ok(Http2Body::of(response, &method, room, Rc::clone(self.slot.long_blocks())))
            }
            Err(error) => {
                if error.is_timeout() && self.slot.received() == received {
                    // It may be that nothing comes through any more: others should not wait for that, too.
                    self.slot.retire();
                }
                // Another backend may be spoken to in HTTP/1.
                context.set_converses(false);
                Err(self.failed(error, context, upload, kept))
            }
        }
    }

    /// From the head to the head of the response.
    async fn exchange(
        &mut self,
        mut head: Parts,
        sending: &Sending<'_>,
    ) -> Result<Response<h2::RecvStream>, Error> {
        let Sending { context, upload, deadline, timeout, address, limits, .. } = *sending;
        let is_whole = !upload.is_some();
        let mut wish = if is_whole && self.slot.takes_websockets() { Wish::take(&mut head) } else { None };
        let is_tunnel = wish.is_some();
        let begun = self.slot.begin(head::request(head, &self.slot.scheme, address), is_whole && !is_tunnel);
        let (mut response, stream) = begun.map_err(Error::BadStream)?;
        if is_tunnel {
            self.tunnel = Some(stream);
        } else {
            self.upload = (!is_whole).then(|| StreamUpload::new(stream, upload.body()));
        }
        // The sides of a call may take turns before the head, too.
        let converses = context.head().is_call;
        context.set_converses(converses);
        let is_open = || converses && !upload.is_over();
        let time = |is_open| if is_open { limits.idle_timeout } else { time_to_head(upload, timeout) };
        let mut progress = (0, is_open());
        deadline.set(time(progress.1));
        poll_fn(|cx| {
            self.poll_interim(&mut response, upload, context.early_hints(), cx)?;
            let uploaded = self.poll_upload(cx);
            if let Poll::Ready(answered) = Pin::new(&mut response).poll(cx) {
                return Poll::Ready(answered.map_err(failure::of_stream).map(|mut response| {
                    if !wish.take().is_some_and(|wish| wish.answered(&mut response)) {
                        self.end_tunnel();
                    }
                    response
                }));
            }
            uploaded.map_err(|BrokenBody| Error::ClientAbort)?;
            let (sent, is_blocked) =
                self.upload.as_ref().map_or((0, false), |upload| (upload.sent, upload.blocked));
            if progress != (sent, is_open()) {
                progress = (sent, is_open());
                deadline.set(time(progress.1));
            }
            ready!(deadline.poll(cx));
            if progress.1 && !is_blocked && !deadline.is_past_cap() {
                return Poll::Ready(Err(Error::Silence));
            }
            time_is_over(upload, timeout, deadline, is_blocked, cx).map(Err)
        })
        .await
    }

    /// The stream hasn't become a tunnel: nothing is sent in our direction.
    fn end_tunnel(&mut self) {
        if let Some(mut stream) = self.tunnel.take() {
            // Fails if the backend has reset it.
            let _ = stream.send_data(Bytes::new(), true);
        }
    }

    /// Our direction of the tunnel that the stream has become, if it has.
    pub(in crate::upstream) fn take_tunnel(&mut self) -> Option<SendStream<Bytes>> {
        self.tunnel.take()
    }

    /// Sends what there is of the request's body.
    pub(in crate::upstream) fn poll_upload(&mut self, cx: &mut Context<'_>) -> Result<(), BrokenBody> {
        self.upload.as_mut().map_or(Ok(()), |upload| upload.poll(cx))
    }

    /// Takes the interim responses that have come, of which 100 permits the body.
    fn poll_interim(
        &mut self,
        response: &mut ResponseFuture,
        upload: &Upload,
        hints: Option<&Arc<EarlyHints>>,
        cx: &mut Context<'_>,
    ) -> Result<(), Error> {
        while let Poll::Ready(Some(Ok(interim))) = response.poll_informational(cx) {
            self.interim += 1;
            if self.interim > MOST_INTERIM {
                return Err(Error::InterimResponses);
            }
            if interim.status() == StatusCode::SWITCHING_PROTOCOLS {
                return Err(Error::UnwantedUpgrade);
            }
            if let Some(continued) = upload.continued().filter(|_| interim.status() == StatusCode::CONTINUE) {
                continued.give();
            } else if let Some(hints) = hints.filter(|_| interim.status() == StatusCode::EARLY_HINTS) {
                hints.add(interim.into_parts().0.headers);
            }
        }
        Ok(())
    }

    /// How far a request came that has failed. What the backend hasn't looked at can be sent again, if it can be had again.
    fn failed(
        &self,
        error: Error,
        context: &RequestContext,
        upload: &Upload,
        kept: Option<Parts>,
    ) -> SendFailure {
        let sent = match (&error, kept) {
            (Error::StreamRefused | Error::LeftOut, Some(head)) if upload.can_be_repeated() => {
                context.head().parts = head;
                Sent::Nothing
            }
            (Error::BadStream(_) | Error::LargeHead | Error::ManyFields | Error::InterimResponses, _) => {
                Sent::ResponseBegun
            }
            _ if self.interim > 0 => Sent::ResponseBegun,
            _ => Sent::Request,
        };
        SendFailure { error, sent }
    }
}
