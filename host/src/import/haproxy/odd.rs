//! Parameters of one server that a pool can't say, or says for all.

use super::super::ledger::{Ledger, Rank};
use super::server::Server;

/// Parameters that are looked at below, or that change nothing here.
const SPOKEN_FOR: [&str; 42] = [
    "weight",
    "backup",
    "disabled",
    "enabled",
    "check",
    "no-check",
    "port",
    "addr",
    "inter",
    "fastinter",
    "rise",
    "fall",
    "maxconn",
    "maxqueue",
    "slowstart",
    "ssl",
    "no-ssl",
    "verify",
    "ca-file",
    "crt",
    "sni",
    "alpn",
    "proto",
    "send-proxy",
    "send-proxy-v2",
    "resolvers",
    "init-addr",
    "check-ssl",
    "no-check-ssl",
    "check-sni",
    "check-alpn",
    "check-proto",
    "observe",
    "error-limit",
    "on-error",
    "resolve-prefer",
    "downinter",
    "cookie",
    "id",
    "verifyhost",
    "minconn",
    "check-send-proxy",
];

/// Lists them.
pub(super) fn list(ledger: &mut Ledger, server: &Server<'_>) {
    let place = server.line.place;
    for name in server.own.names() {
        let piece = match server.own.get(name) {
            Some("") | None => name.to_owned(),
            Some(value) => format!("{name} {value}"),
        };
        if let Some((rank, why)) = loss(name) {
            ledger.list_piece(place, &piece, rank, why);
        }
    }
    if let Some(places) = server.places {
        let last = places.rsplit('-').next().unwrap_or(places);
        let why = format!(
            "as many backends as DNS names, at most 1000, where the template has places up to {last}"
        );
        ledger.list_piece(place, &format!("server-template {} {places}", server.name), Rank::B, why);
    }
}

/// What the loss of a parameter means; none for what is looked at elsewhere.
fn loss(name: &str) -> Option<(Rank, &'static str)> {
    Some(match name {
        "id" => (Rank::C, "backends are known by their names"),
        "cookie" => (Rank::C, "the values of session cookies are made of the servers' names"),
        "downinter" => (Rank::C, "backends that are down are asked as often as others"),
        "minconn" => (Rank::B, "the limit doesn't move with the load; `max_requests` holds"),
        "track" => (
            Rank::B,
            "its health follows another server's, and here it has none but its own; name where it is asked as `check_address`",
        ),
        "agent-check" | "agent-port" | "agent-inter" | "agent-addr" | "agent-send" => {
            (Rank::B, "agents aren't asked; steer by `pointsman ctl weight`")
        }
        "on-marked-down" | "on-marked-up" => (Rank::C, "what runs may end"),
        "crl-file" => (Rank::A, "lists of revoked certificates of backends aren't read"),
        "verifyhost" => (Rank::B, "the name is that of `server_name`"),
        "init-addr" | "resolve-prefer" | "check-sni" | "check-alpn" | "check-proto" => (
            Rank::B,
            "names and checks are one way for the pool: names are followed by `resolve`, all addresses of both kinds are taken, and checks go as requests go",
        ),
        "send-proxy-v2-ssl" | "send-proxy-v2-ssl-cn" => {
            (Rank::B, "the header of version 2 says nothing of the client's certificate here")
        }
        "source" | "usesrc" | "namespace" => (Rank::B, "the source address is the system's choice"),
        name if SPOKEN_FOR.contains(&name) => return None,
        name if name.starts_with("pool-")
            || name.starts_with("no-")
            || name.starts_with("force-")
            || [
                "max-reuse",
                "tfo",
                "ciphers",
                "ciphersuites",
                "ssl-min-ver",
                "ssl-max-ver",
                "curves",
                "resolve-opts",
                "resolve-net",
                "ws",
                "log-proto",
                "allow-0rtt",
                "stick",
                "non-stick",
            ]
            .contains(&name) =>
        {
            (Rank::C, "is as the proxy is")
        }
        _ => (Rank::B, "isn't carried over"),
    })
}
