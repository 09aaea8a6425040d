//! What a client and a contender have agreed on in their handshake.

use std::fmt;

use rustls::CommonState;
use serde::Serialize;

/// What was negotiated, as it is named in TLS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Negotiated {
    version: String,
    suite: String,
    group: String,
    alpn: String,
    handshake: String,
}

impl Negotiated {
    /// Of a connection whose handshake is over.
    pub(crate) fn of(session: &CommonState) -> Self {
        let name = |part: Option<String>| part.unwrap_or_else(|| "nothing".to_owned());
        Self {
            version: name(session.protocol_version().map(|version| format!("{version:?}"))),
            suite: name(session.negotiated_cipher_suite().map(|suite| format!("{:?}", suite.suite()))),
            group: name(session.negotiated_key_exchange_group().map(|group| format!("{:?}", group.name()))),
            alpn: name(session.alpn_protocol().map(|alpn| String::from_utf8_lossy(alpn).into_owned())),
            handshake: name(session.handshake_kind().map(|kind| format!("{kind:?}"))),
        }
    }
}

impl fmt::Display for Negotiated {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, suite, group, alpn, handshake } = self;
        write!(to, "{version}, {suite}, {group}, {alpn}, handshake {handshake}")
    }
}
