//! Requests of HTTP/1.1.

use anyhow::{Context, Result, bail};

use super::transport::Transport;

const REQUEST: &[u8] = b"GET /users/42?fields=name HTTP/1.1\r\nHost: bench.example\r\nUser-Agent: xtask\r\n\
    Accept: text/html,application/json;q=0.9,*/*;q=0.8\r\nAccept-Encoding: gzip, br\r\nAccept-Language: en\r\n\
    Cookie: session=0123456789abcdef0123456789abcdef\r\n\r\n";

/// A client of HTTP/1.1.
pub(crate) struct Http1(Box<dyn Transport>);

impl Http1 {
    pub(super) fn new(transport: Box<dyn Transport>) -> Self {
        Self(transport)
    }

    pub(super) fn send(&mut self) -> Result<()> {
        self.0.write_all(REQUEST).context("cannot send a request")
    }

    pub(super) fn receive(&mut self) -> Result<()> {
        let mut response = Vec::new();
        let mut space = [0; 8192];
        while !response.ends_with(b"Hello world\n") {
            match self.0.read(&mut space).context("no response")? {
                0 => bail!("the proxy closed the connection: {}", String::from_utf8_lossy(&response)),
                read => response.extend_from_slice(&space[..read]),
            }
        }
        if !response.starts_with(b"HTTP/1.1 200 ") {
            bail!("not the response: {}", String::from_utf8_lossy(&response));
        }
        Ok(())
    }
}
