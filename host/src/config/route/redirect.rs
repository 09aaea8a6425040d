//! `redirect` of a route.

use http::StatusCode;
use pointsman_core::route::{PathChange, QueryChange, RoutePattern, TargetChange};

use super::super::address::host_name;
use super::super::read::{Section, Value, choice_of, excerpt};
use super::target_change::{query_text, target_change, whole_path};

const HINT: &str = "write a URL such as `redirect = \"https://www.example.com\"`, or a table with what is different, such as \
                    `redirect = { scheme = \"https\" }`";

/// Where the requests of a route are to be made instead. What isn't given is as in the request.
#[derive(Debug, Clone, PartialEq)]
pub struct Redirect {
    /// 302, if no other is given: what is remembered for good is hard to take back.
    pub status: StatusCode,
    /// `http` or `https`.
    pub scheme: Option<&'static str>,
    /// As it goes over the wire, an IPv6 address in brackets.
    pub host: Option<String>,
    /// Without one, that which is usual for the scheme.
    pub port: Option<u16>,
    /// Path and query.
    pub target: TargetChange,
}

impl Redirect {
    /// Whether the answer names scheme and host, and not only a path of the same place.
    #[must_use]
    pub fn is_absolute(&self) -> bool {
        self.scheme.is_some() || self.host.is_some() || self.port.is_some()
    }
}

/// Reads `redirect` of a route with this pattern.
pub(super) fn redirect(value: &Value<'_>, pattern: Option<&RoutePattern>) -> Option<Redirect> {
    let redirect = match value.raw().as_str() {
        Some(_) => from_url(value, pattern?),
        None => Section::read(value, HINT, |section| from_table(section, pattern)),
    }?;
    if !redirect.is_absolute() && redirect.target == TargetChange::default() {
        value.fail("leads back to the same URL", HINT);
        return None;
    }
    Some(redirect)
}

fn from_table(section: &mut Section<'_>, pattern: Option<&RoutePattern>) -> Option<Redirect> {
    let status = section.get("status").map_or(Some(StatusCode::FOUND), |value| status(&value));
    let scheme = section.get("scheme").map_or(Some(None), |value| scheme(&value).map(Some));
    let host = section.get("host").map_or(Some(None), |value| host(&value, value.string()?).map(Some));
    let port = section.get("port").map_or(Some(None), |value| value.integer(1..=u16::MAX).map(Some));
    let target = target_change(section, pattern);
    Some(Redirect { status: status?, scheme: scheme?, host: host?, port: port?, target: target? })
}

/// Whether clients follow a response with this status to another place (RFC 9110 section 15.4).
#[must_use]
pub fn leads_elsewhere(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

fn status(value: &Value<'_>) -> Option<StatusCode> {
    let number = value.integer(300..=399u16)?;
    if !leads_elsewhere(number) {
        let hint = "write 302 or 307 for now, 301 or 308 for good, where 307 and 308 keep method and body; or 303 for a page to get";
        value.fail(format!("{number} leads nowhere"), hint);
        return None;
    }
    StatusCode::from_u16(number).ok()
}

fn scheme(value: &Value<'_>) -> Option<&'static str> {
    choice_of(value, &[("http", "http"), ("https", "https")])
}

fn host(value: &Value<'_>, text: &str) -> Option<String> {
    let shown = excerpt(text);
    let bracketed = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if bracketed.is_some_and(|ip| ip.parse::<std::net::Ipv6Addr>().is_ok()) {
        return Some(text.to_ascii_lowercase());
    }
    let name = if text.contains('$') {
        Err(format!("`{shown}` has a capture: where a request leads to is no choice of the client's"))
    } else {
        host_name(text)
    };
    match name {
        Ok(()) => Some(text.to_ascii_lowercase()),
        Err(message) => {
            value.fail(message, "write one such as `\"www.example.com\"`, or leave it out: what isn't given stays the request's");
            None
        }
    }
}

/// A URL of scheme, host and what follows, or of a path alone.
fn from_url(value: &Value<'_>, pattern: &RoutePattern) -> Option<Redirect> {
    let text = value.string()?;
    let mut redirect = Redirect {
        status: StatusCode::FOUND,
        scheme: None,
        host: None,
        port: None,
        target: TargetChange::default(),
    };
    let mut target = text;
    if let Some((name, rest)) = text.split_once("://") {
        redirect.scheme = match name {
            "http" => Some("http"),
            "https" => Some("https"),
            _ => {
                value.fail(format!("`{}` is no URL of HTTP", excerpt(text)), HINT);
                return None;
            }
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (name, port) = match authority.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
            _ => (authority, None),
        };
        redirect.host = Some(host(value, name)?);
        redirect.port = match port.map(str::parse::<u16>) {
            None => None,
            Some(Ok(port)) if port > 0 => Some(port),
            Some(_) => {
                value.fail(
                    format!("`{}` has no port from 1 to 65535", excerpt(authority)),
                    "mend it, or leave it out",
                );
                return None;
            }
        };
        target = path;
    }
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    if !path.is_empty() {
        redirect.target.path = Some(whole_path(value, path, pattern)?);
    }
    redirect.target.query = match query {
        None => QueryChange::Keep,
        Some("") => QueryChange::Drop,
        Some(query) => QueryChange::Set(query_text(value, query, pattern)?),
    };
    Some(redirect)
}

impl Redirect {
    /// A path that requests surely have afterwards, as far as that is known, if it isn't what it was.
    pub(super) fn new_path(&self) -> Option<Option<String>> {
        match &self.target.path {
            None => None,
            Some(PathChange::Whole(template)) => Some(template.literal()),
            Some(PathChange::Prefix(change)) => Some(Some(format!("{}/", change.replacement()))),
        }
    }
}
