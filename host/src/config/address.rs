//! Addresses, networks and host names as they are typed.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};

use ipnet::{IpNet, Ipv4Net};
use pointsman_core::address::Address;
use pointsman_core::route::HostPattern;

use super::read::{Unique, Value, excerpt};
use super::socket_path::socket;

/// An address to accept on: `IP:port`. Port 0 lets the system choose.
pub(super) fn local(value: &Value<'_>) -> Option<SocketAddr> {
    let text = text(value, "0.0.0.0")?;
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(one_spelling(address));
    }
    let message = format!("`{}` is not an IP address with a port", excerpt(text));
    let all = |port: &str| format!("write `\"0.0.0.0:{port}\"` for all addresses of this machine");
    let hint = match text.rsplit_once(':') {
        _ if text.parse::<IpAddr>().is_ok() => with_port(text),
        Some(("" | "*", port)) if port.parse::<u16>().is_ok() => all(port),
        Some(("localhost", port)) if port.parse::<u16>().is_ok() => format!("write `\"127.0.0.1:{port}\"`"),
        _ => "write one such as `\"0.0.0.0:8080\"` or `\"[::1]:8080\"`".to_owned(),
    };
    value.fail(message, hint);
    None
}

/// Port 0 is a different port each time.
pub(super) fn add_address<'a>(addresses: &mut Unique<'a, Address>, address: &Address, value: &Value<'a>) {
    match address {
        Address::Tcp(address) if address.port() == 0 => {}
        Address::Tcp(_) => drop(addresses.add(address.clone(), value, "give each its own port")),
        Address::Unix(_) => drop(addresses.add(address.clone(), value, "give each its own path")),
    }
}

/// An IPv4 address that is written as a mapped IPv6 address is one all the same: two spellings aren't two addresses.
fn one_spelling(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        ip @ IpAddr::V4(_) => SocketAddr::new(ip, address.port()),
        IpAddr::V6(_) => address,
    }
}

/// An address to connect to.
#[derive(Debug, Clone)]
pub(super) struct Remote {
    pub(super) address: Address,
    /// The host that it was found under, if it wasn't written itself.
    pub(super) host: Option<String>,
}

/// The address of a backend: `IP:port` or `host:port`. A host is looked up now and never again; of several
/// addresses the first IPv4 one is taken, because a dual-stack name often has no IPv6 listener behind it.
pub(super) fn remote(value: &Value<'_>) -> Option<Remote> {
    if let Some(address) = socket(value) {
        return Some(Remote { address: address?, host: None });
    }
    let text = text(value, "10.0.0.1")?;
    if let Ok(address) = text.parse::<SocketAddr>() {
        return has_port(value, address.port())
            .then(|| Remote { address: one_spelling(address).into(), host: None });
    }
    let (host, port) = host_and_port(value, text)?;
    match (host, port).to_socket_addrs().map(Iterator::collect::<Vec<_>>) {
        Ok(found) => {
            let first = found.iter().find(|address| address.is_ipv4()).or_else(|| found.first()).copied();
            if first.is_none() {
                value.fail(format!("host `{host}` has no address"), "check the name, or write an IP address");
            }
            let host = host.strip_suffix('.').unwrap_or(host);
            first.map(|address| Remote { address: address.into(), host: Some(host.to_owned()) })
        }
        Err(cause) => {
            let hint = "check the name and this machine's DNS, or write an IP address";
            value.fail(format!("host `{host}` cannot be looked up: {cause}"), hint);
            None
        }
    }
}

/// A host name and a port, for a lookup. Not an IP address.
pub(super) fn host_and_port<'a>(value: &Value<'a>, text: &'a str) -> Option<(&'a str, u16)> {
    let shown = excerpt(text);
    if text.contains("://") {
        value.fail(format!("`{shown}` is a URL"), "write only host and port, such as `\"10.0.0.1:8080\"`");
        return None;
    }
    if text.parse::<IpAddr>().is_ok() {
        value.fail(format!("`{shown}` has no port"), with_port(text));
        return None;
    }
    let Some((host, port)) = text.rsplit_once(':') else {
        value.fail(
            format!("`{shown}` has no port"),
            format!("write one behind it, such as `\"{shown}:8080\"`"),
        );
        return None;
    };
    let Ok(port) = port.parse::<u16>() else {
        value.fail(
            format!("`{}` is no port", excerpt(port)),
            "write a number from 1 to 65535 behind the colon",
        );
        return None;
    };
    // A dot at the end says that nothing is to be added to the name.
    if let Err(message) = host_name(host.strip_suffix('.').unwrap_or(host)) {
        value.fail(message, "write an address such as `\"10.0.0.1:8080\"` or `\"localhost:8080\"`");
        return None;
    }
    has_port(value, port).then_some((host, port))
}

/// The text of an address. A number alone is most likely a port.
pub(super) fn text<'a>(value: &Value<'a>, ip: &str) -> Option<&'a str> {
    match value.as_integer() {
        Some(port) => value.mistyped("an address", format!("write it with an IP address: `\"{ip}:{port}\"`")),
        None => value.string(),
    }
}

fn has_port(value: &Value<'_>, port: u16) -> bool {
    if port == 0 {
        value.fail("port 0 cannot be connected to", "write the port that the backend listens on");
    }
    port != 0
}

fn with_port(ip: &str) -> String {
    if ip.contains(':') { format!("write `\"[{ip}]:8080\"`") } else { format!("write `\"{ip}:8080\"`") }
}

/// A list of networks; `example` is a line that would do.
pub(super) fn networks(value: &Value<'_>, example: &str) -> Option<Vec<IpNet>> {
    let networks: Vec<_> = value.items(example)?.iter().map(network).collect();
    networks.into_iter().collect()
}

/// A network in CIDR notation, or a single address.
pub(super) fn network(value: &Value<'_>) -> Option<IpNet> {
    let text = value.string()?;
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Some(ip.to_canonical().into());
    }
    let Ok(network) = text.parse::<IpNet>() else {
        let message = format!("`{}` is no network", excerpt(text));
        value.fail(message, "write an address or a range, such as `\"10.0.0.1\"` or `\"10.0.0.0/8\"`");
        return None;
    };
    let network = canonical(network);
    // Whom to trust is no place to guess which half of a contradiction was meant.
    if network != network.trunc() {
        let message = format!("`{text}` is an address in a network of /{}", network.prefix_len());
        let hint = format!(
            "write `\"{}\"` for the network or `\"{}\"` for the address",
            network.trunc(),
            network.addr()
        );
        value.fail(message, hint);
        return None;
    }
    Some(network)
}

/// The IPv4 network that an IPv6 network of mapped addresses stands for: peers are compared by their IPv4 addresses.
fn canonical(network: IpNet) -> IpNet {
    let mapped = match network {
        IpNet::V6(v6) => v6.addr().to_ipv4_mapped().zip(v6.prefix_len().checked_sub(96)),
        IpNet::V4(_) => None,
    };
    mapped.and_then(|(ip, length)| Ipv4Net::new(ip, length).ok()).map_or(network, IpNet::V4)
}

/// The host rule of a route.
pub(super) fn host_pattern(value: &Value<'_>) -> Option<HostPattern> {
    let text = value.string()?;
    let shown = excerpt(text);
    let fail = |message: String, hint: String| {
        value.fail(message, hint);
        None
    };
    if text == "*" {
        return fail("`*` stands for subdomains only".into(), "leave `host` out to match every host".into());
    }
    if text.contains("://") || text.contains('/') {
        let hint = "write the host alone, and the path as `path = \"/…\"`";
        return fail(format!("`{shown}` is more than a host"), hint.into());
    }
    let bracketed = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if bracketed.is_some_and(|ip| ip.parse::<std::net::Ipv6Addr>().is_ok()) {
        return Some(HostPattern::Exact(text.to_ascii_lowercase()));
    }
    if let Some((host, port)) = text.rsplit_once(':')
        && !port.is_empty()
        && port.bytes().all(|byte| byte.is_ascii_digit())
        && (host.starts_with('[') || !host.contains(':'))
    {
        return fail(
            format!("`{shown}` has a port"),
            format!("write `\"{}\"`: it matches on every port", excerpt(host)),
        );
    }
    let (name, pattern): (_, fn(String) -> HostPattern) = match text.strip_prefix("*.") {
        Some(domain) => (domain, HostPattern::Subdomains),
        None => (text, HostPattern::Exact),
    };
    match host_name(name) {
        Ok(()) => Some(pattern(name.to_ascii_lowercase())),
        Err(message) => {
            let hint = "write one such as `\"example.com\"`, or `\"*.example.com\"` for its subdomains";
            fail(message, hint.into())
        }
    }
}

/// Refuses what can't be in the `Host` of a request or can't be looked up.
pub(super) fn host_name(name: &str) -> Result<(), String> {
    let shown = excerpt(name);
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    if !name.is_ascii() {
        return Err(format!("`{shown}` is not in the form that goes over the wire (`xn--…`)"));
    }
    if name.len() > 253 || !name.split('.').all(label) {
        return Err(format!("`{shown}` is no host name"));
    }
    // The system's lookup takes `10.1` for 10.0.0.1; a number at the end promises an IP address, and a whole one.
    let last = name.rsplit('.').next().unwrap_or(name);
    if last.bytes().all(|byte| byte.is_ascii_digit()) && name.parse::<IpAddr>().is_err() {
        return Err(format!("`{shown}` is no IP address"));
    }
    Ok(())
}
