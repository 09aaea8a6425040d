//! Backends of a pool: what a configuration takes, each once.

use std::net::SocketAddr;

use super::draft::{BackendDraft, PoolDraft};
use super::value::is_host;

/// Whether a text is the address of a Unix socket: a path from the root, or a name behind `@`.
pub(super) fn is_socket(text: &str) -> bool {
    let name = text.strip_prefix("unix:").filter(|rest| rest.starts_with(['/', '@']));
    name.is_some_and(|name| {
        (2..=100).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic())
    })
}

/// Whether a text is `IP:port`, `host:port` or a Unix socket.
pub(super) fn is_address(text: &str) -> bool {
    if is_socket(text) {
        return true;
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return address.port() != 0;
    }
    text.rsplit_once(':')
        .is_some_and(|(host, port)| is_host(host) && port.parse::<u16>().is_ok_and(|port| port != 0))
}

/// Adds a backend, or says why the pool can't have it.
pub(super) fn add(pool: &mut PoolDraft, backend: BackendDraft) -> Result<(), String> {
    let is_good = match backend.resolve {
        Some("srv") => is_host(&backend.address),
        Some(_) => {
            is_address(&backend.address)
                && backend.address.parse::<SocketAddr>().is_err()
                && !is_socket(&backend.address)
        }
        None => is_address(&backend.address),
    };
    if !is_good {
        return Err(format!("`{}` is no address that a backend can have", backend.address));
    }
    if pool.backends.len() >= 10_000 {
        return Err("a pool has at most 10000 backends".into());
    }
    let same = |other: &BackendDraft| {
        other.address.eq_ignore_ascii_case(&backend.address) && other.resolve == backend.resolve
    };
    if pool.backends.iter().any(same) {
        return Err("stands in the pool already; give the other one its weight as well".into());
    }
    let name = |backend: &BackendDraft| {
        backend.keys.get("name").map_or_else(|| crate::config::literal(&backend.address), str::to_owned)
    };
    if pool.backends.iter().any(|other| name(other) == name(&backend)) {
        return Err("has the name of another backend of the pool".into());
    }
    pool.backends.push(backend);
    Ok(())
}
