//! How a connection to a backend comes about.

use std::io;
use std::sync::Arc;

use pointsman_core::address::Address;
use pointsman_core::pool::BackendProtocol;
use tokio::io::AsyncWriteExt as _;

use super::Error;
use crate::socket::Socket;
use crate::stream::Stream;
#[cfg(test)]
use crate::testing::MemoryNet;
use crate::tls::{BackendHost, BackendTls};

/// What connects to backends.
#[derive(Debug, Default)]
pub(crate) enum Connector {
    /// The system.
    #[default]
    System,
    /// Streams in the memory of a test, never over TLS.
    #[cfg(test)]
    Memory(MemoryNet),
}

/// Where a connection goes to, and what it begins with.
#[derive(Debug)]
pub(super) struct Destination<'a> {
    pub(super) address: &'a Address,
    /// The host that led to the address, if one did.
    pub(super) host: Option<&'a str>,
    /// A PROXY header: the first that the backend gets.
    pub(super) header: Option<Vec<u8>>,
    /// What the handshake after that is made with; without it, the connection is in clear.
    pub(super) tls: Option<&'a Arc<BackendTls>>,
    /// What is to be spoken on it.
    pub(super) protocol: BackendProtocol,
}

impl Connector {
    /// Connects. If the session of an earlier connection is what fails, connects once more without it.
    pub(super) async fn connect(&self, to: &Destination<'_>) -> Result<Stream, Error> {
        match self.try_to_connect(to).await {
            Err(Error::Tls(error)) if error.is_of_session => self.try_to_connect(to).await,
            connected => connected,
        }
    }

    async fn try_to_connect(&self, to: &Destination<'_>) -> Result<Stream, Error> {
        let mut stream = self.open(to.address).await.map_err(Error::Connect)?;
        if let Some(header) = &to.header {
            stream.write_all(header).await.map_err(Error::Connect)?;
        }
        match (to.tls, stream) {
            (Some(tls), Stream::Plain(socket)) => {
                let backend = BackendHost { host: to.host, address: to.address };
                let stream = tls.handshake(socket, backend, to.protocol).await;
                stream.map(Stream::Tls).map_err(|error| Error::Tls(Box::new(error)))
            }
            (_, stream) => Ok(stream),
        }
    }

    async fn open(&self, address: &Address) -> io::Result<Stream> {
        match self {
            Self::System => Socket::connect(address).await.map(Stream::Plain),
            #[cfg(test)]
            Self::Memory(net) => {
                net.connect(address.tcp().expect("only TCP is in memory")).map(Stream::Memory)
            }
        }
    }
}
