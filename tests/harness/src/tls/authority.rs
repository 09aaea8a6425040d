//! A certificate authority.

use std::fs::Permissions;
use std::ops::Range;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
    PKCS_RSA_SHA256, RevokedCertParams, SerialNumber,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::version_1;

/// An authority with a key of its own.
#[derive(Debug)]
pub struct Authority {
    pub(super) issuer: CertifiedIssuer<'static, KeyPair>,
}

/// What is asked of a certificate.
#[derive(Debug)]
pub struct Leaf<'a> {
    /// DNS names.
    pub names: &'a [&'a str],
    /// Its number.
    pub serial: u64,
    /// Whether the key is RSA and not ECDSA.
    pub rsa: bool,
    /// When it is valid.
    pub valid: Range<SystemTime>,
    /// What it is for.
    pub purpose: ExtendedKeyUsagePurpose,
}

/// A certificate with its key, in PEM form.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The certificate.
    pub cert: String,
    /// The key.
    pub key: String,
    /// Its number.
    pub serial: u64,
}

impl Default for Leaf<'_> {
    fn default() -> Self {
        let (now, day) = (SystemTime::now(), Duration::from_hours(24));
        Self {
            names: &["test"],
            serial: 1,
            rsa: false,
            valid: now - day..now + 90 * day,
            purpose: ExtendedKeyUsagePurpose::ServerAuth,
        }
    }
}

impl Authority {
    /// A new one of this name.
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::new([]).expect("no names");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("a key");
        Self { issuer: CertifiedIssuer::self_signed(params, key).expect("a certificate") }
    }

    /// Its certificate in PEM form.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// Issues a certificate.
    pub fn issue(&self, leaf: &Leaf<'_>) -> Issued {
        let algorithm = if leaf.rsa { &PKCS_RSA_SHA256 } else { &PKCS_ECDSA_P256_SHA256 };
        self.issue_for(leaf, &KeyPair::generate_for(algorithm).expect("a key"))
    }

    /// Issues a certificate in X.509 version 1, with a common name and nothing else that names anybody.
    pub fn issue_version_1(&self, leaf: &Leaf<'_>) -> Issued {
        let key = KeyPair::generate().expect("a key");
        let issued = self.issue_for(leaf, &key);
        let der = CertificateDer::from_pem_slice(issued.cert.as_bytes()).expect("a certificate");
        Issued { cert: version_1::pem(&version_1::version_1(&der, self.issuer.key())), ..issued }
    }

    /// Its own certificate, as a server that has nothing else would use it.
    pub fn as_server(&self) -> Issued {
        Issued { cert: self.pem(), key: self.issuer.key().serialize_pem(), serial: 0 }
    }

    /// A list of the certificates that it has revoked, by their numbers, in PEM form.
    pub fn revoke(&self, serials: &[u64]) -> String {
        let (now, day) = (SystemTime::now(), Duration::from_hours(24));
        let revoked = |serial: &u64| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: (now - day).into(),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: (now - day).into(),
            next_update: (now + 9 * day).into(),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: serials.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).and_then(|list| list.pem()).expect("a list")
    }

    fn issue_for(&self, leaf: &Leaf<'_>, key: &KeyPair) -> Issued {
        let names: Vec<String> = leaf.names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("good names");
        params.serial_number = Some(SerialNumber::from(leaf.serial));
        (params.not_before, params.not_after) = (leaf.valid.start.into(), leaf.valid.end.into());
        params.extended_key_usages = vec![leaf.purpose.clone()];
        params.distinguished_name.push(DnType::CommonName, leaf.names.first().copied().unwrap_or("nobody"));
        let cert = params.signed_by(key, &self.issuer).expect("a certificate");
        Issued { cert: cert.pem(), key: key.serialize_pem(), serial: leaf.serial }
    }
}

impl Issued {
    /// Writes it into a folder as `NAME.crt` and `NAME.key`.
    pub fn write(&self, folder: &Path, name: &str) {
        std::fs::write(folder.join(format!("{name}.crt")), &self.cert).expect("a certificate file");
        let key = folder.join(format!("{name}.key"));
        std::fs::write(&key, &self.key).expect("a key file");
        std::fs::set_permissions(key, Permissions::from_mode(0o600)).expect("our file");
    }
}
