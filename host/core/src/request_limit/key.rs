//! What requests have in common that count together.

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::IpAddr;

use http::header::HeaderName;

use crate::parameters;
use crate::request::RequestHead;
use crate::route::{PathNormalization, host_of, normal_path};

/// What requests have in common that count together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitKey {
    /// All of these together; none = all requests count together.
    pub parts: Vec<KeyPart>,
    /// How many bits of a client's address count.
    pub client: ClientPrefix,
    /// What becomes of requests without one of the parts.
    pub missing: MissingKey,
}

/// One thing that requests have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyPart {
    /// The network of the client, which a trusted proxy may have named.
    Client,
    /// The host that was asked for, in lower case and without port.
    Host,
    /// The path in the form in which routes compare it.
    Path,
    /// The value of a header field.
    Header(HeaderName),
    /// The value of a cookie.
    Cookie(String),
    /// The value of a query parameter, decoded.
    Query(String),
}

/// How many bits of an address tell clients apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientPrefix {
    /// Of 32.
    pub ipv4: u8,
    /// Of 128.
    pub ipv6: u8,
}

/// What becomes of requests that lack a part of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MissingKey {
    /// They count together, so that leaving the key out evades nothing.
    #[default]
    Share,
    /// They aren't limited.
    Pass,
}

impl Default for ClientPrefix {
    /// An address of IPv4; of IPv6 the network that one customer gets, within which addresses cost nothing.
    fn default() -> Self {
        Self { ipv4: 32, ipv6: 64 }
    }
}

/// The value of a part.
enum Found {
    /// There is one, and it is hashed.
    One,
    /// There is none.
    None,
    /// There are several, and nobody knows which of them a backend goes by.
    Several,
}

impl LimitKey {
    /// Whether all requests have the same key.
    #[must_use]
    pub fn is_one(&self) -> bool {
        self.parts.is_empty()
    }

    /// The hash of a request's key; `None` if it isn't limited.
    ///
    /// A value that is sent twice counts as another key, one and the same whatever the values are: with either of them the client could
    /// choose which one is counted.
    pub(super) fn hash(
        &self,
        head: &RequestHead,
        normalization: PathNormalization,
        hasher: &RandomState,
    ) -> Option<u64> {
        let mut hash = hasher.build_hasher();
        for part in &self.parts {
            let found = self.add(part, head, normalization, &mut hash);
            if matches!(found, Found::None) && self.missing == MissingKey::Pass {
                return None;
            }
            hash.write_u8(match found {
                Found::One => 1,
                Found::None => 2,
                Found::Several => 3,
            });
        }
        Some(hash.finish())
    }

    fn add(
        &self,
        part: &KeyPart,
        head: &RequestHead,
        normalization: PathNormalization,
        hash: &mut impl Hasher,
    ) -> Found {
        match part {
            KeyPart::Client => {
                self.client.add(head.client, hash);
                Found::One
            }
            KeyPart::Host => {
                let host = host_of(head.authority().unwrap_or_default());
                host.iter().for_each(|byte| hash.write_u8(byte.to_ascii_lowercase()));
                hash.write_usize(host.len());
                Found::One
            }
            KeyPart::Path => {
                let path = head.path();
                match normalization {
                    PathNormalization::Off => add_bytes(path, hash),
                    _ => add_bytes(&normal_path::compared(path), hash),
                }
                Found::One
            }
            KeyPart::Header(name) => only(parameters::of_field(&head.parts.headers, name), hash),
            KeyPart::Cookie(name) => only(parameters::of_cookies(&head.parts.headers, name.as_bytes()), hash),
            KeyPart::Query(name) => {
                let query = head.query().unwrap_or_default();
                only(parameters::of_query(query, name.as_bytes()), hash)
            }
        }
    }
}

/// Hashes a value that is the only one.
fn only<V: AsRef<[u8]>>(mut values: impl Iterator<Item = V>, hash: &mut impl Hasher) -> Found {
    match (values.next(), values.next()) {
        (None, _) => Found::None,
        (Some(value), None) => {
            add_bytes(value.as_ref(), hash);
            Found::One
        }
        (Some(_), Some(_)) => Found::Several,
    }
}

/// With the length, so that what stands in one part can't pass for the beginning of the next.
fn add_bytes(bytes: &[u8], hash: &mut impl Hasher) {
    hash.write(bytes);
    hash.write_usize(bytes.len());
}

impl ClientPrefix {
    fn add(self, client: IpAddr, hash: &mut impl Hasher) {
        match client.to_canonical() {
            IpAddr::V4(address) => {
                let unused = 32_u32.saturating_sub(self.ipv4.into());
                hash.write_u32(u32::MAX.checked_shl(unused).unwrap_or(0) & address.to_bits());
            }
            IpAddr::V6(address) => {
                let unused = 128_u32.saturating_sub(self.ipv6.into());
                hash.write_u128(u128::MAX.checked_shl(unused).unwrap_or(0) & address.to_bits());
            }
        }
    }
}

impl fmt::Display for KeyPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client => f.write_str("client"),
            Self::Host => f.write_str("host"),
            Self::Path => f.write_str("path"),
            Self::Header(name) => write!(f, "header:{name}"),
            Self::Cookie(name) => write!(f, "cookie:{name}"),
            Self::Query(name) => write!(f, "query:{name}"),
        }
    }
}
