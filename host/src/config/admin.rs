//! `[admin]`.

use ipnet::IpNet;
use pointsman_core::address::Address;

use super::address::{add_address, local, networks};
use super::certificate_files::{NamedFile, file};
use super::read::{Section, Unique, Value, excerpt};
use super::socket_path::socket;

/// What `explain_from` may be.
const EXPLAIN_HINT: &str = "write `explain_from = [\"127.0.0.0/8\", \"10.1.0.0/16\"]`";

/// `[admin]`: where the proxy can be seen and steered.
#[derive(Debug, Clone, PartialEq)]
pub struct AdminConfig {
    /// Where it listens. `address`.
    pub address: Address,
    /// The file with the token that requests need. `token_file`, none; required if other machines can reach the address.
    pub token_file: Option<NamedFile>,
    /// Names under which it is asked for, beside `localhost` and its address. `hosts`, none.
    pub hosts: Vec<String>,
    /// Networks whose clients may ask why their requests go where they go. `explain_from`, none.
    pub explain_from: Vec<IpNet>,
    /// Line of `address` in the file, for errors that show only when it is bound.
    pub line: usize,
}

impl AdminConfig {
    /// Whether another one says the same, wherever in the file.
    #[must_use]
    pub fn has_settings_of(&self, other: &Self) -> bool {
        *self == Self { line: self.line, ..other.clone() }
    }
}

pub(super) fn admin<'a>(value: &Value<'a>, addresses: &mut Unique<'a, Address>) -> Option<AdminConfig> {
    Section::read(value, "write `[admin]` above its keys", |section| {
        let typed = section.required("address", "address = \"127.0.0.1:9901\"");
        let token_file = section.get("token_file").map_or(Some(None), |value| file(&value).map(Some));
        let hosts = section.get("hosts").map_or_else(|| Some(Vec::new()), |value| hosts(&value));
        let explain_from = section.get("explain_from");
        let explain_from =
            explain_from.map_or_else(|| Some(Vec::new()), |value| networks(&value, EXPLAIN_HINT));
        let typed = typed?;
        let address = address(&typed, addresses)?;
        if let Address::Tcp(address) = &address
            && !address.ip().to_canonical().is_loopback()
            && section.get("token_file").is_none()
        {
            let hint = "write `\"127.0.0.1:9901\"` or `\"unix:admin.sock\"`, or add `token_file = \"admin.token\"` with a secret in \
                        that file";
            typed.fail(format!("`{address}` is open to other machines"), hint);
        }
        let line = typed.line();
        Some(AdminConfig {
            address,
            token_file: token_file?,
            hosts: hosts?,
            explain_from: explain_from?,
            line,
        })
    })
}

fn address<'a>(typed: &Value<'a>, addresses: &mut Unique<'a, Address>) -> Option<Address> {
    let address = match socket(typed) {
        Some(socket) => socket?,
        None => Address::Tcp(local(typed)?),
    };
    add_address(addresses, &address, typed);
    Some(address)
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
