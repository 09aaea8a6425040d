//! Backends that name themselves.

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

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
    /// How long each takes to answer, ms.
    delays: Vec<Arc<AtomicU64>>,
}

impl Backends {
    /// Starts one for each name, all on one thread.
    pub(super) fn start<const N: usize>(names: [&'static str; N]) -> io::Result<Self> {
        let mut list = Vec::new();
        let mut delays = Vec::new();
        let mut sockets = Vec::new();
        for name in names {
            let delay = Arc::<AtomicU64>::default();
            let socket = TcpListener::bind(("127.0.0.1", 0))?;
            socket.set_nonblocking(true)?;
            list.push((name, socket.local_addr()?));
            sockets.push((name, socket, Arc::clone(&delay)));
            delays.push(delay);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("demo-backends".into()).spawn(move || {
            let local = tokio::task::LocalSet::new();
            for (name, socket, delay) in sockets {
                local.spawn_local(serve(name, socket, delay));
            }
            runtime.block_on(local);
        })?;
        Ok(Self { list, delays })
    }

    pub(super) fn list(&self) -> &[(&'static str, SocketAddr)] {
        &self.list
    }

    /// From now on each takes so long to answer, in their order.
    pub(super) fn take<const N: usize>(&self, times: [Duration; N]) {
        for (delay, time) in self.delays.iter().zip(times) {
            delay.store(u64::try_from(time.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }

    pub(super) fn names(&self) -> Vec<&'static str> {
        self.list.iter().map(|(name, _)| *name).collect()
    }
}

async fn serve(name: &'static str, socket: TcpListener, delay: Arc<AtomicU64>) -> io::Result<()> {
    let socket = tokio::net::TcpListener::from_std(socket)?;
    loop {
        let (stream, _) = socket.accept().await?;
        let delay = Arc::clone(&delay);
        tokio::task::spawn_local(async move {
            let answer = service_fn(async |_| {
                match delay.load(Ordering::Relaxed) {
                    0 => {}
                    delay => tokio::time::sleep(Duration::from_millis(delay)).await,
                }
                Ok::<_, Infallible>(answer(name))
            });
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
