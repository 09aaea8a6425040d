//! Backends that speak TLS.

use std::io::{self, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{self, cipher_suite, kx_group};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{HandshakeKind, RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use super::authority::{Authority, Issued};
use crate::{DEADLINE, Request};

/// A backend's end of a connection whose handshake is complete.
pub type TlsReader = BufReader<StreamOwned<ServerConnection, TcpStream>>;

/// What a backend does after a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// Waits for the next request.
    GoOn,
    /// Says farewell and closes.
    Close,
    /// Closes without a farewell, as one that is cut off.
    CutOff,
}

/// The only cipher suite, in TLS 1.3, and the only group of a backend.
#[derive(Debug, Clone, Copy)]
pub enum Cryptography {
    /// AES-128 and P-256.
    Aes128P256,
    /// AES-256 and X25519.
    Aes256X25519,
}

type Behaviour = dyn Fn(Request, &mut TlsReader) -> Then + Send + Sync;

/// A backend that speaks TLS on a port of its own; a thread for each connection. It goes away when it is dropped.
#[derive(Debug)]
pub struct TlsBackend {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    connections: AtomicUsize,
    requests: AtomicUsize,
    /// Connections that it has ended itself.
    ended: AtomicUsize,
    /// Names that were asked for, one for each handshake that was completed.
    names: Mutex<Vec<Option<String>>>,
    /// How many of the clients had certificates.
    authenticated: AtomicUsize,
    /// How many handshakes went on from a session.
    resumed: AtomicUsize,
}

impl TlsBackend {
    /// A backend with this certificate that reads each request and answers with a text.
    pub fn named(certificate: &Issued, text: &str) -> Self {
        let text = text.to_owned();
        Self::start(certificate, None, move |mut request, reader| {
            request.read_body(reader);
            respond(reader, &text);
            Then::GoOn
        })
    }

    /// A backend with a behaviour of its own, which wants certificates of these clients.
    pub fn start(
        certificate: &Issued,
        clients: Option<&Authority>,
        behaviour: impl Fn(Request, &mut TlsReader) -> Then + Send + Sync + 'static,
    ) -> Self {
        Self::run(config(certificate, clients), Arc::new(behaviour))
    }

    /// A backend that chooses from these protocols only, by ALPN; without any it knows nothing of that.
    pub fn start_choosing(
        certificate: &Issued,
        protocols: &[&str],
        behaviour: impl Fn(Request, &mut TlsReader) -> Then + Send + Sync + 'static,
    ) -> Self {
        let mut config = config(certificate, None);
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        Self::run(config, Arc::new(behaviour))
    }

    /// A backend that can't do more than this.
    pub fn start_with(
        certificate: &Issued,
        cryptography: Cryptography,
        behaviour: impl Fn(Request, &mut TlsReader) -> Then + Send + Sync + 'static,
    ) -> Self {
        let (suite, group) = match cryptography {
            Cryptography::Aes128P256 => (cipher_suite::TLS13_AES_128_GCM_SHA256, kx_group::SECP256R1),
            Cryptography::Aes256X25519 => (cipher_suite::TLS13_AES_256_GCM_SHA384, kx_group::X25519),
        };
        let provider = CryptoProvider {
            cipher_suites: vec![suite],
            kx_groups: vec![group],
            ..aws_lc_rs::default_provider()
        };
        Self::run(config_of(provider, certificate, None), Arc::new(behaviour))
    }

    fn run(config: ServerConfig, behaviour: Arc<Behaviour>) -> Self {
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port for the backend");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::<Shared>::default();
        let server = Arc::clone(&shared);
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                if server.stop.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(socket) = socket else { continue };
                server.connections.fetch_add(1, Ordering::Relaxed);
                let (config, behaviour, server) =
                    (Arc::clone(&config), Arc::clone(&behaviour), Arc::clone(&server));
                std::thread::spawn(move || server.serve(config, socket, &*behaviour));
            }
        });
        Self { address, shared }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connections that were ever made to it.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// How many requests it has received.
    pub fn count(&self) -> usize {
        self.shared.requests.load(Ordering::Relaxed)
    }

    /// Connections that it has ended itself.
    pub fn ended(&self) -> usize {
        self.shared.ended.load(Ordering::Relaxed)
    }

    /// The names that were asked for, one for each handshake that was completed.
    pub fn names(&self) -> Vec<Option<String>> {
        self.shared.names.lock().expect("no panic").clone()
    }

    /// How many handshakes went on from the session of an earlier one.
    pub fn resumed(&self) -> usize {
        self.shared.resumed.load(Ordering::Relaxed)
    }

    /// How many connections came with a certificate of the client.
    pub fn authenticated(&self) -> usize {
        self.shared.authenticated.load(Ordering::Relaxed)
    }
}

impl Drop for TlsBackend {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        // Wakes the listener up, which then sees the flag.
        let _ = TcpStream::connect_timeout(&self.address, DEADLINE);
    }
}

impl Shared {
    fn serve(&self, config: Arc<ServerConfig>, mut socket: TcpStream, behaviour: &Behaviour) {
        let Ok(mut session) = ServerConnection::new(config) else { return };
        let _ = socket.set_nodelay(true);
        while session.is_handshaking() {
            if session.complete_io(&mut socket).is_err() {
                return;
            }
        }
        self.names.lock().expect("no panic").push(session.server_name().map(str::to_owned));
        let is_resumed = session.handshake_kind() == Some(HandshakeKind::Resumed);
        self.resumed.fetch_add(is_resumed.into(), Ordering::Relaxed);
        let has_certificate = session.peer_certificates().is_some();
        self.authenticated.fetch_add(has_certificate.into(), Ordering::Relaxed);
        let mut reader = BufReader::new(StreamOwned::new(session, socket));
        while let Ok(Some(request)) = Request::read_head(&mut reader) {
            self.requests.fetch_add(1, Ordering::Relaxed);
            match behaviour(request, &mut reader) {
                Then::GoOn => continue,
                Then::Close => reader.get_mut().conn.send_close_notify(),
                Then::CutOff => {}
            }
            let _ = reader.get_mut().flush();
            let _ = reader.get_ref().sock.shutdown(Shutdown::Write);
            self.ended.fetch_add(1, Ordering::Relaxed);
            let _ = io::copy(&mut reader.get_mut().sock, &mut io::sink());
            return;
        }
    }
}

/// Sends a 200 with this body.
pub fn respond(reader: &mut TlsReader, body: &str) {
    send(reader, format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
}

/// Sends bytes as they are, to a proxy that may have left.
pub fn send(reader: &mut TlsReader, bytes: impl AsRef<[u8]>) {
    let stream = reader.get_mut();
    let _ = stream.write_all(bytes.as_ref()).and_then(|()| stream.flush());
}

pub(crate) fn config(certificate: &Issued, clients: Option<&Authority>) -> ServerConfig {
    config_of(aws_lc_rs::default_provider(), certificate, clients)
}

fn config_of(provider: CryptoProvider, certificate: &Issued, clients: Option<&Authority>) -> ServerConfig {
    let provider = Arc::new(provider);
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_safe_default_protocol_versions().expect("versions");
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(authority.issuer.der().clone()).expect("a root");
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(&provider));
            builder.with_client_cert_verifier(verifier.build().expect("a verifier"))
        }
    };
    let chain = CertificateDer::pem_slice_iter(certificate.cert.as_bytes());
    let chain: Vec<_> = chain.collect::<Result<_, _>>().expect("certificates");
    let key = PrivateKeyDer::from_pem_slice(certificate.key.as_bytes()).expect("a key");
    let key = provider.key_provider.load_private_key(key).expect("a key");
    // Whether the two fit isn't checked, nor what kind of certificate it is.
    let mut config =
        builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(CertifiedKey::new(chain, key))));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config
}
