//! Values of the result as they are written.

use crate::config::literal;

/// Longest timeout of a configuration.
pub(super) const DAY_MS: u64 = 86_400_000;

pub(super) const GIB: u64 = 1 << 30;

/// A duration in the unit that reads best.
pub(super) fn duration(ms: u64) -> String {
    let (number, unit) = match ms {
        0 => (0, "s"),
        _ if ms.is_multiple_of(3_600_000) => (ms / 3_600_000, "h"),
        _ if ms.is_multiple_of(60_000) && ms >= 120_000 => (ms / 60_000, "m"),
        _ if ms.is_multiple_of(1_000) => (ms / 1_000, "s"),
        _ => (ms, "ms"),
    };
    format!("\"{number}{unit}\"")
}

/// A size in the greatest unit that leaves a whole number.
pub(super) fn size(bytes: u64) -> String {
    let units = [(GIB, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let unit = units.into_iter().find(|(factor, _)| bytes >= *factor && bytes.is_multiple_of(*factor));
    let (number, unit) = unit.map_or((bytes, "B"), |(factor, unit)| (bytes / factor, unit));
    format!("\"{number}{unit}\"")
}

/// A list of values that are written already.
pub(super) fn list(values: impl IntoIterator<Item = String>) -> String {
    format!("[{}]", values.into_iter().collect::<Vec<_>>().join(", "))
}

/// A list of texts.
pub(super) fn texts<T: AsRef<str>>(values: impl IntoIterator<Item = T>) -> String {
    list(values.into_iter().map(|value| literal(value.as_ref())))
}

/// A name that a pool can have, made of any text.
pub(super) fn name(text: &str) -> String {
    let plain: String = text
        .chars()
        .map(|sign| if sign.is_ascii_alphanumeric() || "-_.".contains(sign) { sign } else { '-' })
        .take(100)
        .collect();
    match plain.trim_matches(['-', '.']) {
        "" => "pool".to_owned(),
        plain => plain.to_owned(),
    }
}

/// A key of a table as it is written.
pub(super) fn key(name: &str) -> String {
    let is_bare = !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if is_bare { name.to_owned() } else { literal(name) }
}

/// Whether a text is a host name, or the start of one, that a configuration takes.
pub(super) fn is_host(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let last = name.rsplit('.').next().unwrap_or(name);
    let is_number = last.bytes().all(|byte| byte.is_ascii_digit());
    name.len() <= 253
        && name.split('.').all(label)
        && (!is_number || name.parse::<std::net::IpAddr>().is_ok())
}

/// Whether a `rewrite` or `redirect` takes this as a path.
pub(super) fn is_path(path: &str) -> bool {
    path.starts_with('/')
        && !path[1..].starts_with(['/', '\\'])
        && path.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#$%\"\\".contains(&byte))
        && !path.split('/').any(|segment| segment == "." || segment == "..")
}

/// A path as a route compares it: what isn't plain ASCII is escaped.
pub(super) fn escaped_path(path: &str) -> String {
    let mut escaped = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'?' | b'#' | b'%' => escaped.push_str(&format!("%{byte:02X}")),
            _ if byte.is_ascii_graphic() => escaped.push(char::from(byte)),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

/// Whether a text is a network as a configuration takes it.
pub(super) fn is_network(text: &str) -> bool {
    let network = text.parse::<ipnet::IpNet>().is_ok_and(|network| network == network.trunc());
    network || text.parse::<std::net::IpAddr>().is_ok()
}
