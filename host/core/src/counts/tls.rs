//! Why there was no connection over TLS to a backend.

/// Why a handshake with a backend failed, in the words of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsFailure {
    /// Its certificate has expired, or isn't valid yet.
    Validity,
    /// Its certificate isn't from an authority that is trusted.
    Issuer,
    /// Its certificate is for other names.
    Name,
    /// Its certificate isn't accepted for another reason.
    Certificate,
    /// It has no application protocol in common with the pool's `protocol`.
    Protocol,
    /// It has no version, cipher suite or key exchange in common with the proxy.
    Incompatible,
    /// It refuses the handshake.
    Alert,
    /// What it answers isn't TLS.
    NotTls,
    /// It closed the connection, or reset it.
    Closed,
    /// Anything else.
    Other,
}

impl TlsFailure {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Validity,
        Self::Issuer,
        Self::Name,
        Self::Certificate,
        Self::Protocol,
        Self::Incompatible,
        Self::Alert,
        Self::NotTls,
        Self::Closed,
        Self::Other,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Validity => "certificate-validity",
            Self::Issuer => "certificate-issuer",
            Self::Name => "certificate-name",
            Self::Certificate => "certificate",
            Self::Protocol => "no-protocol",
            Self::Incompatible => "incompatible",
            Self::Alert => "alert",
            Self::NotTls => "not-tls",
            Self::Closed => "closed",
            Self::Other => "other",
        }
    }
}
