//! A client connection over TLS.

use std::io::{self, Read};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, OnceLock};

use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{
    ClientConfig, ClientConnection, HandshakeKind, RootCertStore, SignatureScheme, StreamOwned,
    SupportedProtocolVersion,
};

use super::authority::{Authority, Issued};
use crate::{Client, DEADLINE};

/// What a client's handshakes are made with.
#[derive(Debug, Clone)]
pub struct Tls {
    roots: Arc<RootCertStore>,
    versions: Vec<&'static SupportedProtocolVersion>,
    schemes: Vec<SignatureScheme>,
    identity: Option<Issued>,
    alpn: Vec<Vec<u8>>,
    sends_name: bool,
    /// Made when it is needed; rustls takes sessions up with the same one only.
    config: Arc<OnceLock<Arc<ClientConfig>>>,
}

impl Tls {
    /// Trusts this authority.
    pub fn trusting(authority: &Authority) -> Self {
        Self::trusting_certificate(&authority.pem())
    }

    /// Trusts the authority that has this certificate, in PEM form.
    pub fn trusting_certificate(pem: &str) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate")).expect("a root");
        Self {
            roots: Arc::new(roots),
            versions: vec![&TLS13, &TLS12],
            schemes: Vec::new(),
            identity: None,
            alpn: Vec::new(),
            sends_name: true,
            config: Arc::default(),
        }
    }

    /// Speaks TLS 1.2 only.
    #[must_use]
    pub fn only_12(mut self) -> Self {
        self.versions = vec![&TLS12];
        self.afresh()
    }

    /// Checks signatures of these kinds only.
    #[must_use]
    pub fn checking(mut self, schemes: &[SignatureScheme]) -> Self {
        self.schemes = schemes.to_vec();
        self.afresh()
    }

    /// Has a certificate.
    #[must_use]
    pub fn with_identity(mut self, identity: &Issued) -> Self {
        self.identity = Some(identity.clone());
        self.afresh()
    }

    /// Offers these application protocols.
    #[must_use]
    pub fn offering(mut self, alpn: &[&str]) -> Self {
        self.alpn = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        self.afresh()
    }

    /// Doesn't say which name it asks for.
    #[must_use]
    pub fn without_name(mut self) -> Self {
        self.sends_name = false;
        self.afresh()
    }

    /// Doesn't know the sessions of before.
    #[must_use]
    pub fn afresh(mut self) -> Self {
        self.config = Arc::default();
        self
    }

    fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(self.config.get_or_init(|| Arc::new(self.make_config())))
    }

    fn make_config(&self) -> ClientConfig {
        let mut provider: CryptoProvider = aws_lc_rs::default_provider();
        if !self.schemes.is_empty() {
            let mapping = provider.signature_verification_algorithms.mapping;
            let kept = mapping.iter().filter(|(scheme, _)| self.schemes.contains(scheme)).copied();
            provider.signature_verification_algorithms.mapping = Vec::leak(kept.collect());
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&self.versions)
            .expect("versions")
            .with_root_certificates(Arc::clone(&self.roots));
        let mut config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let chain = CertificateDer::pem_slice_iter(identity.cert.as_bytes());
                let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).expect("a key");
                let chain = chain.collect::<Result<_, _>>().expect("certificates");
                builder.with_client_auth_cert(chain, key).expect("an identity")
            }
        };
        config.alpn_protocols.clone_from(&self.alpn);
        config.enable_sni = self.sends_name;
        config.resumption = Resumption::in_memory_sessions(64);
        config
    }

    /// The client's side of a connection on which nothing has been sent.
    pub fn session(&self, name: &str) -> ClientConnection {
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        ClientConnection::new(self.config(), name).expect("a session")
    }

    /// Connects, and asks for this name.
    ///
    /// # Errors
    ///
    /// The handshake fails. With TLS 1.3 the proxy may turn down a client's certificate only afterwards.
    pub fn try_connect(&self, address: SocketAddr, name: &str) -> io::Result<TlsClient> {
        let mut socket = TcpStream::connect_timeout(&address, DEADLINE)?;
        socket.set_read_timeout(Some(DEADLINE))?;
        socket.set_write_timeout(Some(DEADLINE))?;
        socket.set_nodelay(true)?;
        let mut session = self.session(name);
        while session.is_handshaking() {
            session.complete_io(&mut socket)?;
        }
        Ok(TlsClient::over(session, socket))
    }

    /// The handshake over a socket of a runtime.
    pub(crate) async fn connect_async(
        &self,
        socket: tokio::net::TcpStream,
        name: &str,
    ) -> io::Result<tokio_rustls::client::TlsStream<tokio::net::TcpStream>> {
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        tokio_rustls::TlsConnector::from(self.config()).connect(name, socket).await
    }

    /// Connects, and asks for this name.
    pub fn connect(&self, address: SocketAddr, name: &str) -> TlsClient {
        self.try_connect(address, name).expect("a connection over TLS")
    }

    /// The same without knowing the sessions of before.
    pub fn afresh_connect(&self, address: SocketAddr, name: &str) -> TlsClient {
        self.clone().afresh().connect(address, name)
    }
}

/// One connection to the proxy over TLS.
pub type TlsClient = Client<StreamOwned<ClientConnection, TcpStream>>;

impl TlsClient {
    /// Over a connection whose handshake is complete.
    pub fn over(session: ClientConnection, socket: TcpStream) -> Self {
        Self::on(StreamOwned::new(session, socket))
    }

    /// Whether the proxy ends the connection now as TLS wants it, with nothing more to say.
    pub fn is_closed(&mut self) -> bool {
        let mut rest = Vec::new();
        self.reader.read_to_end(&mut rest).is_ok() && rest.is_empty()
    }

    /// What the socket says at its end.
    pub fn read_to_end(&mut self) -> io::Result<Vec<u8>> {
        let mut rest = Vec::new();
        self.reader.read_to_end(&mut rest).map(|_| rest)
    }

    /// The session.
    pub fn session(&self) -> &ClientConnection {
        &self.reader.get_ref().conn
    }

    /// Session and socket, for what goes beyond requests and responses.
    pub fn stream(&mut self) -> &mut StreamOwned<ClientConnection, TcpStream> {
        self.reader.get_mut()
    }

    /// Whether the session goes on from one before.
    pub fn is_resumed(&self) -> bool {
        self.session().handshake_kind() == Some(HandshakeKind::Resumed)
    }

    /// The number of the proxy's certificate.
    pub fn serial(&self) -> u64 {
        let certificates = self.session().peer_certificates().expect("a certificate");
        serial(certificates.first().expect("a certificate"))
    }
}

/// The serial number of a certificate: the first integer behind its version.
fn serial(certificate: &CertificateDer<'_>) -> u64 {
    let mark = [0xa0, 3, 2, 1, 2, 2];
    let at = certificate.windows(mark.len()).position(|window| window == mark).expect("a version");
    let number = &certificate[at + mark.len()..];
    let length = usize::from(number[0]);
    number[1..=length].iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}
