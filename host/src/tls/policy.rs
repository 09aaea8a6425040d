//! What a listener's handshakes go by, beside its certificates.

use std::fmt;
use std::hash::{DefaultHasher, Hash};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::server::{NoServerSessionStorage, ProducesTickets, ResolvesServerCert};
use rustls::version::{TLS12, TLS13};

use super::certificate::Fingerprint;
use super::client_auth::ClientAuth;
use super::fault::TlsFault;
use super::provider::provider;
use super::ticket_keys::{TicketKey, TicketKeys};
use crate::config::{Http2Use, TlsConfig, TlsVersion};

/// The application protocols that are offered, the preferred one first.
const fn protocols(http2: Http2Use) -> &'static [&'static [u8]] {
    match http2 {
        Http2Use::Auto => &[b"h2", b"http/1.1"],
        Http2Use::Off => &[b"http/1.1"],
        Http2Use::Only => &[b"h2"],
    }
}

/// Tickets for a client after a full handshake with TLS 1.3, as it may use each of them once.
const TICKETS: usize = 2;

/// Who may connect and whose sessions go on, and with which versions and protocols. It is made anew as a whole when one of its files changes.
#[derive(Clone)]
pub(super) struct Policy {
    server: Arc<ServerConfig>,
    tickets: Tickets,
    /// Tells the authentication of clients from any other.
    scope: Vec<u8>,
    /// Of the files that it was made from.
    fingerprint: Fingerprint,
}

/// How sessions go on.
#[derive(Clone)]
enum Tickets {
    Off,
    /// By tickets of this process, whose keys change by themselves.
    Random(Arc<dyn ProducesTickets>),
    /// By tickets whose keys are in files.
    Files(Arc<dyn ProducesTickets>),
}

/// What is read from files.
struct PolicyFiles {
    ticket_keys: Vec<TicketKey>,
    client_auth: Option<ClientAuth>,
}

impl PolicyFiles {
    /// Reads all; those that can't be used go to `faults`.
    fn read(config: &TlsConfig, faults: &mut Vec<TlsFault>) -> Self {
        let mut ticket_keys = Vec::new();
        for (place, file) in config.ticket_keys.iter().enumerate() {
            match TicketKey::read(file) {
                Ok(key) => ticket_keys.push(key),
                Err(fault) => {
                    let hint = fault.hint.to_owned();
                    let (key, line) = (format!("ticket_keys[{place}]"), Some(file.line));
                    faults.push(TlsFault { key, line, message: fault.message, hint });
                }
            }
        }
        let client_auth = config.client_auth.as_ref().and_then(|config| ClientAuth::read(config, faults));
        Self { ticket_keys, client_auth }
    }

    fn fingerprint(&self) -> Fingerprint {
        let mut hasher = DefaultHasher::new();
        self.ticket_keys.iter().flat_map(TicketKey::content).for_each(|content| content.hash(&mut hasher));
        self.scope().hash(&mut hasher);
        Fingerprint::of(&hasher)
    }

    /// Tells the authentication of clients from any other; nothing if there is none.
    fn scope(&self) -> &[u8] {
        self.client_auth.as_ref().map_or(&[], |auth| &auth.scope)
    }

    /// Tickets with the keys from files, or else those of `before`, or else with new keys: whose session goes on isn't authenticated
    /// again, so no ticket is good where clients are authenticated in another way.
    fn tickets(&self, config: &TlsConfig, before: Option<&Policy>) -> Result<Tickets, rustls::Error> {
        if !config.tickets {
            return Ok(Tickets::Off);
        }
        if !self.ticket_keys.is_empty() {
            return Ok(Tickets::Files(Arc::new(TicketKeys::new(self.ticket_keys.clone(), self.scope()))));
        }
        match before.filter(|before| before.scope == self.scope()).map(|before| &before.tickets) {
            Some(Tickets::Random(same)) => Ok(Tickets::Random(Arc::clone(same))),
            _ => Ticketer::new().map(Tickets::Random),
        }
    }
}

impl Policy {
    /// Reads the files that the configuration names, and makes of them what handshakes go by. Sessions of `before`, which the same
    /// listener had, go on.
    ///
    /// # Errors
    ///
    /// Every file that can't be used.
    pub(super) fn load(
        config: &TlsConfig,
        certificates: Arc<dyn ResolvesServerCert>,
        before: Option<&Self>,
    ) -> Result<Self, Vec<TlsFault>> {
        let mut faults = Vec::new();
        let files = PolicyFiles::read(config, &mut faults);
        if !faults.is_empty() {
            return Err(faults);
        }
        let fingerprint = files.fingerprint();
        let fault = |error| vec![TlsFault::of_section(&error)];
        let tickets = files.tickets(config, before).map_err(fault)?;
        let scope = files.scope().to_vec();
        let server = server(config, certificates, &tickets, files.client_auth).map_err(fault)?;
        Ok(Self { server: Arc::new(server), tickets, scope, fingerprint })
    }

    /// What rustls makes handshakes with.
    pub(super) fn server(&self) -> &Arc<ServerConfig> {
        &self.server
    }

    /// Whether clients are authenticated in the same way by another one.
    pub(super) fn authenticates_as(&self, other: &Self) -> bool {
        self.scope == other.scope
    }

    /// The fingerprint of the files that it was made from.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy").finish_non_exhaustive()
    }
}

fn server(
    config: &TlsConfig,
    certificates: Arc<dyn ResolvesServerCert>,
    tickets: &Tickets,
    client_auth: Option<ClientAuth>,
) -> Result<ServerConfig, rustls::Error> {
    let versions = match config.min_version {
        TlsVersion::Tls12 => &[&TLS13, &TLS12][..],
        TlsVersion::Tls13 => &[&TLS13],
    };
    let builder =
        ServerConfig::builder_with_provider(Arc::clone(provider())).with_protocol_versions(versions)?;
    let builder = match client_auth {
        Some(auth) => builder.with_client_cert_verifier(auth.verifier),
        None => builder.with_no_client_auth(),
    };
    let mut server = builder.with_cert_resolver(certificates);
    server.alpn_protocols = protocols(config.http2).iter().map(|protocol| protocol.to_vec()).collect();
    // Sessions go on by tickets or not at all: a store would know a part of the clients only, and rustls turns to it where there are no
    // tickets.
    server.session_storage = Arc::new(NoServerSessionStorage {});
    server.send_tls13_tickets = 0;
    if let Tickets::Random(ticketer) | Tickets::Files(ticketer) = tickets {
        server.ticketer = Arc::clone(ticketer);
        server.send_tls13_tickets = TICKETS;
    }
    Ok(server)
}
