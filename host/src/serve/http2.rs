//! HTTP/2 on one connection: h2 on top of the gate, and its streams, which are all served in the connection's task.

mod connection;
mod connection_waker;
mod date;
mod ending;
mod open;
mod outflow;
mod pace;
mod response;
mod settings;
mod stream;
mod websocket;

use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, Stream as _};
use h2::Reason;
use tokio::task::coop;

use super::grace::LATE_GRACE;
use crate::downstream::http2::{Gate, Oversight};
use crate::stream::Stream;
use connection::Connection;
pub(super) use connection::Http2;
use connection_waker::ConnectionWaker;
use ending::Ending;
use open::Open;

impl Http2 {
    /// Serves the connection until it ends. `read` is what was read of it before it was known to be HTTP/2.
    pub(super) async fn serve(&self, stream: Stream, read: Bytes) {
        let (client, long_blocks) = (Rc::clone(&self.client), Rc::clone(&self.long_blocks));
        let gate = Gate::new(stream, client, self.deadlines.clone(), read, long_blocks);
        let oversight = gate.oversight();
        let _open = Open::connection(&self.client.reports);
        let Some(connection) = self.shake_hands(gate, &oversight).await else { return };
        if !self.client.keepalive.is_parked() {
            // What has found out that this is HTTP/2 took the preface for the beginning of a head. It is none: the client is idle.
            self.client.keepalive.stay_warm();
        }
        if let Err(error) = self.serve_streams(connection, &oversight).await {
            if error.is_go_away() && error.is_library() {
                self.client.reports.count().http2.go_away("protocol-error");
            }
            tracing::debug!(event = "connection-ended", peer = %self.client.peer, %error, "connection ended");
        }
    }

    /// Waits for the client's preface. `None` = it doesn't come, or something else does.
    async fn shake_hands(&self, gate: Gate, oversight: &Oversight) -> Option<Connection> {
        let mut handshake = pin!(settings::builder(&self.client.limits).handshake(gate));
        let keepalive = &self.client.keepalive;
        let connection = poll_fn(|cx| {
            if !keepalive.is_ending() && self.drain.is_draining(cx) {
                keepalive.end_soon(LATE_GRACE);
            }
            match handshake.as_mut().poll(cx) {
                Poll::Ready(connection) => Poll::Ready(connection.ok()),
                Poll::Pending if oversight.fault().is_some() => Poll::Ready(None),
                Poll::Pending => keepalive.receive.poll(cx).map(|()| None),
            }
        });
        connection.await
    }

    /// Serves requests until no other will follow.
    async fn serve_streams(
        &self,
        mut connection: Connection,
        oversight: &Oversight,
    ) -> Result<(), h2::Error> {
        let mut streams = pin!(FuturesUnordered::new());
        let mut ending = Ending::new(self, oversight);
        let waker = ConnectionWaker::new();
        poll_fn(|cx| {
            waker.disarm();
            loop {
                let mut streams_are_due = waker.streams.take_woken();
                if waker.protocol.take_woken() {
                    let within = &mut Context::from_waker(waker.protocol.waker());
                    while let Poll::Ready(accepted) = connection.poll_accept(within) {
                        let Some((request, mut respond)) = accepted.transpose()? else {
                            return Poll::Ready(Ok(()));
                        };
                        if ending.refuses() {
                            // It may be sent again, on another connection.
                            respond.send_reset(Reason::REFUSED_STREAM);
                            continue;
                        }
                        self.begin_request();
                        streams.push(self.serve_stream(self.intake.admit(request), respond));
                        streams_are_due = true;
                    }
                    self.outflow.written(oversight.is_blocked());
                }
                if streams_are_due {
                    self.outflow.set_streams(streams.len());
                    let within = &mut Context::from_waker(waker.streams.waker());
                    while let Poll::Ready(Some(end)) = streams.as_mut().poll_next(within) {
                        ending.count(end);
                    }
                }
                self.outflow.call();
                if ending.proceed(&mut connection, cx) {
                    waker.protocol.waker().wake_by_ref();
                } else if !waker.is_woken() {
                    waker.arm(cx.waker());
                    return Poll::Pending;
                }
                if !coop::has_budget_remaining() {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }
        })
        .await
    }

    /// The connection isn't idle any more.
    fn begin_request(&self) {
        let keepalive = &self.client.keepalive;
        if keepalive.is_parked() {
            keepalive.unpark(false);
        }
        keepalive.receive.clear();
    }
}
