//! Where the admin server of a configuration is, for those who want to talk to it.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::error::{ConfigError, ConfigErrors};
use super::read;

/// `[admin]`, as far as a client needs it. The rest of the file isn't looked at: its names needn't resolve and its certificates needn't
/// be readable here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlAddress {
    /// `address`, as it is written.
    pub address: String,
    /// `token_file`, from the folder of the configuration.
    pub token_file: Option<PathBuf>,
}

impl ControlAddress {
    /// Reads it from a configuration; none if that has no admin server.
    ///
    /// # Errors
    ///
    /// The file can't be read, or isn't TOML.
    pub fn load(path: &Path) -> Result<Option<Self>, ConfigErrors> {
        let text = read::text(path, |path| File::open(path))?;
        let root: toml::Table = text.parse().map_err(|error: toml::de::Error| ConfigError {
            file: path.to_owned(),
            line: error.span().map(|span| text[..span.start].matches('\n').count() + 1),
            key: String::new(),
            message: format!("not TOML: {}", error.message()),
            hint: String::new(),
        })?;
        let text_of = |key: &str| root.get("admin")?.get(key)?.as_str().map(str::to_owned);
        let folder = path.parent().unwrap_or_else(|| Path::new(""));
        let Some(address) = text_of("address") else { return Ok(None) };
        let address = match address.strip_prefix("unix:") {
            Some(socket) => format!("unix:{}", folder.join(socket).display()),
            None => address,
        };
        Ok(Some(Self { address, token_file: text_of("token_file").map(|file| folder.join(file)) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_and_token_are_read_whatever_else_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f.toml");
        let load = |text: &str| {
            std::fs::write(&path, text).unwrap();
            ControlAddress::load(&path).map(|found| found.map(|found| (found.address, found.token_file)))
        };
        assert_eq!(
            load("[admin]\naddress = '127.0.0.1:1'\n[pool.x]\nbackends = ['no.such']"),
            Ok(Some(("127.0.0.1:1".into(), None)))
        );
        let token = Some(folder.path().join("t"));
        let socket = format!("unix:{}", folder.path().join("a.sock").display());
        assert_eq!(load("[admin]\naddress = 'unix:a.sock'\ntoken_file = 't'"), Ok(Some((socket, token))));
        assert_eq!(load("[admin]\naddress = 'unix:/a.sock'"), Ok(Some(("unix:/a.sock".into(), None))));
        for none in ["", "[admin]", "admin = 1", "[admin]\naddress = 1"] {
            assert_eq!(load(none), Ok(None), "{none}");
        }
        let fault = load("[admin]\naddress = x").unwrap_err().to_string();
        assert!(fault.contains("f.toml:2: not TOML"), "{fault}");
    }
}
