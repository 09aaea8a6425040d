//! Requests over HTTP/2 and TLS, many at a time on each connection.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use futures_util::future::join_all;
use h2::client::{self, SendRequest};
use http::{Request, Version};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::task::LocalSet;
use tokio_rustls::TlsConnector;

use super::backends::SERVED_BY;
use super::certificate::NAME;
use super::load::Tally;

/// Requests at a time on a connection.
const STREAMS: usize = 8;

/// Sends this many requests in all over this many connections, and waits for their responses.
pub(super) fn send(
    address: SocketAddr,
    tls: &Arc<ClientConfig>,
    path: &str,
    connections: usize,
    requests: usize,
) -> Result<Tally> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("no event loop")?;
    let (left, tally) = (Cell::new(requests), Rc::<RefCell<Tally>>::default());
    let all = async {
        let connections = (0..connections).map(|_| use_connection(address, tls, path, &left, &tally));
        join_all(connections).await;
    };
    runtime.block_on(LocalSet::new().run_until(all));
    Ok(tally.take())
}

/// Sends requests over one connection, as long as there are some left.
async fn use_connection(
    address: SocketAddr,
    tls: &Arc<ClientConfig>,
    path: &str,
    left: &Cell<usize>,
    tally: &RefCell<Tally>,
) {
    let sender = match connect(address, tls).await {
        Ok(sender) => sender,
        Err(error) => return count(tally, Err(error)),
    };
    let streams = (0..STREAMS).map(|_| async {
        while left.get() > 0 {
            left.set(left.get() - 1);
            count(tally, request(sender.clone(), path).await);
        }
    });
    join_all(streams).await;
}

fn count(tally: &RefCell<Tally>, served_by: Result<String>) {
    let mut tally = tally.borrow_mut();
    match served_by {
        Ok(backend) => *tally.served.entry(backend).or_default() += 1,
        Err(error) => *tally.failures.entry(format!("{error:#}")).or_default() += 1,
    }
}

async fn connect(address: SocketAddr, tls: &Arc<ClientConfig>) -> Result<SendRequest<Bytes>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let name = ServerName::try_from(NAME)?;
    let stream = TlsConnector::from(Arc::clone(tls)).connect(name, stream).await?;
    let (sender, connection) = client::handshake(stream).await?;
    tokio::task::spawn_local(connection);
    Ok(sender)
}

async fn request(sender: SendRequest<Bytes>, path: &str) -> Result<String> {
    let request = Request::get(format!("https://{NAME}{path}")).version(Version::HTTP_2).body(())?;
    let (response, _) = sender.ready().await?.send_request(request, true)?;
    let response = response.await?;
    ensure!(response.status().is_success(), "status {}", response.status());
    let backend = response.headers().get(&SERVED_BY).context("no backend named")?.to_str()?.to_owned();
    let mut body = response.into_body();
    while let Some(data) = body.data().await {
        body.flow_control().release_capacity(data?.len())?;
    }
    Ok(backend)
}
