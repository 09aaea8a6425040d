//! `host_header`: the host that backends see.

use http::uri::Authority;

use super::super::read::{Section, excerpt};

const CHOICES: &str = "write `\"client\"`, `\"backend\"`, or a host such as `\"api.example.com\"`";

/// `Host` towards a backend, which is `:authority` in HTTP/2.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum HostHeader {
    /// The one that the client has asked for. `"client"`.
    #[default]
    Client,
    /// The backend's host as the file has it, or its address; with its port, unless that goes without saying. `"backend"`.
    Backend,
    /// This one.
    Text(String),
}

/// Reads the key, if it is there.
pub(super) fn host_header(section: &mut Section<'_>) -> Option<Option<HostHeader>> {
    let Some(value) = section.get("host_header") else { return Some(None) };
    let host = match value.string()? {
        "client" => HostHeader::Client,
        "backend" => HostHeader::Backend,
        text => {
            let is_host = Authority::try_from(text).is_ok_and(|host| !host.host().is_empty());
            if !is_host || text.contains('@') {
                value.fail(format!("`{}` is no host", excerpt(text)), CHOICES);
                return None;
            }
            HostHeader::Text(text.to_owned())
        }
    };
    Some(Some(host))
}
