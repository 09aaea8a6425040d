//! Session tickets that a fleet of proxies shares: their keys are in files.

use std::fmt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, MAX_TAG_LEN, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{hkdf, rand};
use rustls::server::ProducesTickets;

use super::fault::unreadable;
use crate::config::NamedFile;
use crate::regular_file;

/// Lengths of a key file, bytes: a name of 16, and a secret.
const LENGTHS: [usize; 2] = [80, 48];

const NAME: usize = 16;
const SALT: usize = 32;
const TIME: usize = 8;

/// How long a ticket is good, seconds.
const LIFETIME: u64 = 12 * 60 * 60;

/// How far clocks of a fleet may differ, seconds.
const CLOCKS_DIFFER: u64 = 5 * 60;

/// What the keys of single tickets are derived for.
const PURPOSE: &[u8] = b"pointsman session ticket 1";

/// The keys of a listener's tickets. The first makes tickets, all read them.
///
/// A ticket is its key's name, a random salt, and the session with its time, sealed with a key of its own, which is derived from secret
/// and salt. So no key is ever used twice, however many tickets a fleet makes with one file. It is derived from `scope` as well: a ticket
/// that was made where clients are authenticated in another way isn't read.
pub(super) struct TicketKeys {
    keys: Vec<TicketKey>,
    scope: Vec<u8>,
}

/// The content of a key file.
#[derive(Clone)]
pub(super) struct TicketKey {
    name: [u8; NAME],
    secret: Vec<u8>,
}

/// Why a key file can't be used.
#[derive(Debug)]
pub(super) struct KeyFault {
    pub(super) message: String,
    pub(super) hint: &'static str,
}

impl TicketKey {
    /// Reads a key file.
    pub(super) fn read(file: &NamedFile) -> Result<Self, KeyFault> {
        let content = regular_file::read(&file.path, 4096).map_err(|error| {
            let (message, hint) = unreadable(&file.path, &error);
            KeyFault { message, hint }
        })?;
        Self::parse(&content, &file.path)
    }

    fn parse(content: &[u8], path: &Path) -> Result<Self, KeyFault> {
        match content.split_first_chunk() {
            Some((name, secret)) if LENGTHS.contains(&content.len()) => {
                Ok(Self { name: *name, secret: secret.to_vec() })
            }
            _ => Err(KeyFault {
                message: format!(
                    "{} has {} bytes, and a ticket key has 80 or 48",
                    path.display(),
                    content.len()
                ),
                hint: "make one with `openssl rand 80`, and put the same on every proxy of the fleet",
            }),
        }
    }

    /// Goes into the fingerprint of what a listener is made from.
    pub(super) fn content(&self) -> impl Iterator<Item = &[u8]> {
        [&self.name[..], &self.secret].into_iter()
    }

    fn derive(&self, salt: &[u8], scope: &[u8]) -> Option<LessSafeKey> {
        let secret = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(&self.secret);
        let info = [PURPOSE, scope];
        let key: UnboundKey = secret.expand(&info, &AES_256_GCM).ok()?.into();
        Some(LessSafeKey::new(key))
    }
}

impl TicketKeys {
    /// Tickets with these keys; at least one.
    pub(super) fn new(keys: Vec<TicketKey>, scope: &[u8]) -> Self {
        Self { keys, scope: scope.to_vec() }
    }

    fn encrypt_at(&self, now: u64, plain: &[u8]) -> Option<Vec<u8>> {
        let key = self.keys.first()?;
        let mut ticket = vec![0; NAME + SALT];
        ticket[..NAME].copy_from_slice(&key.name);
        rand::fill(&mut ticket[NAME..]).ok()?;
        let mut sealed = Vec::with_capacity(TIME + plain.len() + MAX_TAG_LEN);
        sealed.extend_from_slice(&now.to_be_bytes());
        sealed.extend_from_slice(plain);
        let aead = key.derive(&ticket[NAME..], &self.scope)?;
        aead.seal_in_place_append_tag(nonce(), Aad::from(&ticket[..]), &mut sealed).ok()?;
        ticket.append(&mut sealed);
        Some(ticket)
    }

    fn decrypt_at(&self, now: u64, ticket: &[u8]) -> Option<Vec<u8>> {
        let (head, sealed) = ticket.split_at_checked(NAME + SALT)?;
        let (name, salt) = head.split_at(NAME);
        let key = self.keys.iter().find(|key| key.name == name)?;
        let mut sealed = sealed.to_vec();
        let opened =
            key.derive(salt, &self.scope)?.open_in_place(nonce(), Aad::from(head), &mut sealed).ok()?;
        let (made, plain) = opened.split_first_chunk::<TIME>()?;
        let made = u64::from_be_bytes(*made);
        let is_good = made <= now.saturating_add(CLOCKS_DIFFER) && now.saturating_sub(made) <= LIFETIME;
        is_good.then(|| plain.to_vec())
    }
}

/// Each key seals one ticket, so there is one nonce.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; NONCE_LEN])
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

impl ProducesTickets for TicketKeys {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        LIFETIME as u32
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.encrypt_at(now(), plain)
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        self.decrypt_at(now(), cipher)
    }
}

impl fmt::Debug for TicketKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketKeys").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(first: u8, length: usize) -> TicketKey {
        let content: Vec<u8> = (first..).take(length).collect();
        TicketKey::parse(&content, Path::new("k")).unwrap()
    }

    #[test]
    fn a_key_file_has_80_or_48_bytes() {
        for length in (0..100).filter(|length| !LENGTHS.contains(length)) {
            let fault = TicketKey::parse(&vec![7; length], Path::new("k")).err().unwrap();
            assert!(fault.message.starts_with(&format!("k has {length} bytes")), "{}", fault.message);
        }
    }

    #[test]
    fn every_key_reads_and_the_first_one_makes() {
        let (old, new) = (key(1, 48), key(9, 80));
        let before = TicketKeys::new(vec![old.clone()], b"");
        let after = TicketKeys::new(vec![new, old], b"");
        let (first, second) = (before.encrypt(b"session").unwrap(), after.encrypt(b"session").unwrap());
        assert_eq!(after.decrypt(&first).as_deref(), Some(&b"session"[..]));
        assert_eq!(after.decrypt(&second).as_deref(), Some(&b"session"[..]));
        assert_eq!(before.decrypt(&second), None);
        assert_ne!(before.encrypt(b"session").unwrap()[NAME..], first[NAME..], "no two are alike");
    }

    #[test]
    fn what_is_not_exactly_a_ticket_of_this_scope_is_none() {
        let keys = TicketKeys::new(vec![key(1, 80)], b"one");
        let ticket = keys.encrypt(b"session").unwrap();
        for place in 0..ticket.len() {
            let mut changed = ticket.clone();
            changed[place] ^= 1;
            assert_eq!(keys.decrypt(&changed), None, "changed at {place}");
            assert_eq!(keys.decrypt(&ticket[..place]), None, "cut at {place}");
        }
        assert_eq!(TicketKeys::new(vec![key(1, 80)], b"other").decrypt(&ticket), None);
    }

    #[test]
    fn a_ticket_has_its_time() {
        let keys = TicketKeys::new(vec![key(1, 80)], b"");
        let ticket = keys.encrypt_at(100_000, b"session").unwrap();
        let is_good = |now| keys.decrypt_at(now, &ticket).is_some();
        assert!(is_good(100_000) && is_good(100_000 + LIFETIME) && is_good(100_000 - CLOCKS_DIFFER));
        assert!(!is_good(100_000 + LIFETIME + 1) && !is_good(100_000 - CLOCKS_DIFFER - 1));
    }
}
