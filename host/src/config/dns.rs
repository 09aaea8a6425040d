//! `[dns]`, and the entries of `backends` that stand for what DNS says.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use pointsman_core::backend::BackendLimits;

use super::address::{host_and_port, host_name, text};
use super::read::{Section, Unique, Value, closest, excerpt};
use super::units::{DURATION, milliseconds};

/// Range of how long an answer is believed.
const TTL: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(24);

/// Range of the time that a question may take.
const ASKING: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(60);

/// Most servers: more of them would only be asked after the time is over.
const MAX_SERVERS: usize = 8;

/// `[dns]`: how names are resolved while the proxy runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsConfig {
    /// Whom to ask, up to 8. Those of `/etc/resolv.conf`, with its search list, if there is none.
    pub servers: Vec<SocketAddr>,
    /// From a question to its answer, over all servers and tries. `timeout`, 4 s.
    pub timeout: Duration,
    /// An answer holds for at least this long, whatever its TTL. `min_ttl`, 5 s.
    pub min_ttl: Duration,
    /// An answer holds for no longer than this; not below `min_ttl`. `max_ttl`, 5 min.
    pub max_ttl: Duration,
}

impl Default for DnsConfig {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            timeout: Duration::from_secs(4),
            min_ttl: Duration::from_secs(5),
            max_ttl: Duration::from_secs(300),
        }
    }
}

/// An entry of `backends` that stands for every backend that DNS tells under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscoveredConfig {
    /// What the names of its backends begin with; the host if none is given.
    pub name: String,
    /// What is asked.
    pub question: Question,
    /// Share of requests of each backend in relation to the others, 1 to 1,000.
    pub weight: u32,
    /// Where each of them stands; empty if not given.
    pub zone: String,
    /// Free key-value pairs of each of them, in the order of the file.
    pub labels: Vec<(String, String)>,
    /// What each of them may have in the place of what the pool says.
    pub limits: BackendLimits,
    /// They serve only when no other backend is eligible.
    pub backup: bool,
    /// They get nothing new.
    pub draining: bool,
}

/// What DNS is asked for an entry. Names are as they are written; a dot at the end keeps the search list out.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Question {
    /// `resolve = "each"`: all addresses of a host.
    Each {
        /// The host.
        host: String,
        /// The port on each address.
        port: u16,
    },
    /// `resolve = "srv"`: all servers of a service, such as `_http._tcp.example.com`.
    Srv {
        /// The service's name.
        service: String,
    },
}

impl Question {
    /// The name that is asked for, without a dot at the end.
    #[must_use]
    pub fn host(&self) -> &str {
        let (Self::Each { host: name, .. } | Self::Srv { service: name }) = self;
        name.trim_end_matches('.')
    }
}

impl fmt::Display for Question {
    /// As it is written in `address`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Each { port, .. } => write!(f, "{}:{port}", self.host()),
            Self::Srv { .. } => f.write_str(self.host()),
        }
    }
}

/// The section.
pub(super) fn dns(value: &Value<'_>) -> Option<DnsConfig> {
    let default = DnsConfig::default();
    Section::read(value, "write `[dns]` above its keys", |section| {
        let servers = section.get("servers").map_or_else(|| Some(Vec::new()), |value| servers(&value));
        let timeout = section.duration("timeout", default.timeout, ASKING);
        let min_ttl = section.duration("min_ttl", default.min_ttl, TTL);
        let max_ttl = section.duration("max_ttl", default.max_ttl.max(min_ttl), TTL);
        if min_ttl > max_ttl {
            let least = DURATION.show(milliseconds(min_ttl));
            let hint = format!("write at least `\"{least}\"`, or lower `min_ttl`");
            section.fail("max_ttl", format!("is less than `min_ttl`, which is {least}"), hint);
        }
        Some(DnsConfig { servers: servers?, timeout, min_ttl, max_ttl })
    })
}

fn servers(value: &Value<'_>) -> Option<Vec<SocketAddr>> {
    let items = value.items("write `servers = [\"10.0.0.53:53\"]`")?;
    if items.len() > MAX_SERVERS {
        value.fail(format!("has {} servers", items.len()), format!("name at most {MAX_SERVERS}"));
    }
    let mut unique = Unique::new();
    let server = |item: &Value<'_>| {
        let text = text(item, "10.0.0.53")?;
        let address = text.parse().ok().or_else(|| Some(SocketAddr::new(text.parse().ok()?, 53)));
        if address.is_none_or(|address| address.port() == 0) {
            let message = format!("`{}` is no address of a DNS server", excerpt(text));
            item.fail(message, "write an IP address, with a port if it isn't 53: `\"10.0.0.53:5353\"`");
            return None;
        }
        address
    };
    let servers: Vec<_> = items
        .iter()
        .map(|item| server(item).filter(|address| unique.add(*address, item, "name each server once")))
        .collect();
    servers.into_iter().collect()
}

/// What to ask for an entry with `resolve`.
pub(super) fn question(resolve: &Value<'_>, address: &Value<'_>) -> Option<Question> {
    const WAYS: [&str; 2] = ["each", "srv"];
    match resolve.string()? {
        "each" => each(address),
        "srv" => srv(address),
        word => {
            let hint = match closest(word, WAYS.into_iter()) {
                Some(way) => format!("did you mean `\"{way}\"`?"),
                None => "write `\"each\"` for all addresses of a host, `\"srv\"` for all servers of a service, or \
                         leave `resolve` out to look a host up once"
                    .into(),
            };
            resolve.fail(format!("`{}` is no way to resolve a name", excerpt(word)), hint);
            None
        }
    }
}

fn each(address: &Value<'_>) -> Option<Question> {
    let text = text(address, "10.0.0.1")?;
    if is_ip(text) {
        address.fail(format!("`{text}` is an IP address: there is nothing to resolve"), "remove `resolve`");
        return None;
    }
    if text.starts_with('_') && !text.contains(':') {
        let message = format!("`{}` has no port", excerpt(text));
        address.fail(message, "write one behind it, or `resolve = \"srv\"` if it is a service");
        return None;
    }
    let (host, port) = host_and_port(address, text)?;
    Some(Question::Each { host: host.to_ascii_lowercase(), port })
}

fn srv(address: &Value<'_>) -> Option<Question> {
    const HINT: &str = "write one such as `\"_http._tcp.example.com\"`";
    let text = address.string()?;
    if is_ip(text) {
        address.fail(format!("`{text}` is an IP address: there is nothing to resolve"), "remove `resolve`");
        return None;
    }
    if let Some((service, port)) = text.rsplit_once(':')
        && port.bytes().all(|byte| byte.is_ascii_digit())
    {
        let message = format!("`{}` has a port, which SRV records tell", excerpt(text));
        address.fail(message, format!("write `\"{}\"`", excerpt(service)));
        return None;
    }
    if let Err(message) = host_name(text.strip_suffix('.').unwrap_or(text)) {
        address.fail(message, HINT);
        return None;
    }
    let mut labels = text.split('.');
    let underscored = |label: Option<&str>| label.is_some_and(|label| label.starts_with('_'));
    if !underscored(labels.next()) || !underscored(labels.next()) || labels.next().is_none() {
        address.fail(format!("`{}` is no name of a service", excerpt(text)), HINT);
        return None;
    }
    Some(Question::Srv { service: text.to_ascii_lowercase() })
}

/// With a port or without.
fn is_ip(text: &str) -> bool {
    text.parse::<SocketAddr>().is_ok() || text.parse::<IpAddr>().is_ok()
}
