//! Names of pools and backends, as operators write them and as paths of the API have them.

use std::fmt::Write as _;
use std::str::FromStr;

use pointsman_core::printable::percent_encode;

/// `POOL/BACKEND`. Both names may have slashes, so it may be read in several ways.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BackendName(String);

impl FromStr for BackendName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let name = Self(text.to_owned());
        let is_readable = name.readings().next().is_some();
        is_readable
            .then_some(name)
            .ok_or_else(|| "write the pool's name, a slash and the backend's name, as in `web/b1`".into())
    }
}

impl BackendName {
    /// Pool and backend, the shortest name of a pool first: slashes are usual in backends that DNS has named.
    pub(super) fn readings(&self) -> impl Iterator<Item = (&str, &str)> {
        let whole = self.0.as_str();
        whole
            .match_indices('/')
            .map(|(slash, _)| (&whole[..slash], &whole[slash + 1..]))
            .filter(|(pool, backend)| !pool.is_empty() && !backend.is_empty())
    }
}

/// A path below `/api/v1`: segments that are texts of others, with everything escaped that isn't plain.
pub(super) fn path(segments: &[&str]) -> String {
    let mut path = String::from("/api/v1");
    for segment in segments {
        path.push('/');
        encode(segment, &mut path);
    }
    path
}

/// Adds a parameter of the query, if it has a value.
pub(super) fn with_query(mut path: String, key: &str, value: Option<&str>) -> String {
    if let Some(value) = value {
        let separator = if path.contains('?') { '&' } else { '?' };
        let _ = write!(path, "{separator}{key}=");
        encode(value, &mut path);
    }
    path
}

fn encode(text: &str, into: &mut String) {
    percent_encode(text.as_bytes(), into, |byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_leave_several_readings() {
        let readings = |text: &str| {
            let name: BackendName = text.parse().expect("a name");
            name.readings().map(|(pool, backend)| format!("{pool} {backend}")).collect::<Vec<_>>()
        };
        assert_eq!(readings("web/b1"), ["web b1"]);
        assert_eq!(readings("web/dns/10.0.0.1:80"), ["web dns/10.0.0.1:80", "web/dns 10.0.0.1:80"]);
        assert_eq!(readings("web//"), ["web /"]);
        for text in ["", "web", "web/", "/b1"] {
            assert!(text.parse::<BackendName>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn paths_hold_any_name() {
        assert_eq!(path(&["pools", "web", "policy"]), "/api/v1/pools/web/policy");
        assert_eq!(path(&["pools", "a/b\"\\%?#"]), "/api/v1/pools/a%2Fb%22%5C%25%3F%23");
        assert_eq!(path(&["ü"]), "/api/v1/%C3%BC");
        assert_eq!(with_query(path(&["x"]), "route", Some("a /b")), "/api/v1/x?route=a%20%2Fb");
        assert_eq!(with_query(path(&["x"]), "route", None), "/api/v1/x");
    }
}
