//! Certificates in X.509 version 1, which have no extensions and which nobody issues any more.

use rcgen::{KeyPair, SigningKey};

/// Makes one of a certificate in version 3, signed with the authority's key; both in DER form.
pub(super) fn version_1(certificate: &[u8], authority: &KeyPair) -> Vec<u8> {
    let whole = parts(content(certificate));
    let [body, algorithm, ..] = whole[..] else { panic!("three parts") };
    // The first part is the version, the last one the extensions.
    let parts = parts(content(body));
    let body = wrapped(0x30, &parts[1..parts.len() - 1].concat());
    let mut signature = vec![0];
    signature.extend(authority.sign(&body).expect("a signature"));
    wrapped(0x30, &[&body[..], algorithm, &wrapped(0x03, &signature)].concat())
}

/// A certificate in PEM form.
pub(super) fn pem(der: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    for (place, three) in der.chunks(3).enumerate() {
        let bits = three.iter().fold(0, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for letter in 0..4 {
            let value = (bits >> (18 - 6 * letter) & 63) as usize;
            text.push(if letter <= three.len() { LETTERS[value].into() } else { '=' });
        }
        if place % 16 == 15 {
            text.push('\n');
        }
    }
    text + "\n-----END CERTIFICATE-----\n"
}

/// The length of an element's head, and of its content.
fn lengths(der: &[u8]) -> (usize, usize) {
    match usize::from(der[1]) {
        short @ 0..=127 => (2, short),
        long => {
            let bytes = long & 127;
            (2 + bytes, der[2..2 + bytes].iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)))
        }
    }
}

fn content(der: &[u8]) -> &[u8] {
    let (head, length) = lengths(der);
    &der[head..head + length]
}

fn parts(mut der: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    while !der.is_empty() {
        let (head, length) = lengths(der);
        let (part, rest) = der.split_at(head + length);
        parts.push(part);
        der = rest;
    }
    parts
}

fn wrapped(tag: u8, content: &[u8]) -> Vec<u8> {
    let head = match u16::try_from(content.len()).expect("a small certificate").to_be_bytes() {
        [0, short @ 0..=127] => vec![tag, short],
        [0, middling] => vec![tag, 0x81, middling],
        [high, low] => vec![tag, 0x82, high, low],
    };
    [&head, content].concat()
}
