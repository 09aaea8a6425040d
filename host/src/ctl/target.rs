//! Which admin server is meant.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use pointsman_core::printable::Printable;

use super::arguments::Arguments;
use super::failure::Failure;
use crate::config::ControlAddress;
use crate::regular_file;

/// Where the admin server is if nothing says otherwise.
const DEFAULT_ADDRESS: &str = "127.0.0.1:9901";

/// The configuration that is looked for if none is named.
const DEFAULT_CONFIG: &str = "pointsman.toml";

/// Longest token file, bytes; a token has at most 512.
const TOKEN_BYTES: usize = 4 << 10;

/// An address to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    /// `HOST:PORT`.
    Tcp(String),
    /// A socket in the file system.
    Unix(PathBuf),
}

/// An admin server, and what it lets us in with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) address: Address,
    pub(super) token: Option<String>,
}

impl Target {
    /// A token of a configuration is sent only to that configuration's address.
    pub(super) fn find(arguments: &Arguments) -> Result<Self, Failure> {
        let (address, token_file) = match (&arguments.address, &arguments.config) {
            (Some(address), _) => (address.clone(), None),
            (None, Some(config)) => {
                let found = load(config)?.ok_or_else(|| no_admin(config))?;
                (found.address, found.token_file)
            }
            (None, None) => {
                let config = Path::new(DEFAULT_CONFIG);
                let found = if config.exists() { load(config)? } else { None };
                found.map_or_else(
                    || (DEFAULT_ADDRESS.to_owned(), None),
                    |found| (found.address, found.token_file),
                )
            }
        };
        let token_file = arguments.token_file.clone().or(token_file);
        Ok(Self { address: parse(&address)?, token: token_file.map(|file| token(&file)).transpose()? })
    }
}

fn load(config: &Path) -> Result<Option<ControlAddress>, Failure> {
    ControlAddress::load(config).map_err(|faults| Failure::Usage(faults.to_string()))
}

fn no_admin(config: &Path) -> Failure {
    Failure::Usage(format!(
        "{} has no admin server; add `[admin]` with `address = \"{DEFAULT_ADDRESS}\"`, or name one with `--address`",
        config.display()
    ))
}

/// `unix:PATH` or `HOST:PORT`. What listens on all addresses is reached by the loopback.
fn parse(text: &str) -> Result<Address, Failure> {
    if let Some(path) = text.strip_prefix("unix:") {
        return Ok(Address::Unix(path.into()));
    }
    let plain = text.strip_prefix("http://").map_or(text, |rest| rest.trim_end_matches('/'));
    let port = plain.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
    match (plain.parse::<SocketAddr>(), port) {
        (_, Some((_, 0))) => Err(Failure::Usage(format!(
            "`{plain}` stands for any port; name the one that the log tells (`admin-bound`) with `--address`"
        ))),
        (Ok(address), _) if address.ip().is_unspecified() => {
            let host = if address.is_ipv4() { "127.0.0.1" } else { "[::1]" };
            Ok(Address::Tcp(format!("{host}:{}", address.port())))
        }
        (Ok(address), _) => Ok(Address::Tcp(address.to_string())),
        (Err(_), Some((host, _))) if is_host(host) => Ok(Address::Tcp(plain.to_owned())),
        _ => Err(Failure::Usage(format!(
            "`{}` is no address; write one such as `127.0.0.1:9901` or `unix:/run/pointsman/admin.sock`",
            Printable::name(text)
        ))),
    }
}

fn is_host(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
}

fn token(file: &Path) -> Result<String, Failure> {
    let fault = |why: &dyn std::fmt::Display| {
        Failure::Unauthorised(format!("cannot read the token file {}: {why}", file.display()))
    };
    let bytes = regular_file::read(file, TOKEN_BYTES).map_err(|error| fault(&error))?;
    let token = String::from_utf8(bytes).ok().map(|text| text.trim().to_owned());
    let is_printable =
        |token: &String| !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    token.filter(is_printable).ok_or_else(|| fault(&"it holds no token of printable characters"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_they_are_configured() {
        let tcp = |text: &str| Address::Tcp(text.into());
        for (text, address) in [
            ("127.0.0.1:9901", tcp("127.0.0.1:9901")),
            ("0.0.0.0:9901", tcp("127.0.0.1:9901")),
            ("[::]:9901", tcp("[::1]:9901")),
            ("proxy-1.example.com:9901", tcp("proxy-1.example.com:9901")),
            ("http://127.0.0.1:9901/", tcp("127.0.0.1:9901")),
            ("unix:/run/a b.sock", Address::Unix("/run/a b.sock".into())),
        ] {
            assert_eq!(parse(text).expect(text), address);
        }
        for text in
            ["", "127.0.0.1", ":9901", "9901", "a b:1", "host:port", "127.0.0.1:0", "https://a:1", "::1:9901"]
        {
            assert!(matches!(parse(text), Err(Failure::Usage(_))), "{text}");
        }
    }

    #[test]
    fn a_token_is_one_line_of_printable_characters() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        let read = |content: &[u8]| {
            std::fs::write(&file, content).unwrap();
            token(&file)
        };
        assert_eq!(read(b"0123456789abcdef\n").expect("a token"), "0123456789abcdef");
        for content in [&b""[..], b"\n", b"a b", b"a\nb", b"\xff", "grün".as_bytes()] {
            assert!(matches!(read(content), Err(Failure::Unauthorised(_))), "{content:?}");
        }
        assert!(matches!(token(&folder.path().join("none")), Err(Failure::Unauthorised(_))));
    }
}
