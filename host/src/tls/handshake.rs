//! The handshake of one connection.

use std::io::{self, ErrorKind};

use rustls::server::Acceptor;
use tokio::io::AsyncWriteExt as _;
use tokio_rustls::LazyConfigAcceptor;

use super::counts::HandshakeFailure;
use super::identity::{ClientIdentity, TlsClient};
use super::listener::ListenerTls;
use super::stream::TlsStream;
use crate::config::UnknownName;
use crate::socket::Socket;

/// Most that a connection holds of what its peer doesn't take, bytes: a record.
pub(super) const BUFFER: usize = 16 << 10;

/// The fatal alert `unrecognized_name` (RFC 8446 section 6.2) as a record before any key was agreed on.
const UNRECOGNIZED_NAME: [u8; 7] = [21, 3, 3, 0, 2, 2, 112];

/// What a client has begun with.
#[derive(Debug)]
pub enum Handshake {
    /// TLS, and the handshake is complete; with who the client has shown to be, and what it has asked for.
    Complete(Box<TlsStream>, TlsClient),
    /// HTTP without TLS. Nothing of it was read.
    PlainHttp(Socket),
    /// The question of an authority whether a name leads here, which is answered.
    Challenge,
}

/// A handshake failed.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct HandshakeError {
    /// What it comes down to.
    pub failure: HandshakeFailure,
    /// What has happened.
    pub error: io::Error,
    /// The socket, if closing it at once would keep from the client why: it has sent more than was read.
    pub socket: Option<Socket>,
}

impl HandshakeError {
    /// A failure in a word, with more about it.
    #[must_use]
    pub fn new(failure: HandshakeFailure, what: &'static str) -> Self {
        Self { failure, error: io::Error::other(what), socket: None }
    }
}

impl From<io::Error> for HandshakeError {
    fn from(error: io::Error) -> Self {
        let of_tls = error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>());
        let failure = match (of_tls, error.kind()) {
            (Some(error), _) => HandshakeFailure::of(error),
            (None, ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => {
                HandshakeFailure::Closed
            }
            (None, _) => HandshakeFailure::Other,
        };
        Self { failure, error, socket: None }
    }
}

impl ListenerTls {
    /// Makes the handshake of an accepted connection. Takes as long as the client does.
    ///
    /// # Errors
    ///
    /// There is no connection over TLS. The client was told why, as far as TLS has words for it.
    pub async fn handshake(&self, socket: Socket) -> Result<Handshake, HandshakeError> {
        let mut first = [0];
        if socket.peek(&mut first).await? == 0 {
            return Err(HandshakeError::new(HandshakeFailure::Closed, "closed before the first byte"));
        }
        // No record of TLS begins with a letter, and every method does. What TLS begins with is for rustls to read, in however many
        // pieces it comes.
        if first[0].is_ascii_uppercase() {
            return Ok(Handshake::PlainHttp(socket));
        }
        let start = LazyConfigAcceptor::new(Acceptor::default(), socket).await?;
        if let Some(answer) =
            self.challenges().and_then(|challenges| challenges.answer(&start.client_hello()))
        {
            // Nothing is said after the handshake.
            let mut answered = start.into_stream(answer).await?;
            let _ = answered.shutdown().await;
            return Ok(Handshake::Challenge);
        }
        if self.awaits_certificate_for(start.client_hello().server_name()) {
            let _ = start.io.try_write(&UNRECOGNIZED_NAME);
            let what = "the certificate for this name isn't there yet";
            return Err(HandshakeError::new(HandshakeFailure::NoCertificate, what));
        }
        let is_named = self.has_certificate_for(start.client_hello().server_name());
        if !is_named && self.config().unknown_name == UnknownName::Refuse {
            // The socket's buffer is empty: it takes this at once, or the client is gone.
            let _ = start.io.try_write(&UNRECOGNIZED_NAME);
            return Err(HandshakeError::new(HandshakeFailure::UnknownName, "no certificate for this name"));
        }
        let accept = start.into_stream_with(self.server(), |session| {
            session.set_buffer_limit(Some(BUFFER));
        });
        let stream = accept.into_fallible().await.map_err(|(error, socket)| {
            let error = HandshakeError::from(error);
            let was_told = error.failure == HandshakeFailure::ClientCertificate;
            HandshakeError { socket: was_told.then_some(socket), ..error }
        })?;
        let (_, session) = stream.get_ref();
        self.counts().complete(session.protocol_version(), session.handshake_kind(), is_named);
        let certificate = session.peer_certificates().and_then(<[_]>::first);
        let header = self.config().client_auth.as_ref().map(|auth| auth.header);
        let identity = certificate.zip(header).and_then(|(cert, header)| ClientIdentity::of(cert, header));
        let server_name = session.server_name().map(Box::from);
        let client = TlsClient { identity: identity.map(Box::new), server_name };
        Ok(Handshake::Complete(Box::new(TlsStream::of_client(stream)), client))
    }
}
