//! `[admin]`.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;

use super::address::{add_address, local, networks};
use super::read::{Section, Unique, Value, excerpt};

/// What an address that is the path of a socket begins with.
const UNIX: &str = "unix:";

/// What `explain_from` may be.
const EXPLAIN_HINT: &str = "write `explain_from = [\"127.0.0.0/8\", \"10.1.0.0/16\"]`";

/// Longest path of a socket, bytes: what the system takes.
const UNIX_BYTES: usize = 107;

/// `[admin]`: where the proxy can be seen and steered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminConfig {
    /// Where it listens. `address`.
    pub address: AdminAddress,
    /// The file with the token that requests need. `token_file`, none; required if other machines can reach the address.
    pub token_file: Option<PathBuf>,
    /// Names under which it is asked for, beside `localhost` and its address. `hosts`, none.
    pub hosts: Vec<String>,
    /// Networks whose clients may ask why their requests go where they go. `explain_from`, none.
    pub explain_from: Vec<IpNet>,
}

/// Where the admin server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdminAddress {
    /// `IP:port`.
    Tcp(SocketAddr),
    /// `unix:PATH`: whoever may open it may do everything.
    Unix(PathBuf),
}

impl fmt::Display for AdminAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "{UNIX}{}", path.display()),
        }
    }
}

pub(super) fn admin<'a>(value: &Value<'a>, addresses: &mut Unique<'a, SocketAddr>) -> Option<AdminConfig> {
    Section::read(value, "write `[admin]` above its keys", |section| {
        let typed = section.required("address", "address = \"127.0.0.1:9901\"");
        let token_file = section.get("token_file").map_or(Some(None), |value| value.path().map(Some));
        let hosts = section.get("hosts").map_or_else(|| Some(Vec::new()), |value| hosts(&value));
        let explain_from = section.get("explain_from");
        let explain_from =
            explain_from.map_or_else(|| Some(Vec::new()), |value| networks(&value, EXPLAIN_HINT));
        let typed = typed?;
        let address = address(&typed, addresses)?;
        if let AdminAddress::Tcp(address) = &address
            && !address.ip().to_canonical().is_loopback()
            && section.get("token_file").is_none()
        {
            let hint = "write `\"127.0.0.1:9901\"` or `\"unix:admin.sock\"`, or add `token_file = \"admin.token\"` with a secret in \
                        that file";
            typed.fail(format!("`{address}` is open to other machines"), hint);
        }
        Some(AdminConfig { address, token_file: token_file?, hosts: hosts?, explain_from: explain_from? })
    })
}

fn address<'a>(typed: &Value<'a>, addresses: &mut Unique<'a, SocketAddr>) -> Option<AdminAddress> {
    let Some(path) = typed.string()?.strip_prefix(UNIX) else {
        let address = local(typed)?;
        add_address(addresses, address, typed);
        return Some(AdminAddress::Tcp(address));
    };
    if path.is_empty() || path.contains('\0') {
        typed.fail("is no path of a socket", "write one such as `\"unix:/run/pointsman/admin.sock\"`");
        return None;
    }
    let path = typed.beside_file(path);
    if path.as_os_str().len() > UNIX_BYTES {
        let message = format!("`{}` is too long for a socket", excerpt(&path.display().to_string()));
        typed.fail(message, format!("choose a path of at most {UNIX_BYTES} bytes"));
        return None;
    }
    Some(AdminAddress::Unix(path))
}

fn hosts(value: &Value<'_>) -> Option<Vec<String>> {
    const HINT: &str = "write `hosts = [\"proxy-1.example.com\"]`";
    let host = |item: Value<'_>| {
        let text = item.string()?;
        let good = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if text.is_empty() || text.len() > 253 || !text.chars().all(good) {
            item.fail(format!("`{}` is no host name", excerpt(text)), HINT);
            return None;
        }
        Some(text.trim_end_matches('.').to_ascii_lowercase())
    };
    let items = value.items(HINT)?;
    let hosts: Vec<_> = items.into_iter().map(host).collect();
    hosts.into_iter().collect()
}
