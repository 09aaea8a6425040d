//! hyper on a connection in memory: what it makes of bytes that have passed.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::service::service_fn;

/// A peer that has sent these bytes, takes everything, and never closes.
#[derive(Debug)]
struct Peer {
    sent: Vec<u8>,
    read: usize,
}

impl Read for Peer {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let rest = &self.sent[self.read..];
        if rest.is_empty() {
            return Poll::Pending;
        }
        let length = rest.len().min(buf.remaining());
        buf.put_slice(&rest[..length]);
        self.read += length;
        Poll::Ready(Ok(()))
    }
}

impl Write for Peer {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[derive(Debug, Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Polls until nothing moves any more.
fn run<F: Future>(future: F) -> Option<F::Output> {
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Some(output);
        }
        if !woken.0.swap(false, Ordering::Relaxed) {
            return None;
        }
    }
}

/// A request as hyper hands it to the proxy.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) head: Parts,
    /// Bytes of its body, and whether that came to its end.
    pub(crate) body: usize,
    pub(crate) whole: bool,
}

/// The requests that hyper's server finds in these bytes; and its error, if it has one.
pub(crate) fn requests(input: &[u8]) -> (Vec<Seen>, Option<hyper::Error>) {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let serve = service_fn(|request: Request<Incoming>| {
        let seen = Rc::clone(&seen);
        async move {
            let (head, mut body) = request.into_parts();
            let place = seen.borrow().len();
            seen.borrow_mut().push(Seen { head, body: 0, whole: false });
            while let Some(frame) = body.frame().await {
                let Ok(frame) = frame else { return Ok(Response::new(Empty::<Bytes>::new())) };
                seen.borrow_mut()[place].body += frame.data_ref().map_or(0, Bytes::len);
            }
            seen.borrow_mut()[place].whole = true;
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        }
    });
    let peer = Peer { sent: input.to_vec(), read: 0 };
    let served = run(hyper::server::conn::http1::Builder::new().serve_connection(peer, serve));
    (seen.take(), served.and_then(Result::err))
}

/// The response that hyper's client finds in these bytes, to a request with this method.
pub(crate) fn response(method: &http::Method, input: &[u8]) -> Option<Response<Incoming>> {
    let peer = Peer { sent: input.to_vec(), read: 0 };
    run(async {
        let builder = hyper::client::conn::http1::Builder::new();
        let (mut sender, mut connection) = builder.handshake::<_, Empty<Bytes>>(peer).await.ok()?;
        let (mut head, ()) = Request::new(()).into_parts();
        head.method = method.clone();
        let mut answer = pin!(sender.send_request(Request::from_parts(head, Empty::new())));
        std::future::poll_fn(|cx| {
            let is_over = Pin::new(&mut connection).poll(cx).is_ready();
            match answer.as_mut().poll(cx) {
                Poll::Ready(response) => Poll::Ready(response.ok()),
                Poll::Pending if is_over => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    })
    .flatten()
}
