//! How many handshakes there were, and what came of them.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use pointsman_core::counts::{Distribution, Histogram};
use rustls::{AlertDescription, Error, HandshakeKind, PeerIncompatible, ProtocolVersion};

/// Why a handshake failed, in the words of logs and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandshakeFailure {
    /// The client speaks HTTP without TLS.
    PlainHttp,
    /// What the client sends isn't TLS, or not as it should be.
    Malformed,
    /// The client has left.
    Closed,
    /// It took longer than `handshake_timeout`.
    Timeout,
    /// The listener drains, or others needed the room.
    Ended,
    /// There is no certificate for the name that the client asks for.
    UnknownName,
    /// The certificate for the name that the client asks for is ordered, and isn't there yet.
    NoCertificate,
    /// No certificate's key signs in a way that the client can check.
    NoSignature,
    /// Client and server have no version, cipher suite or key exchange in common.
    Incompatible,
    /// Client and server have no application protocol in common.
    NoProtocol,
    /// The client turns the server's certificate down.
    Untrusted,
    /// The client ended it with another alert.
    Alert,
    /// The client's certificate is missing or isn't accepted.
    ClientCertificate,
    /// Anything else.
    Other,
}

impl HandshakeFailure {
    /// All, for those who list them.
    pub const ALL: [Self; 14] = [
        Self::PlainHttp,
        Self::Malformed,
        Self::Closed,
        Self::Timeout,
        Self::Ended,
        Self::UnknownName,
        Self::NoCertificate,
        Self::NoSignature,
        Self::Incompatible,
        Self::NoProtocol,
        Self::Untrusted,
        Self::Alert,
        Self::ClientCertificate,
        Self::Other,
    ];

    /// Its name in logs and metrics.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::PlainHttp => "plain-http",
            Self::Malformed => "malformed",
            Self::Closed => "closed",
            Self::Timeout => "timeout",
            Self::Ended => "ended",
            Self::UnknownName => "unknown-name",
            Self::NoCertificate => "no-certificate",
            Self::NoSignature => "no-signature",
            Self::Incompatible => "incompatible",
            Self::NoProtocol => "no-protocol",
            Self::Untrusted => "untrusted",
            Self::Alert => "alert",
            Self::ClientCertificate => "client-certificate",
            Self::Other => "other",
        }
    }

    /// What an error of rustls comes down to.
    pub(super) fn of(error: &Error) -> Self {
        match error {
            Error::InvalidMessage(_)
            | Error::InappropriateMessage { .. }
            | Error::InappropriateHandshakeMessage { .. }
            | Error::PeerMisbehaved(_)
            | Error::PeerSentOversizedRecord
            | Error::DecryptError => Self::Malformed,
            Error::PeerIncompatible(
                PeerIncompatible::NoSignatureSchemesInCommon | PeerIncompatible::NoCipherSuitesInCommon,
            ) => Self::NoSignature,
            Error::PeerIncompatible(_) => Self::Incompatible,
            Error::NoApplicationProtocol => Self::NoProtocol,
            Error::NoCertificatesPresented
            | Error::InvalidCertificate(_)
            | Error::InvalidCertRevocationList(_) => Self::ClientCertificate,
            Error::AlertReceived(
                AlertDescription::BadCertificate
                | AlertDescription::UnsupportedCertificate
                | AlertDescription::CertificateRevoked
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateUnknown
                | AlertDescription::UnknownCA,
            ) => Self::Untrusted,
            Error::AlertReceived(_) => Self::Alert,
            _ => Self::Other,
        }
    }
}

/// Handshakes of a listener, over all workers.
#[derive(Debug, Default)]
pub struct HandshakeCounts {
    full_12: AtomicU64,
    full_13: AtomicU64,
    resumed_12: AtomicU64,
    resumed_13: AtomicU64,
    unnamed: AtomicU64,
    took: Histogram,
    failed: [AtomicU64; HandshakeFailure::ALL.len()],
}

impl HandshakeCounts {
    /// Counts a handshake that was completed; `is_named` = the client asked for a name that a certificate is for.
    pub(super) fn complete(
        &self,
        version: Option<ProtocolVersion>,
        kind: Option<HandshakeKind>,
        is_named: bool,
    ) {
        let is_resumed = kind == Some(HandshakeKind::Resumed);
        let count = match (version, is_resumed) {
            (Some(ProtocolVersion::TLSv1_3), false) => &self.full_13,
            (Some(ProtocolVersion::TLSv1_3), true) => &self.resumed_13,
            (_, false) => &self.full_12,
            (_, true) => &self.resumed_12,
        };
        count.fetch_add(1, Relaxed);
        if !is_named {
            self.unnamed.fetch_add(1, Relaxed);
        }
    }

    /// Counts the time of a handshake that was completed, with what the client took of it.
    pub fn took(&self, time: Duration) {
        self.took.observe(time);
    }

    /// How long handshakes took that were completed.
    #[must_use]
    pub fn times(&self) -> Distribution {
        self.took.read()
    }

    /// Counts a handshake that failed.
    pub fn fail(&self, failure: HandshakeFailure) {
        self.failed[failure as usize].fetch_add(1, Relaxed);
    }

    /// Completed handshakes of TLS 1.3 or 1.2, resumed or not.
    #[must_use]
    pub fn completed(&self, is_tls_13: bool, is_resumed: bool) -> u64 {
        let count = match (is_tls_13, is_resumed) {
            (true, false) => &self.full_13,
            (true, true) => &self.resumed_13,
            (false, false) => &self.full_12,
            (false, true) => &self.resumed_12,
        };
        count.load(Relaxed)
    }

    /// Completed handshakes that got the default certificate for want of one for the client's name.
    #[must_use]
    pub fn unnamed(&self) -> u64 {
        self.unnamed.load(Relaxed)
    }

    /// Handshakes that failed for this reason.
    #[must_use]
    pub fn failed(&self, failure: HandshakeFailure) -> u64 {
        self.failed[failure as usize].load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handshakes_are_counted_by_what_came_of_them() {
        let counts = HandshakeCounts::default();
        for (place, failure) in HandshakeFailure::ALL.into_iter().enumerate() {
            (0..=place).for_each(|_| counts.fail(failure));
        }
        for (place, failure) in HandshakeFailure::ALL.into_iter().enumerate() {
            assert_eq!(counts.failed(failure), place as u64 + 1, "{}", failure.label());
        }
        counts.complete(Some(ProtocolVersion::TLSv1_3), Some(HandshakeKind::Resumed), true);
        counts.complete(Some(ProtocolVersion::TLSv1_2), Some(HandshakeKind::Full), false);
        let completed =
            [(true, true), (true, false), (false, true), (false, false)].map(|(v, r)| counts.completed(v, r));
        assert_eq!((completed, counts.unnamed()), ([1, 0, 0, 1], 1));
    }
}
