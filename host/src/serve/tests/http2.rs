//! HTTP/2 from clients, to backends of HTTP/1.

mod backpressure;
mod calls;
mod costs;
mod counted;
mod ends;
mod floods;
mod frames;
mod header_rules;
mod hostile;
mod limits;
mod requests;
mod to_http2;
mod websockets;
mod windows;

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use http::{HeaderMap, Request, Response};

use super::world::{Limits, World};
use crate::testing::MemoryStream;

/// A client that speaks HTTP/2, with the world that it is in.
struct Client {
    world: World,
    sender: SendRequest<Bytes>,
    backends: Vec<MemoryStream>,
}

impl Client {
    async fn new(limits: Limits) -> Self {
        let world = World::new(limits);
        let (sender, connection) = h2::client::handshake(world.connect()).await.expect("a handshake");
        tokio::task::spawn_local(async {
            // How it ends shows in its streams.
            let _ = connection.await;
        });
        Self { world, sender, backends: Vec::new() }
    }

    /// Sends the head of a request, which is all of it if it is `whole`.
    fn send(&mut self, request: Request<()>, whole: bool) -> (ResponseFuture, SendStream<Bytes>) {
        self.sender.send_request(request, whole).expect("a request")
    }

    /// What the backends have got that this connection has asked, in the order of their connections.
    async fn asked(&mut self) -> String {
        self.world.settle().await;
        while let Some((_, stream)) = self.world.net.accept() {
            self.backends.push(stream);
        }
        let got = self.backends.iter().flat_map(MemoryStream::receive).collect();
        String::from_utf8(got).expect("text")
    }

    /// The backend's connection that was opened last.
    fn backend(&self) -> &MemoryStream {
        self.backends.last().expect("a backend was asked")
    }
}

fn get(path: &str) -> Request<()> {
    Request::get(format!("http://h.example{path}")).body(()).expect("a request")
}

fn post(path: &str) -> Request<()> {
    Request::post(format!("http://h.example{path}")).body(()).expect("a request")
}

/// The head of a response, which has come.
async fn head(response: ResponseFuture) -> Response<RecvStream> {
    response.await.expect("a response")
}

/// The rest of a response, which is whole.
async fn rest(response: Response<RecvStream>) -> (String, Option<HeaderMap>) {
    let (mut body, mut text) = (response.into_body(), Vec::new());
    while let Some(data) = body.data().await {
        let data = data.expect("data");
        body.flow_control().release_capacity(data.len()).expect("an open window");
        text.extend(data);
    }
    (String::from_utf8(text).expect("text"), body.trailers().await.expect("an end"))
}
