//! PEM files with certificates and private keys.

use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};

/// Largest file with certificates or a key, bytes.
pub(super) const FILE_BYTES: usize = 1 << 20;

/// Marks of private keys that need a password.
const ENCRYPTED: [&[u8]; 2] = [b"BEGIN ENCRYPTED PRIVATE KEY", b"Proc-Type: 4,ENCRYPTED"];

/// What is wrong with a PEM file, and what to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) message: &'static str,
    pub(super) hint: &'static str,
}

/// All certificates of a file, in its order; at least one.
pub(super) fn certificates(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) if contains(text, b"PRIVATE KEY-----") => Err(Fault {
            message: "holds a private key and no certificate",
            hint: "name the certificate's file here, and the key's with `key`",
        }),
        Ok(_) => Err(Fault {
            message: "holds no certificate in PEM form",
            hint: "name a file that begins with `-----BEGIN CERTIFICATE-----`, and has the server's own certificate first",
        }),
        Err(_) => Err(broken()),
    }
}

/// All certificates of authorities in a file; at least one.
pub(super) fn authorities(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, Fault> {
    certificates(text).map_err(|fault| Fault {
        hint: "name the file with the certificates of the authorities that are trusted, each behind `-----BEGIN CERTIFICATE-----`",
        ..fault
    })
}

/// All lists of revoked certificates of a file; at least one.
pub(super) fn revocation_lists(text: &[u8]) -> Result<Vec<CertificateRevocationListDer<'static>>, Fault> {
    let lists: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(text).collect();
    match lists {
        Ok(lists) if !lists.is_empty() => Ok(lists),
        Ok(_) => Err(Fault {
            message: "holds no list of revoked certificates in PEM form",
            hint: "name a file that begins with `-----BEGIN X509 CRL-----`",
        }),
        Err(_) => Err(broken()),
    }
}

/// The first private key of a file.
pub(super) fn private_key(text: &[u8]) -> Result<PrivateKeyDer<'static>, Fault> {
    // What an error of the parser quotes may be a piece of the key: none is passed on.
    match PrivateKeyDer::from_pem_slice(text) {
        Ok(key) => Ok(key),
        Err(_) if ENCRYPTED.iter().any(|mark| contains(text, mark)) => Err(Fault {
            message: "holds an encrypted private key",
            hint: "decrypt it (`openssl pkey -in FILE -out OTHER`), and let nobody else read the result",
        }),
        Err(pem::Error::NoItemsFound) if contains(text, b"BEGIN CERTIFICATE") => Err(Fault {
            message: "holds a certificate and no private key",
            hint: "name the key's file with `key`",
        }),
        Err(pem::Error::NoItemsFound) => Err(Fault {
            message: "holds no private key in PEM form",
            hint: "name a file that begins with `-----BEGIN PRIVATE KEY-----`",
        }),
        Err(_) => Err(broken()),
    }
}

fn broken() -> Fault {
    Fault { message: "is broken or cut off", hint: "write the whole file again, in PEM form" }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use rcgen::{CertifiedKey, generate_simple_self_signed};

    use super::*;

    #[test]
    fn what_a_file_lacks_is_said_without_quoting_it() {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["a.test".into()]).unwrap();
        let (cert, key) = (cert.pem(), signing_key.serialize_pem());
        assert_eq!(certificates(format!("{cert}{cert}").as_bytes()).unwrap().len(), 2);
        assert!(private_key(format!("{cert}{key}").as_bytes()).is_ok(), "both may be in one file");
        let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
        let cut = &key[..key.len() / 2];
        let cases = [
            (certificates(b"").err(), "no certificate"),
            (certificates(key.as_bytes()).err(), "a private key and no certificate"),
            (certificates(&cert.as_bytes()[..cert.len() / 2]).err(), "broken or cut off"),
            (private_key(b"").err(), "no private key"),
            (private_key(cert.as_bytes()).err(), "a certificate and no private key"),
            (private_key(encrypted.as_bytes()).err(), "encrypted"),
            (private_key(cut.as_bytes()).err(), "broken or cut off"),
        ];
        for (fault, expected) in cases {
            let fault = fault.expect("a fault");
            assert!(fault.message.contains(expected), "{fault:?} is not about {expected}");
        }
    }
}
