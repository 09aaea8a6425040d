//! Which hosts a route matches.

use std::fmt;
use std::net::Ipv6Addr;

/// The host rule of a route. Names are lower case and carry no port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostPattern {
    /// Every host.
    Any,
    /// This host; an IPv6 address with its brackets.
    Exact(String),
    /// Every subdomain of this domain (`*.example.com` without the `*.`), but not the domain itself.
    Subdomains(String),
}

impl HostPattern {
    /// Whether it matches a request's host, which has no port.
    #[must_use]
    pub fn matches(&self, host: &[u8]) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(name) => {
                name.as_bytes().eq_ignore_ascii_case(host)
                    || ipv6(host).is_some_and(|host| ipv6(name.as_bytes()) == Some(host))
            }
            Self::Subdomains(domain) => {
                let Some(end) = host.len().checked_sub(domain.len()) else { return false };
                let (sub, rest) = host.split_at(end);
                sub.len() > 1 && sub.ends_with(b".") && rest.eq_ignore_ascii_case(domain.as_bytes())
            }
        }
    }

    /// Whether it matches everything that `other` does.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let below =
            |name: &str, domain: &str| name.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
        match (self, other) {
            (Self::Any, _) => true,
            (Self::Exact(own), Self::Exact(other)) => own == other,
            (Self::Subdomains(domain), Self::Exact(name)) => below(name, domain),
            (Self::Subdomains(own), Self::Subdomains(other)) => own == other || below(other, own),
            (Self::Exact(_) | Self::Subdomains(_), Self::Any) | (Self::Exact(_), Self::Subdomains(_)) => {
                false
            }
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Exact(host) => f.write_str(host),
            Self::Subdomains(domain) => write!(f, "*.{domain}"),
        }
    }
}

/// The IPv6 address in brackets.
#[inline]
pub(super) fn ipv6(host: &[u8]) -> Option<Ipv6Addr> {
    let address = host.strip_prefix(b"[")?.strip_suffix(b"]")?;
    std::str::from_utf8(address).ok()?.parse().ok()
}

/// The host of an authority, without the port and without the dot that ends a fully qualified name.
#[inline]
pub(crate) fn host_of(authority: &[u8]) -> &[u8] {
    let host = if authority.first() == Some(&b'[') {
        memchr::memchr(b']', authority).map_or(authority, |end| &authority[..=end])
    } else {
        memchr::memchr(b':', authority).map_or(authority, |colon| &authority[..colon])
    };
    host.strip_suffix(b".").unwrap_or(host)
}
