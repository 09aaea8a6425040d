//! `server`: where it listens, for which hosts, and what it is there for.

use std::net::SocketAddr;

use super::super::ledger::{Ledger, Rank};
use super::super::listing::is_socket;
use super::super::value::is_host;
use super::scope::Scope;
use super::tree::Directive;

/// A `listen`.
#[derive(Debug, Clone)]
pub(super) struct Listen<'a> {
    pub(super) directive: Option<&'a Directive>,
    /// `IP:port`, or that of a Unix socket.
    pub(super) address: String,
    pub(super) is_default: bool,
    pub(super) has_tls: bool,
    pub(super) has_http2: bool,
    pub(super) has_proxy_header: bool,
}

/// For whom a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Name {
    Exact(String),
    /// Every host below this domain.
    Below(String),
}

/// What a server is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It serves some requests.
    Serves,
    /// It sends everybody to HTTPS, at the same host and path.
    RedirectsToHttps,
    /// It serves nobody.
    Refuses,
}

/// A `server` of HTTP.
#[derive(Debug, Clone)]
pub(super) struct Server<'a> {
    pub(super) directive: &'a Directive,
    pub(super) scope: Scope<'a>,
    pub(super) listens: Vec<Listen<'a>>,
    pub(super) names: Vec<Name>,
    pub(super) purpose: Purpose,
    /// Whether requests in clear are sent to HTTPS, though it serves.
    pub(super) redirects_clear: bool,
}

pub(super) fn read<'a>(ledger: &mut Ledger, outer: &Scope<'a>, directive: &'a Directive) -> Server<'a> {
    let scope = outer.inside(directive);
    let has_tls = scope.find("ssl").is_some_and(|ssl| ssl.arg(0) == "on");
    let has_http2 = scope.find("http2").is_some_and(|http2| http2.arg(0) == "on");
    for name in ["ssl", "http2"] {
        scope.own(name).for_each(|found| ledger.carry(found.place));
    }
    let mut listens: Vec<Listen<'a>> = Vec::new();
    let mut has_listen = false;
    for found in scope.own("listen") {
        has_listen = true;
        if let Some(mut listen) = listen(ledger, found) {
            listen.has_tls |= has_tls;
            listen.has_http2 |= has_http2;
            listens.push(listen);
        }
    }
    if !has_listen {
        let address = "0.0.0.0:80".to_owned();
        listens.push(Listen {
            directive: None,
            address,
            is_default: false,
            has_tls,
            has_http2,
            has_proxy_header: false,
        });
    }
    let names = scope.own("server_name").flat_map(|found| names(ledger, found)).collect();
    let (purpose, redirects_clear) = purpose(ledger, &scope);
    Server { directive, scope, listens, names, purpose, redirects_clear }
}

fn listen<'a>(ledger: &mut Ledger, directive: &'a Directive) -> Option<Listen<'a>> {
    let written = directive.arg(0);
    let place = directive.place;
    let Some(address) = socket(written) else {
        ledger.list(place, Rank::B, "a listener has an IP address and a port, or a Unix socket with its whole path; clients find nobody there");
        return None;
    };
    let mut listen = Listen {
        directive: Some(directive),
        address,
        is_default: false,
        has_tls: false,
        has_http2: false,
        has_proxy_header: false,
    };
    let mut rest = Vec::new();
    for arg in directive.args.iter().skip(1) {
        match arg.as_str() {
            "default_server" | "default" => listen.is_default = true,
            "ssl" => listen.has_tls = true,
            "http2" => listen.has_http2 = true,
            "proxy_protocol" => listen.has_proxy_header = true,
            "ipv6only=off" => {
                let why = "the listener takes IPv6 only; add one at 0.0.0.0 with the same port";
                ledger.list_piece(place, arg, Rank::B, why);
            }
            "quic" | "http3" | "spdy" | "udp" => {
                ledger.list(place, Rank::B, "isn't spoken; clients use HTTP/2 over TCP");
                return None;
            }
            _ => rest.push(arg.as_str()),
        }
    }
    if !rest.is_empty() {
        ledger.list_piece(
            place,
            &rest.join(" "),
            Rank::C,
            "the system and the proxy decide how sockets are set",
        );
    }
    ledger.carry(place);
    Some(listen)
}

/// The address of a `listen`.
fn socket(written: &str) -> Option<String> {
    if written.starts_with("unix:") {
        return is_socket(written).then(|| written.to_owned());
    }
    address(written).map(|address| address.to_string())
}

fn address(written: &str) -> Option<SocketAddr> {
    if let Ok(port) = written.parse::<u16>() {
        return Some(SocketAddr::from(([0, 0, 0, 0], port))).filter(|_| port != 0);
    }
    let all = |host: &str, rest: &str| match host {
        "*" => format!("0.0.0.0{rest}"),
        "localhost" => format!("127.0.0.1{rest}"),
        host => format!("{host}{rest}"),
    };
    let text = match written.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() && (!host.contains(':') || host.ends_with(']')) => {
            all(host, &format!(":{port}"))
        }
        _ => all(written, ":80"),
    };
    text.parse().ok().filter(|address: &SocketAddr| address.port() != 0)
}

fn names(ledger: &mut Ledger, directive: &Directive) -> Vec<Name> {
    let mut names = Vec::new();
    for written in &directive.args {
        let name = written.to_ascii_lowercase();
        let piece =
            |ledger: &mut Ledger, why: &str| ledger.list_piece(directive.place, written, Rank::B, why);
        if let Some(domain) = name.strip_prefix("*.").filter(|domain| is_host(domain)) {
            names.push(Name::Below(domain.to_owned()));
        } else if let Some(domain) = name.strip_prefix('.').filter(|domain| is_host(domain)) {
            names.push(Name::Exact(domain.to_owned()));
            names.push(Name::Below(domain.to_owned()));
        } else if name.starts_with('~') {
            piece(
                ledger,
                "hosts aren't compared with regular expressions; its requests find no route. Write its names, or `*.` and a domain",
            );
        } else if name.ends_with(".*") {
            piece(
                ledger,
                "the end of a host can't be left open; its requests find no route. Write its names",
            );
        } else if name == "_" || name.is_empty() || name == "$hostname" {
            ledger.carry(directive.place);
        } else if is_host(&name) {
            names.push(Name::Exact(name));
        } else {
            piece(ledger, "is no host name; its requests find no route");
        }
    }
    if !names.is_empty() {
        ledger.carry(directive.place);
    }
    names
}

/// What the server does with every request, and whether it sends those in clear to HTTPS.
fn purpose(ledger: &mut Ledger, scope: &Scope<'_>) -> (Purpose, bool) {
    let answer = scope.own("return").next();
    let conditions: Vec<_> = scope.own("if").collect();
    let mut redirects_clear = false;
    let mut redirects_some = false;
    for condition in &conditions {
        let Some(answer) = condition.children().iter().find(|child| child.name == "return") else { continue };
        let only = condition.children().len() == 1;
        if only && is_redirect_to_https(answer) && asks_for_clear(condition) {
            redirects_clear = true;
            redirected(ledger, condition, answer);
        } else if only && is_redirect_to_https(answer) && condition.arg(0).starts_with("($host") {
            redirects_some = true;
            redirected(ledger, condition, answer);
        }
    }
    let locations: Vec<_> = scope.own("location").collect();
    if let Some(answer) = answer {
        if is_redirect_to_https(answer) {
            redirected(ledger, answer, answer);
            return (Purpose::RedirectsToHttps, false);
        }
        let status: u16 = answer.arg(0).parse().unwrap_or(0);
        if (400..=599).contains(&status) {
            if redirects_some {
                ledger.list(answer.place, Rank::B, "other hosts are sent to HTTPS as well");
                return (Purpose::RedirectsToHttps, false);
            }
            return (Purpose::Refuses, false);
        }
        return (Purpose::Serves, redirects_clear);
    }
    if scope.own("ssl_reject_handshake").any(|found| found.arg(0) == "on") && locations.is_empty() {
        return (Purpose::Refuses, false);
    }
    // One location that redirects all, and perhaps others for what must be served in clear.
    let all = locations.iter().find(|location| location.args.as_slice() == ["/"]);
    let answer = all.and_then(|all| all.children().iter().find(|child| child.name == "return"));
    let serves = locations
        .iter()
        .any(|location| location.children().iter().any(|child| child.name.ends_with("_pass")));
    if let (Some(all), Some(answer), false) = (all, answer, serves)
        && is_redirect_to_https(answer)
    {
        ledger.carry(all.place);
        redirected(ledger, answer, answer);
        return (Purpose::RedirectsToHttps, false);
    }
    (Purpose::Serves, redirects_clear)
}

fn asks_for_clear(condition: &Directive) -> bool {
    let asked = condition.args.join(" ");
    [
        "($scheme = http)",
        "($scheme != https)",
        "($https = '')",
        "($https = )",
        "($scheme = http )",
        "($https != on)",
    ]
    .contains(&asked.replace('"', "").as_str())
}

fn redirected(ledger: &mut Ledger, around: &Directive, answer: &Directive) {
    ledger.carry(around.place);
    ledger.carry(answer.place);
    if answer.arg(0) != "308" {
        let why = "the listener redirects with 308, so that methods stay";
        ledger.near(answer.place, why);
    }
}

/// Whether an answer sends the client to the same host and path over HTTPS.
fn is_redirect_to_https(answer: &Directive) -> bool {
    let target = match answer.arg(0) {
        "301" | "302" | "307" | "308" => answer.arg(1),
        _ => return false,
    };
    let rest = target.strip_prefix("https://").unwrap_or_default();
    [
        "$host$request_uri",
        "$http_host$request_uri",
        "$server_name$request_uri",
        "${host}$request_uri",
        "$host:443$request_uri",
    ]
    .contains(&rest)
}
