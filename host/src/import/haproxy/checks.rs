//! Health checks: `check` of servers, `option httpchk`, `http-check`.

use super::super::draft::PoolDraft;
use super::super::ledger::{Ledger, Rank};
use super::super::{listing, value};
use super::chain::Chain;
use super::quantity;
use super::sections::Line;
use super::server::Server;
use super::timeout::time;
use crate::config::literal;

const HOUR_MS: u64 = 3_600_000;

/// Where a server's health is asked, if not where requests go.
pub(super) fn address(ledger: &mut Ledger, server: &Server<'_>) -> Option<String> {
    let (port, addr) = (server.parameters.get("port"), server.parameters.get("addr"));
    if port.is_none() && addr.is_none() || !server.parameters.has("check") {
        return None;
    }
    let (host, own_port) = server.address.rsplit_once(':')?;
    let host = addr.unwrap_or(host);
    let host =
        if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() };
    let address = format!("{host}:{}", port.unwrap_or(own_port));
    if server.places.is_some()
        || server.parameters.has("resolvers")
        || server.parameters.get("init-addr") == Some("none")
    {
        // A name that is followed has no address of its own to ask.
        let why = "backends that are found by DNS are asked at their own address; set `port` of the check if it is another one for all";
        ledger.list_piece(server.line.place, "port", Rank::B, why);
        return None;
    }
    if listing::is_address(&address) {
        return Some(address);
    }
    ledger.list_piece(server.line.place, "addr", Rank::B, "is no address with a port");
    None
}

/// The check of the pool, if any server has one.
pub(super) fn write(ledger: &mut Ledger, chain: &Chain<'_>, servers: &[Server<'_>], pool: &mut PoolDraft) {
    let checked: Vec<&Server<'_>> = servers.iter().filter(|server| server.parameters.has("check")).collect();
    let Some(first) = checked.first() else { return };
    for server in servers.iter().filter(|server| !server.parameters.has("check")) {
        ledger.list_piece(
            server.line.place,
            server.name,
            Rank::B,
            "all backends of a pool are checked, or none; this one is now, too",
        );
    }
    pool.health_check.set("type", literal("tcp"));
    if let Some(line) = chain.option("httpchk") {
        http(ledger, chain, line, pool);
    }
    times(ledger, chain, first, pool);
    for server in &checked {
        for name in ["inter", "fastinter", "rise", "fall"] {
            let (own, held) = (server.own.get(name), first.parameters.get(name));
            if own.is_some() && own != held {
                ledger.list_piece(
                    server.line.place,
                    &format!("{name} {}", own.unwrap_or_default()),
                    Rank::B,
                    "all backends of a pool are asked alike, as its first one",
                );
            }
        }
    }
}

fn times(ledger: &mut Ledger, chain: &Chain<'_>, first: &Server<'_>, pool: &mut PoolDraft) {
    let of = |name: &str| first.parameters.get(name).and_then(quantity::time);
    let interval = of("inter").unwrap_or(2_000).clamp(10, HOUR_MS);
    let fast = of("fastinter").unwrap_or(interval).clamp(10, interval);
    let timeout = time(ledger, chain, "check").unwrap_or(interval).clamp(10, interval);
    let check = &mut pool.health_check;
    check.set("interval", value::duration(interval));
    check.set("fast_interval", value::duration(fast));
    check.set("timeout", value::duration(timeout));
    for (name, default) in [("rise", 2), ("fall", 3)] {
        let number = first.parameters.get(name).and_then(|text| text.parse::<u64>().ok()).unwrap_or(default);
        check.set(if name == "rise" { "rise" } else { "fall" }, number.clamp(1, 100).to_string());
    }
    for line in chain
        .all("default-server")
        .into_iter()
        .filter(|line| line.words.iter().any(|word| word == "downinter"))
    {
        ledger.list_piece(
            line.place,
            "downinter",
            Rank::C,
            "backends that are down are asked as often as others",
        );
    }
}

/// `option httpchk [METHOD] URI [VERSION]`, and what `http-check` adds.
fn http(ledger: &mut Ledger, chain: &Chain<'_>, line: &Line, pool: &mut PoolDraft) {
    ledger.carry(line.place);
    let mut request = Request::default();
    match line.words.len() {
        0..=2 => {}
        3 => request.path = line.word(2).to_owned(),
        _ => {
            request.method = line.word(2).to_owned();
            request.path = line.word(3).to_owned();
            // Older configurations have header fields in the version.
            let fields = line.word(4).split("\r\n").skip(1);
            fields.filter_map(|field| field.split_once(':')).for_each(|(name, value)| {
                request.fields.push((name.trim().to_owned(), value.trim().to_owned()));
            });
        }
    }
    let send = chain.nearest("http-check send");
    for found in &send {
        ledger.carry(found.place);
        request.send(ledger, found);
    }
    let check = &mut pool.health_check;
    if !["GET", "HEAD", "OPTIONS", "POST"].contains(&request.method.as_str()) {
        ledger.near(line.place, "checks ask by GET, HEAD, OPTIONS or POST; this one asks by GET");
        request.method = "GET".into();
    }
    check.set("type", literal("http"));
    check.set("method", literal(&request.method));
    let path = if request.path.starts_with('/') { request.path } else { "/".to_owned() };
    let is_plain = path.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}#".contains(&byte));
    check.set("path", literal(if is_plain { &path } else { "/" }));
    check.set("expected_statuses", "[\"200-399\"]");
    fields(ledger, line, request.fields, pool);
    for found in chain.nearest("http-check expect") {
        expect(ledger, found, pool);
    }
    for found in chain.nearest("http-check") {
        if ledger.is_open(found.place) {
            ledger.list(found.place, Rank::B, "a check is one request and its answer");
        }
    }
}

/// What a check sends.
#[derive(Debug)]
struct Request {
    method: String,
    path: String,
    fields: Vec<(String, String)>,
}

impl Default for Request {
    fn default() -> Self {
        Self { method: "OPTIONS".into(), path: "/".into(), fields: Vec::new() }
    }
}

impl Request {
    fn send(&mut self, ledger: &mut Ledger, line: &Line) {
        let mut words = line.words[2..].iter().map(String::as_str);
        while let Some(word) = words.next() {
            match word {
                "meth" => self.method = words.next().unwrap_or("GET").to_owned(),
                "uri" => self.path = words.next().unwrap_or("/").to_owned(),
                "ver" => {
                    words.next();
                }
                "hdr" => {
                    let name = words.next().unwrap_or_default().to_owned();
                    self.fields.push((name, words.next().unwrap_or_default().to_owned()));
                }
                "body" | "uri-lf" | "body-lf" => {
                    words.next();
                    ledger.list_piece(line.place, word, Rank::B, "a check has a fixed path and no body");
                }
                _ => ledger.list_piece(line.place, word, Rank::B, "isn't carried over"),
            }
        }
    }
}

fn fields(ledger: &mut Ledger, line: &Line, fields: Vec<(String, String)>, pool: &mut PoolDraft) {
    let mut others = Vec::new();
    for (name, value) in fields {
        let is_good = !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !value.contains('%')
            && value.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        let is_framing = ["connection", "content-length", "transfer-encoding", "upgrade", "te"]
            .contains(&name.to_ascii_lowercase().as_str());
        if !is_good || is_framing {
            ledger.list_piece(
                line.place,
                &format!("hdr {name}"),
                Rank::B,
                "is no fixed field that a check can have",
            );
        } else if name.eq_ignore_ascii_case("host") {
            match value::is_host(value.rsplit_once(':').map_or(&value, |(host, _)| host)) {
                true => pool.health_check.set("host", literal(&value)),
                false => ledger.list_piece(line.place, &format!("hdr {name}"), Rank::B, "is no host"),
            }
        } else if !others.iter().any(|other: &String| {
            other.to_ascii_lowercase().starts_with(&format!("{} =", value::key(&name.to_ascii_lowercase())))
        }) {
            others.push(format!("{} = {}", value::key(&name.to_ascii_lowercase()), literal(&value)));
        }
    }
    if !others.is_empty() {
        pool.health_check.set("headers", format!("{{ {} }}", others.join(", ")));
    }
}

/// `http-check expect status 200`, `rstatus ^(200|204)$`, `string OK`.
fn expect(ledger: &mut Ledger, line: &Line, pool: &mut PoolDraft) {
    let words: Vec<&str> = line.words[2..].iter().map(String::as_str).collect();
    let check = &mut pool.health_check;
    match words.as_slice() {
        ["status", wanted] => {
            let ranges: Option<Vec<String>> = wanted.split(',').map(range).collect();
            if let Some(ranges) = ranges {
                check.set("expected_statuses", value::list(ranges));
                return ledger.carry(line.place);
            }
        }
        ["rstatus", regex] => {
            let inner = regex
                .trim_start_matches('^')
                .trim_end_matches('$')
                .trim_start_matches('(')
                .trim_end_matches(')');
            let plain: Option<Vec<String>> = inner.split('|').map(class).collect();
            if let Some(plain) = plain {
                check.set("expected_statuses", value::list(plain));
                return ledger.carry(line.place);
            }
        }
        ["string", text] if !text.is_empty() => {
            check.set("body_contains", literal(text));
            return ledger.carry(line.place);
        }
        _ => {}
    }
    ledger.list(
        line.place,
        Rank::B,
        "a check passes by its status or a text in its body; any from 200 to 399 passes now",
    );
}

fn status(text: &str) -> Option<u16> {
    text.parse::<u16>().ok().filter(|status| (200..=599).contains(status))
}

fn range(text: &str) -> Option<String> {
    match text.split_once('-') {
        Some((first, last)) => {
            let (first, last) = (status(first)?, status(last)?);
            (first <= last).then(|| format!("\"{first}-{last}\""))
        }
        None => status(text).map(|status| status.to_string()),
    }
}

/// A status, or a class such as `2..`.
fn class(text: &str) -> Option<String> {
    if let Some(status) = status(text) {
        return Some(status.to_string());
    }
    let digit = text
        .strip_suffix("..")
        .or_else(|| text.strip_suffix("[0-9][0-9]"))
        .or_else(|| text.strip_suffix("[0-9]{2}"))?;
    let digit = digit.parse::<u16>().ok().filter(|digit| (2..=5).contains(digit))?;
    Some(format!("\"{digit}00-{digit}99\""))
}
