//! `bind`: listeners, and their TLS.

use std::net::SocketAddr;

use super::super::draft::ListenerDraft;
use super::super::keys::Keys;
use super::super::ledger::{Ledger, Rank};
use super::super::listing::is_socket;
use super::super::paths::Paths;
use super::super::value;
use super::sections::{Line, Section};
use crate::config::literal;

/// What `global` says of TLS, and how files are named.
#[derive(Debug, Clone, Default)]
pub(super) struct Globals {
    pub(super) certificates: String,
    pub(super) authorities: String,
    pub(super) paths: Paths,
    pub(super) min_version: Option<&'static str>,
    pub(super) without_tickets: bool,
}

impl Globals {
    pub(super) fn read(ledger: &mut Ledger, sections: &[Section], paths: &Paths) -> Self {
        let mut globals = Self { paths: paths.clone(), ..Self::default() };
        for line in
            sections.iter().filter(|section| section.kind() == "global").flat_map(|section| &section.lines)
        {
            match line.word(0) {
                "crt-base" => globals.certificates = format!("{}/", line.word(1).trim_end_matches('/')),
                "ca-base" => globals.authorities = format!("{}/", line.word(1).trim_end_matches('/')),
                "ssl-default-bind-options" => {
                    globals.min_version = min_version(&line.words);
                    globals.without_tickets = line.words.iter().any(|word| word == "no-tls-tickets");
                }
                _ => continue,
            }
            ledger.carry(line.place);
        }
        globals
    }

    pub(super) fn certificate(&self, path: &str) -> String {
        self.file(&self.certificates, path)
    }

    pub(super) fn authority(&self, path: &str) -> String {
        self.file(&self.authorities, path)
    }

    fn file(&self, base: &str, path: &str) -> String {
        let path = path.trim_start_matches("@system-ca/");
        if path.starts_with('/') { path.to_owned() } else { self.paths.of(&format!("{base}{path}")) }
    }
}

fn min_version(words: &[String]) -> Option<&'static str> {
    let at = words.iter().position(|word| word == "ssl-min-ver")?;
    match words.get(at + 1).map(String::as_str) {
        Some("TLSv1.3") => Some("1.3"),
        Some(_) => Some("1.2"),
        None => None,
    }
}

/// Parameters that take a value.
const WITH_VALUE: [&str; 41] = [
    "alpn",
    "npn",
    "backlog",
    "ca-file",
    "ca-verify-file",
    "ca-sign-file",
    "ca-sign-pass",
    "ca-ignore-err",
    "ciphers",
    "ciphersuites",
    "crl-file",
    "crt",
    "crt-list",
    "crt-ignore-err",
    "curves",
    "ecdhe",
    "default-crt",
    "gid",
    "group",
    "id",
    "interface",
    "level",
    "maxconn",
    "mode",
    "mss",
    "name",
    "namespace",
    "nice",
    "ocsp-update",
    "proto",
    "severity-output",
    "shards",
    "ssl-max-ver",
    "ssl-min-ver",
    "tcp-ut",
    "thread",
    "tls-ticket-keys",
    "uid",
    "user",
    "verify",
    "process",
];

/// The parameters of a `bind`, each with its value.
fn parameters(line: &Line) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut rest = line.words.iter().skip(2).map(String::as_str);
    while let Some(name) = rest.next() {
        let value = if WITH_VALUE.contains(&name) { rest.next().unwrap_or("") } else { "" };
        found.push((name, value));
    }
    found
}

/// The listeners of a `bind`, one for each address, with `common` keys.
pub(super) fn listeners(
    ledger: &mut Ledger,
    line: &Line,
    common: &Keys,
    globals: &Globals,
) -> Vec<ListenerDraft> {
    let parameters = parameters(line);
    let mut keys = common.clone();
    let mut tls = Keys::default();
    plain(ledger, line, &parameters, &mut keys);
    let has_tls = parameters.iter().any(|(name, _)| *name == "ssl");
    if has_tls && !encrypt(ledger, line, &parameters, (&mut tls, &mut keys), globals) {
        let why = "no certificate is named that could be carried over, so that it can't listen";
        ledger.list(line.place, Rank::B, why);
        return Vec::new();
    }
    let mut found = Vec::new();
    for written in line.word(1).split(',') {
        if written.starts_with("quic") || written.starts_with("udp") {
            ledger.list_piece(
                line.place,
                written,
                Rank::B,
                "HTTP/3 isn't spoken; clients use HTTP/2 over TCP",
            );
            continue;
        }
        let address = match socket(written) {
            Some(address) => address,
            None => {
                let why = "has no IP address and port; it listens at 127.0.0.1, at a port that the system chooses: write where clients are to reach it";
                ledger.list_piece(line.place, written, Rank::B, why);
                "127.0.0.1:0".to_owned()
            }
        };
        ledger.carry(line.place);
        let mut keys = keys.clone();
        let mode =
            parameters.iter().find(|(name, _)| *name == "mode").map(|(_, mode)| format!("0{mode:0>3}"));
        if let Some(mode) = mode.filter(|_| address.starts_with("unix:/")) {
            let digits = mode.as_bytes();
            if mode.len() == 4
                && digits.iter().all(|digit| (b'0'..=b'7').contains(digit))
                && digits[1] >= b'6'
            {
                keys.set("mode", literal(&mode));
            }
        }
        let comment = format!("bind {written}, {}", ledger.named(line.place));
        found.push(ListenerDraft { comment, address, keys, tls: tls.clone() });
    }
    found
}

/// Parameters that are looked at elsewhere.
const ELSEWHERE: [&str; 16] = [
    "ssl",
    "mode",
    "crt",
    "alpn",
    "ca-file",
    "verify",
    "crl-file",
    "ssl-min-ver",
    "ssl-max-ver",
    "strict-sni",
    "no-tls-tickets",
    "tls-ticket-keys",
    "ciphers",
    "ciphersuites",
    "curves",
    "default-crt",
];

/// Parameters that aren't about TLS.
fn plain(ledger: &mut Ledger, line: &Line, parameters: &[(&str, &str)], keys: &mut Keys) {
    let mut ours = Vec::new();
    for (name, value) in parameters {
        let (rank, why) = match *name {
            "accept-proxy" => {
                keys.set("proxy_protocol", "{ from = [\"0.0.0.0/0\", \"::/0\"] }");
                (
                    Rank::B,
                    "every sender of PROXY headers is believed, as before; name yours in `proxy_protocol.from`",
                )
            }
            "maxconn" => match value.parse::<u64>() {
                Ok(most @ 1..=1_000_000) => {
                    keys.set("max_connections", most.to_string());
                    continue;
                }
                _ => (Rank::B, "is no number from 1 to 1000000"),
            },
            "proto" => {
                keys.set("http2", literal(if *value == "h2" { "only" } else { "off" }));
                continue;
            }
            "crt-list" | "generate-certificates" | "ca-sign-file" | "crt-ignore-err" | "ca-ignore-err" => {
                (Rank::B, "certificates are named one by one in `certificates`")
            }
            "transparent" | "interface" | "namespace" => {
                (Rank::A, "the listener takes connections from everywhere")
            }
            name if ELSEWHERE.contains(&name) => continue,
            name => {
                ours.push(name);
                continue;
            }
        };
        ledger.list_piece(line.place, name, rank, why);
    }
    if !ours.is_empty() {
        let why = "the system and the proxy decide how sockets are set";
        ledger.list_piece(line.place, &ours.join(" "), Rank::C, why);
    }
}

/// The address of a `bind`.
fn socket(written: &str) -> Option<String> {
    let socket = unix(written);
    socket.or_else(|| address(written).map(|address| address.to_string()))
}

/// A Unix socket as a configuration names it, if it is one.
pub(super) fn unix(written: &str) -> Option<String> {
    let address = match written.split_once('@') {
        Some(("unix", path)) => format!("unix:{path}"),
        Some(("abns", name)) => format!("unix:@{name}"),
        _ => format!("unix:{written}"),
    };
    is_socket(&address).then_some(address)
}

fn address(written: &str) -> Option<SocketAddr> {
    let (written, all) = match written.split_once('@') {
        Some(("ipv6", rest)) => (rest, "[::]"),
        Some(("ipv4" | "tcp" | "tcp4", rest)) => (rest, "0.0.0.0"),
        Some(_) => return None,
        None => (written, "0.0.0.0"),
    };
    let (host, port) = written.rsplit_once(':')?;
    let host = match host {
        "" | "*" => all.to_owned(),
        "::" | "[::]" => "[::]".to_owned(),
        "localhost" => "127.0.0.1".to_owned(),
        host if host.contains(':') && !host.starts_with('[') => format!("[{host}]"),
        host => host.to_owned(),
    };
    format!("{host}:{port}").parse().ok().filter(|address: &SocketAddr| address.port() != 0)
}

/// Writes `[listener.tls]`; false if there is no certificate.
fn encrypt(
    ledger: &mut Ledger,
    line: &Line,
    parameters: &[(&str, &str)],
    (tls, keys): (&mut Keys, &mut Keys),
    globals: &Globals,
) -> bool {
    let get = |name: &str| parameters.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
    let mut certificates = Vec::new();
    for (_, path) in parameters.iter().filter(|(name, _)| *name == "crt") {
        let file = globals.certificate(path);
        if path.ends_with('/') || std::path::Path::new(&file).is_dir() {
            let why = "folders aren't read; name each certificate in it in `certificates`";
            ledger.list_piece(line.place, &format!("crt {path}"), Rank::B, why);
            continue;
        }
        let file = literal(&file);
        certificates.push(format!("{{ cert = {file}, key = {file} }}"));
    }
    if certificates.is_empty() {
        return false;
    }
    tls.set("certificates", value::list(certificates));
    let words: Vec<String> =
        parameters.iter().flat_map(|(name, value)| [(*name).to_owned(), (*value).to_owned()]).collect();
    if let Some(version) = min_version(&words).or(globals.min_version) {
        tls.set("min_version", literal(version));
    }
    if get("strict-sni").is_some() {
        tls.set("unknown_name", literal("refuse"));
    }
    if globals.without_tickets || get("no-tls-tickets").is_some() {
        tls.set("tickets", "false");
    } else if let Some(file) = get("tls-ticket-keys") {
        ledger.list_piece(
            line.place,
            &format!("tls-ticket-keys {file}"),
            Rank::B,
            "keys of tickets are files of 80 or 48 bytes each; see `ticket_keys`",
        );
    }
    clients(ledger, line, (get("verify"), get("ca-file"), get("crl-file")), tls, globals);
    if !get("alpn").is_some_and(|alpn| alpn.split(',').any(|protocol| protocol == "h2"))
        && keys.get("http2").is_none()
    {
        keys.set("http2", literal("off"));
    }
    true
}

fn clients(
    ledger: &mut Ledger,
    line: &Line,
    (verify, authorities, revoked): (Option<&str>, Option<&str>, Option<&str>),
    tls: &mut Keys,
    globals: &Globals,
) {
    let mode = match verify {
        Some("required") => "required",
        Some("optional") => "optional",
        _ => return,
    };
    let Some(authorities) = authorities else {
        ledger.list_piece(
            line.place,
            "verify",
            Rank::A,
            "no `ca-file` says whose certificates are accepted, so that nobody is asked for one",
        );
        return;
    };
    let mut entry = format!("ca = {}", literal(&globals.authority(authorities)));
    if let Some(revoked) = revoked {
        entry.push_str(&format!(", crl = {}", literal(&globals.authority(revoked))));
    }
    tls.set("client_auth", format!("{{ {entry}, mode = \"{mode}\" }}"));
}
