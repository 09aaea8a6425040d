//! What backends are spoken to in: PROXY headers, HTTP/2, TLS.

use super::super::draft::PoolDraft;
use super::super::keys::Keys;
use super::super::ledger::{Ledger, Rank};
use super::super::value;
use super::bind::Globals;
use super::server::Server;
use crate::config::literal;

/// Writes it for a pool.
pub(super) fn write(ledger: &mut Ledger, servers: &[Server<'_>], pool: &mut PoolDraft, globals: &Globals) {
    let any = |name: &str| servers.iter().find(|server| server.parameters.has(name));
    let version = match (
        any("send-proxy-v2").or_else(|| any("send-proxy-v2-ssl")).or_else(|| any("send-proxy-v2-ssl-cn")),
        any("send-proxy"),
    ) {
        (Some(_), _) => Some("v2"),
        (None, Some(_)) => Some("v1"),
        (None, None) => None,
    };
    if let Some(version) = version {
        let mut keys = Keys::default();
        let kept = pool.keys.in_order(&[]).filter(|(key, _)| *key != "idle_connections");
        kept.for_each(|(key, value)| keys.set(key, value));
        pool.keys = keys;
        pool.keys.set("proxy_protocol", literal(version));
    }
    let is_tls = any("ssl").is_some();
    let alpn = servers.iter().find_map(|server| server.parameters.get("alpn"));
    let offers_h2 = alpn.is_some_and(|alpn| alpn.split(',').any(|protocol| protocol == "h2"));
    let h2_only = servers.iter().all(|server| server.parameters.get("alpn") == Some("h2"));
    if servers.iter().any(|server| server.parameters.get("proto") == Some("h2")) || h2_only && is_tls {
        pool.keys.set("protocol", literal("h2"));
    } else if offers_h2 && is_tls {
        pool.keys.set("protocol", literal("auto"));
    }
    if is_tls {
        pool.tls = Some(tls(ledger, servers, globals));
    }
}

fn tls(ledger: &mut Ledger, servers: &[Server<'_>], globals: &Globals) -> Keys {
    let mut tls = Keys::default();
    let mut name: Option<String> = None;
    for server in servers {
        let place = server.line.place;
        if !server.parameters.has("ssl") {
            ledger.list_piece(
                place,
                server.name,
                Rank::B,
                "all backends of a pool are spoken to over TLS, or none; this one is now, too",
            );
        }
        if let Some(sni) = server.parameters.get("sni") {
            let fixed = sni
                .strip_prefix("str(")
                .and_then(|rest| rest.strip_suffix(')'))
                .filter(|name| value::is_host(name));
            match fixed {
                Some(fixed) if name.as_deref().is_none_or(|name| name == fixed) => {
                    name = Some(fixed.to_owned())
                }
                _ => ledger.list_piece(
                    place,
                    &format!("sni {sni}"),
                    Rank::B,
                    "backends are asked for by their own hosts, or by one name for the pool, `server_name`",
                ),
            }
        }
        if let Some(file) = server.parameters.get("ca-file") {
            tls.set("ca", literal(&globals.authority(file)));
        }
        if let Some(file) = server.parameters.get("crt") {
            let file = literal(&globals.certificate(file));
            tls.set("cert", file.clone());
            tls.set("key", file);
        }
    }
    if let Some(name) = name {
        tls.set("server_name", literal(&name));
    }
    unverified(ledger, servers, &mut tls);
    tls
}

/// Those that aren't verified in the source.
fn unverified(ledger: &mut Ledger, servers: &[Server<'_>], tls: &mut Keys) {
    let unverified: Vec<&Server<'_>> =
        servers.iter().filter(|server| server.parameters.get("verify") == Some("none")).collect();
    let all = unverified.len() == servers.len();
    for server in &unverified {
        let why = match all {
            true => {
                "backends aren't verified: anybody between them and the proxy can read and change what is sent; name their authority as `ca`, and remove `insecure_skip_verify`"
            }
            false => {
                "isn't carried over, as other backends of the pool are verified; if its certificate isn't from their authority, give it a pool of its own"
            }
        };
        ledger.list_piece(server.line.place, "verify none", Rank::A, why);
    }
    if all && !unverified.is_empty() {
        tls.set("insecure_skip_verify", "true");
    }
}
