//! `[limit.NAME]`: how often, and how many at a time, requests may come that have something in common.

use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::time::Duration;

use http::StatusCode;
use http::header::HeaderName;
use pointsman_core::request_limit::{ClientPrefix, KeyPart, LimitKey, LimitSettings, MissingKey, Rate};

use super::read::{Section, Value, choice, excerpt, list};

const HINT: &str = "write `[limit.NAME]` above its keys";
const KEYS: &str = "write `\"client\"`, `\"host\"`, `\"path\"`, `\"header:NAME\"`, `\"cookie:NAME\"`, `\"query:NAME\"`, a list of \
                    those, or `\"all\"` for all requests together";
const RATE: &str = "write a whole number, a slash and one of s, m, h or d, such as `\"100/s\"`";

/// Range of what may come at once, or run at a time.
const REQUESTS: RangeInclusive<u32> = 1..=1_000_000;

/// Range of `max_keys`; there are 48 bytes for each.
const MAX_KEYS: RangeInclusive<usize> = 1..=10_000_000;

/// `[limit.NAME]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitConfig {
    /// The table's name.
    pub name: String,
    /// The limit.
    pub settings: LimitSettings,
}

/// The limits in the order of the file with their names; a limit is none if something in it is wrong.
pub(super) fn limits<'a>(root: &mut Section<'a>) -> Vec<(&'a str, Value<'a>, Option<LimitConfig>)> {
    let entries = root.get("limit").and_then(|value| value.entries(HINT)).unwrap_or_default();
    let read = |(name, value)| {
        let config = limit(name, &value);
        (name, value, config)
    };
    entries.into_iter().map(read).collect()
}

fn limit(name: &str, value: &Value<'_>) -> Option<LimitConfig> {
    let named = value.is_name(name);
    Section::read(value, HINT, |section| {
        let parts = section.required("key", "key = \"client\"").and_then(|value| parts(&value));
        let rate = rate(section);
        let concurrency = section.get("concurrency").and_then(|value| value.integer(REQUESTS));
        if section.get("rate").is_none() && section.get("concurrency").is_none() {
            let hint = "write `rate = \"100/s\"`, `concurrency = 20`, or both";
            section.fail("rate", "is missing, and so is `concurrency`: nothing is limited", hint);
        }
        let missing = [("share", MissingKey::Share), ("pass", MissingKey::Pass)];
        let missing = choice(section, "missing", MissingKey::default(), &missing);
        let client = section
            .get("client_prefix")
            .map_or_else(|| Some(ClientPrefix::default()), |value| prefix(&value));
        let max_keys = section.integer("max_keys", 100_000, MAX_KEYS);
        let status = section.integer("status", 429, 400..=599);
        let dry_run = section.boolean("dry_run", false);
        let parts = parts?;
        refuse_without_effect(section, &parts);
        let settings = LimitSettings {
            key: LimitKey { parts, client: client?, missing: missing? },
            rate: rate?,
            concurrency: concurrency.and_then(NonZeroU32::new),
            max_keys,
            status: StatusCode::from_u16(status).ok()?,
            dry_run,
        };
        named.then(|| LimitConfig { name: name.to_owned(), settings })
    })
}

/// Records keys that this key of the limit leaves without effect.
fn refuse_without_effect(section: &mut Section<'_>, parts: &[KeyPart]) {
    let may_miss =
        |part: &KeyPart| matches!(part, KeyPart::Header(_) | KeyPart::Cookie(_) | KeyPart::Query(_));
    for (key, has_effect, fault) in [
        ("client_prefix", parts.contains(&KeyPart::Client), "has no effect: the client is no part of `key`"),
        ("missing", parts.iter().any(may_miss), "has no effect: what is in `key` is never missing"),
        ("max_keys", !parts.is_empty(), "has no effect: all requests have the same key"),
    ] {
        if section.get(key).is_some() && !has_effect {
            section.fail(key, fault, "leave it out, or correct `key`");
        }
    }
}

fn parts(value: &Value<'_>) -> Option<Vec<KeyPart>> {
    if value.raw().as_str() == Some("all") {
        return Some(Vec::new());
    }
    let parts = value.one_or_more(part)?;
    if let Some(twice) = parts.iter().enumerate().find(|(place, part)| parts[..*place].contains(part)) {
        value.fail(format!("has `{}` twice", twice.1), "remove one of them");
        return None;
    }
    Some(parts)
}

fn part(value: &Value<'_>) -> Option<KeyPart> {
    let text = value.string()?;
    let part = match text.split_once(':') {
        None => match text {
            "client" => Some(KeyPart::Client),
            "host" => Some(KeyPart::Host),
            "path" => Some(KeyPart::Path),
            _ => None,
        },
        Some(("header", name)) => HeaderName::from_bytes(name.as_bytes()).ok().map(KeyPart::Header),
        Some(("cookie", name)) if !name.is_empty() => Some(KeyPart::Cookie(name.to_owned())),
        Some(("query", name)) if !name.is_empty() => Some(KeyPart::Query(name.to_owned())),
        Some(_) => None,
    };
    if part.is_none() {
        value.fail(format!("`{}` is nothing that requests have in common", excerpt(text)), KEYS);
    }
    part
}

/// `rate` and `burst`; `None` if one of them is wrong.
fn rate(section: &mut Section<'_>) -> Option<Option<Rate>> {
    let burst = section.get("burst");
    let Some(value) = section.get("rate") else {
        if burst.is_some() {
            section.fail(
                "burst",
                "has no effect without a `rate`",
                "write `rate = \"100/s\"`, or leave it out",
            );
        }
        return Some(None);
    };
    let (requests, per) = requests_per(&value)?;
    let burst = match burst {
        Some(burst) => NonZeroU32::new(burst.integer(REQUESTS)?)?,
        None => requests,
    };
    Some(Some(Rate { requests, per, burst }))
}

fn requests_per(value: &Value<'_>) -> Option<(NonZeroU32, Duration)> {
    let text = value.string()?;
    let (number, unit) = text.split_once('/').unwrap_or((text, ""));
    let per = match unit {
        "s" => Some(Duration::from_secs(1)),
        "m" => Some(Duration::from_mins(1)),
        "h" => Some(Duration::from_hours(1)),
        "d" => Some(Duration::from_hours(24)),
        _ => None,
    };
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let Some(per) = per.filter(|_| digits) else {
        value.fail(format!("`{}` is no rate", excerpt(text)), RATE);
        return None;
    };
    let requests = number.parse().ok().filter(|number| REQUESTS.contains(number)).and_then(NonZeroU32::new);
    if requests.is_none() {
        let hint = format!("write {} to {} requests", REQUESTS.start(), REQUESTS.end());
        value.fail(format!("`{}` is out of range", excerpt(text)), hint);
    }
    Some((requests?, per))
}

fn prefix(value: &Value<'_>) -> Option<ClientPrefix> {
    Section::read(value, "write `client_prefix = { ipv4 = 32, ipv6 = 64 }`", |section| {
        let default = ClientPrefix::default();
        Some(ClientPrefix {
            ipv4: section.integer("ipv4", default.ipv4, 0..=32),
            ipv6: section.integer("ipv6", default.ipv6, 0..=128),
        })
    })
}

/// Says of limits that no route names them.
pub(super) fn warn_if_unused(
    limits: &[(&str, Value<'_>, Option<LimitConfig>)],
    is_used: impl Fn(usize) -> bool,
) {
    for (place, (name, value, _)) in limits.iter().enumerate() {
        if !is_used(place) {
            let name = list(std::iter::once(*name));
            value.warn(
                format!("limits nothing: no route names {name}"),
                "write `limits = [\"NAME\"]` in a `[[route]]`",
            );
        }
    }
}
