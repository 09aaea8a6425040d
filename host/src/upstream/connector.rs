//! How a connection to a backend comes about.

use std::io;
use std::net::SocketAddr;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::stream::Stream;
#[cfg(test)]
use crate::testing::MemoryNet;

/// What connects to backends.
#[derive(Debug, Default)]
pub(crate) enum Connector {
    /// TCP.
    #[default]
    Tcp,
    /// Streams in the memory of a test.
    #[cfg(test)]
    Memory(MemoryNet),
}

impl Connector {
    /// Connects. A PROXY header is the first that the backend gets.
    pub(super) async fn connect(&self, address: SocketAddr, header: Option<Vec<u8>>) -> io::Result<Stream> {
        let mut stream = self.open(address).await?;
        if let Some(header) = header {
            stream.write_all(&header).await?;
        }
        Ok(stream)
    }

    async fn open(&self, address: SocketAddr) -> io::Result<Stream> {
        match self {
            Self::Tcp => {
                let stream = TcpStream::connect(address).await?;
                // Head and body may be two writes; they must not wait for each other's acknowledgement.
                stream.set_nodelay(true)?;
                Ok(Stream::Plain(stream))
            }
            #[cfg(test)]
            Self::Memory(net) => net.connect(address).map(Stream::Memory),
        }
    }
}
