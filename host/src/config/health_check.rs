//! `[pool.NAME.health_check]`: what each backend is asked from time to time.

mod fields;
mod grpc;

use std::ops::RangeInclusive;
use std::time::Duration;

use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method};
use pointsman_core::pool::BackendProtocol;

use super::read::{Section, Value, choice, excerpt};
use super::units::{DURATION, milliseconds};

use fields::{headers, host};
pub use grpc::GrpcCheckConfig;
use grpc::grpc;

const HINT: &str = "write `[pool.NAME.health_check]` above its keys";
const STATUSES: &str = "write `expected_statuses = [\"200-299\"]`";

/// Range of the times of a check: below 10 ms, asking is an attack.
const TIMES: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_hours(1);

/// The health checks of a pool: what is asked, how often, and what follows from the answers.
#[derive(Debug, Clone, PartialEq)]
pub struct HealthCheckConfig {
    /// What is asked.
    pub kind: CheckKind,
    /// Port to ask at; that of the backend by default. A backend's `check_address` comes first.
    pub port: Option<u16>,
    /// Between two checks of a backend. `interval`, 2 s.
    pub interval: Duration,
    /// The same while a backend is about to come up or go down. `fast_interval`, 1 s or `interval` if that is less.
    pub fast_interval: Duration,
    /// For connecting and the whole answer. `timeout`, 1 s or `interval` if that is less.
    pub timeout: Duration,
    /// Passed checks in a row that bring a backend up. `rise`, 2.
    pub rise: u32,
    /// Failed checks in a row that take it down. `fall`, 3.
    pub fall: u32,
    /// What a backend is before its first check. `initial`, up.
    pub initial: InitialHealth,
}

/// How a backend is checked.
#[derive(Debug, Clone, PartialEq)]
pub enum CheckKind {
    /// By a connection, which is closed at once.
    Tcp,
    /// By a request on a connection of its own.
    Http(Box<HttpCheckConfig>),
    /// By a call of gRPC's health service, in the same way.
    Grpc(Box<GrpcCheckConfig>),
}

/// A request and what is expected of its response.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpCheckConfig {
    /// What is spoken, if that isn't what the pool speaks: where it is asked may be another server. `protocol`.
    pub protocol: Option<BackendProtocol>,
    /// `method`, GET.
    pub method: Method,
    /// `path`, `/`.
    pub path: PathAndQuery,
    /// `host`; the address that is asked by default.
    pub host: Option<HeaderValue>,
    /// `headers`; none by default.
    pub headers: HeaderMap,
    /// Statuses that pass. `expected_statuses`, 200 to 299.
    pub expected_statuses: Vec<RangeInclusive<u16>>,
    /// Text that must be in the first 64 KiB of the body. `body_contains`; none by default.
    pub body_contains: Option<String>,
}

/// What a backend is before its first check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InitialHealth {
    /// It serves, and `fall` failed checks take it down.
    Up,
    /// It gets nothing until its first check has passed.
    Down,
    /// It serves, and its first check decides.
    Unchecked,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Type {
    None,
    Tcp,
    Http,
    Grpc,
}

/// Keys of checks over HTTP alone.
const OF_HTTP: [&str; 5] = ["protocol", "method", "path", "expected_statuses", "body_contains"];

/// Keys of checks over HTTP and gRPC.
const OF_BOTH: [&str; 2] = ["host", "headers"];

/// Keys of checks over gRPC alone.
const OF_GRPC: [&str; 1] = ["service"];

/// The check; `Some(None)` if there is to be none. The backends are spoken to in this protocol.
pub(super) fn health_check(
    value: &Value<'_>,
    protocol: BackendProtocol,
) -> Option<Option<HealthCheckConfig>> {
    let written = value.entries(HINT)?;
    Section::read(value, HINT, |section| {
        let kinds = [("none", Type::None), ("tcp", Type::Tcp), ("http", Type::Http), ("grpc", Type::Grpc)];
        let kind = choice(section, "type", Type::None, &kinds);
        let (grpc, http) = if kind == Some(Type::Grpc) {
            // The keys of the other are no unknown ones.
            for key in OF_HTTP {
                let _ = section.get(key);
            }
            (grpc(section), None)
        } else {
            let _ = section.get("service");
            (None, http(section))
        };
        let port = section.get("port").is_some().then(|| section.integer("port", 1, 1..=u16::MAX));
        let check = times(section);
        refuse_misplaced(section, kind, &written);
        if kind == Some(Type::Grpc) && protocol == BackendProtocol::Http1 {
            let message = "gRPC needs HTTP/2, and the backends are spoken to in HTTP/1";
            section.fail("type", message, "write `protocol = \"h2\"` in `[pool.NAME]`");
        }
        let kind = match kind? {
            Type::None => return Some(None),
            Type::Tcp => CheckKind::Tcp,
            Type::Http => CheckKind::Http(Box::new(http?)),
            Type::Grpc => CheckKind::Grpc(Box::new(grpc?)),
        };
        let check = check?;
        Some(Some(HealthCheckConfig { kind, port, ..check }))
    })
}

/// Refuses the first key that means nothing to a check of this kind.
fn refuse_misplaced(section: &Section<'_>, kind: Option<Type>, written: &[(&str, Value<'_>)]) {
    let is_misplaced = |key: &&str| match kind {
        None => false,
        Some(Type::None) => *key != "type",
        Some(Type::Tcp) => OF_HTTP.contains(key) || OF_BOTH.contains(key) || OF_GRPC.contains(key),
        Some(Type::Http) => OF_GRPC.contains(key),
        Some(Type::Grpc) => OF_HTTP.contains(key),
    };
    let Some((key, place)) = written.iter().find(|(key, _)| is_misplaced(key)) else { return };
    match kind {
        Some(Type::Grpc) => place.fail(
            "a check of type `grpc` is a call of the health service, which has a path and an answer of its own",
            "remove it, or write `type = \"http\"`",
        ),
        Some(Type::Http | Type::Tcp) if OF_GRPC.contains(key) => {
            place.fail("only a check of type `grpc` asks for a service", "remove it, or write `type = \"grpc\"`");
        }
        Some(Type::Tcp) => {
            place.fail("a check of type `tcp` sends nothing", "remove it, or write `type = \"http\"`");
        }
        _ => section.fail(
            "type",
            "nothing is checked, in spite of the other keys",
            "write `type = \"http\"` or `type = \"tcp\"`",
        ),
    }
}

/// Everything but what is asked.
fn times(section: &mut Section<'_>) -> Option<HealthCheckConfig> {
    let interval = section.duration("interval", Duration::from_secs(2), TIMES);
    // A shorter interval alone doesn't need more keys, but two that are written have to fit.
    let usual = Duration::from_secs(1).min(interval);
    let fast_interval = section.duration("fast_interval", usual, TIMES);
    let timeout = section.duration("timeout", usual, TIMES);
    for (key, time) in [("fast_interval", fast_interval), ("timeout", timeout)] {
        if time > interval {
            let interval = DURATION.show(milliseconds(interval));
            let hint = format!("write at most `\"{interval}\"`, or raise `interval`");
            section.fail(key, format!("is more than `interval`, which is {interval}"), hint);
        }
    }
    let rise = section.integer("rise", 2, 1..=100);
    let fall = section.integer("fall", 3, 1..=100);
    let initials =
        [("up", InitialHealth::Up), ("down", InitialHealth::Down), ("unchecked", InitialHealth::Unchecked)];
    let initial = choice(section, "initial", InitialHealth::Up, &initials)?;
    let kind = CheckKind::Tcp;
    Some(HealthCheckConfig { kind, port: None, interval, fast_interval, timeout, rise, fall, initial })
}

fn http(section: &mut Section<'_>) -> Option<HttpCheckConfig> {
    let protocols = [("http1", BackendProtocol::Http1), ("h2", BackendProtocol::H2)];
    let protocols = protocols.map(|(name, protocol)| (name, Some(protocol)));
    let protocol = choice(section, "protocol", None, &protocols);
    let methods = [Method::GET, Method::HEAD, Method::OPTIONS, Method::POST];
    let methods: Vec<_> = methods.iter().map(|method| (method.as_str(), method.clone())).collect();
    let method = choice(section, "method", Method::GET, &methods);
    let path = section.get("path").map_or_else(|| Some(PathAndQuery::from_static("/")), |value| path(&value));
    let host = section.get("host").map_or(Some(None), |value| host(&value).map(Some));
    let headers = section.get("headers").map_or_else(|| Some(HeaderMap::new()), |value| headers(&value, &[]));
    let expected = section.get("expected_statuses");
    let expected = expected.map_or_else(|| Some(vec![200..=299]), |value| statuses(&value));
    let body_contains = section
        .get("body_contains")
        .map_or(Some(None), |value| value.string().map(|text| Some(text.to_owned())));
    if method == Some(Method::HEAD) && matches!(body_contains, Some(Some(_))) {
        section.fail("body_contains", "a response to HEAD has no body", "write `method = \"GET\"`");
    }
    Some(HttpCheckConfig {
        protocol: protocol?,
        method: method?,
        path: path?,
        host: host?,
        headers: headers?,
        expected_statuses: expected?,
        body_contains: body_contains?,
    })
}

fn path(value: &Value<'_>) -> Option<PathAndQuery> {
    let text = value.string()?;
    let path = text.parse().ok().filter(|_| text.starts_with('/') && !text.contains('#'));
    if path.is_none() {
        value.fail(format!("`{}` is no path", excerpt(text)), "write one such as `\"/healthz\"`");
    }
    path
}

fn statuses(value: &Value<'_>) -> Option<Vec<RangeInclusive<u16>>> {
    let items = value.items(STATUSES)?;
    if items.is_empty() {
        value.fail("no status would pass", STATUSES);
    }
    let statuses: Vec<_> = items.iter().map(status).collect();
    statuses.into_iter().collect()
}

/// `"200-299"`, `"204"` or `204`.
fn status(value: &Value<'_>) -> Option<RangeInclusive<u16>> {
    let text = match value.as_integer() {
        Some(number) => number.to_string(),
        None => value.string()?.to_owned(),
    };
    let (first, last) = text.split_once('-').unwrap_or((&text, &text));
    let range = first.parse().ok().zip(last.parse().ok()).map(|(first, last)| first..=last);
    let range = range.filter(|range| 200 <= *range.start() && *range.end() <= 599 && !range.is_empty());
    if range.is_none() {
        let hint = "write a status from 200 to 599, or a range such as `\"200-299\"`";
        value.fail(format!("`{}` is no status", excerpt(&text)), hint);
    }
    range
}
