//! Backends that name themselves.

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

/// Says which backend a response comes from.
pub(super) static SERVED_BY: HeaderName = HeaderName::from_static("x-served-by");

/// Backends that run until the process ends.
#[derive(Debug)]
pub(super) struct Backends {
    list: Vec<(&'static str, SocketAddr)>,
}

impl Backends {
    /// Starts one for each name, all on one thread.
    pub(super) fn start<const N: usize>(names: [&'static str; N]) -> io::Result<Self> {
        let mut list = Vec::new();
        let mut sockets = Vec::new();
        for name in names {
            let socket = TcpListener::bind(("127.0.0.1", 0))?;
            socket.set_nonblocking(true)?;
            list.push((name, socket.local_addr()?));
            sockets.push((name, socket));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("demo-backends".into()).spawn(move || {
            let local = tokio::task::LocalSet::new();
            for (name, socket) in sockets {
                local.spawn_local(serve(name, socket));
            }
            runtime.block_on(local);
        })?;
        Ok(Self { list })
    }

    pub(super) fn list(&self) -> &[(&'static str, SocketAddr)] {
        &self.list
    }

    pub(super) fn names(&self) -> Vec<&'static str> {
        self.list.iter().map(|(name, _)| *name).collect()
    }
}

async fn serve(name: &'static str, socket: TcpListener) -> io::Result<()> {
    let socket = tokio::net::TcpListener::from_std(socket)?;
    loop {
        let (stream, _) = socket.accept().await?;
        tokio::task::spawn_local(async move {
            let answer = service_fn(async |_| Ok::<_, Infallible>(answer(name)));
            // It ends when the proxy closes it.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
        });
    }
}

fn answer(name: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(format!("{name}\n")));
    response.headers_mut().insert(&SERVED_BY, HeaderValue::from_static(name));
    response
}
