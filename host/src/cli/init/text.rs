//! What is written: the choices, as a configuration with comments.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::Result;

use super::super::check::counted;
use super::super::file;
use super::arguments::{self, Arguments, LISTEN, LISTEN_TLS, POLICY};
use super::backend::BackendChoice;
use crate::config::{ConfigError, literal};

/// All that goes into the file. Whether it is right shows when the file is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Choices {
    pub(super) listen: String,
    /// Certificate and key, as the configuration names them.
    pub(super) tls: Option<(String, String)>,
    pub(super) backends: Vec<BackendChoice>,
    pub(super) policy: PolicyChoice,
    pub(super) health: Option<String>,
    pub(super) admin: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PolicyChoice {
    Bundled(String),
    /// As the configuration names it.
    File(String),
}

impl PolicyChoice {
    /// Bundled policies have neither a slash nor a dot in their names.
    pub(super) fn read(text: &str, output: &Path) -> Result<Self> {
        Ok(match text.contains('/') || text.ends_with(".wasm") {
            true => Self::File(file::named_from(output, Path::new(text))?),
            false => Self::Bundled(text.to_owned()),
        })
    }
}

const TOP: &str = "\
# Pointsman's configuration, begun by `pointsman init`. A proxy that runs takes a change over when the file is saved; if something
# in it is wrong, the log says what, and the proxy serves on as before. `pointsman check` says it without a proxy.
# config/reference.toml has every key with its default.
";

const TLS: &str = "
# HTTPS: remove the first `#` of these lines and name your files; they are taken over when they are renewed.
# [listener.tls]
# certificates = [{ cert = \"site.crt\", key = \"site.key\" }]
";

const ADMIN: &str = "
# The admin server: a page for browsers, and what `pointsman ctl` asks. Who can reach it controls the proxy.
";

const HEALTH: &str = "
# Every backend is asked for this path every 2 s; one that fails three times in a row gets no requests until it passes twice.
";

impl Choices {
    /// What the options say, and defaults for the rest.
    pub(super) fn from_options(arguments: &Arguments) -> Result<Self> {
        let Arguments { output, .. } = arguments;
        let tls = match (&arguments.tls_cert, &arguments.tls_key) {
            (Some(cert), Some(key)) => {
                Some((file::named_from(output, cert)?, file::named_from(output, key)?))
            }
            _ => None,
        };
        let listen = if tls.is_some() { LISTEN_TLS } else { LISTEN };
        Ok(Self {
            listen: arguments.listen.clone().unwrap_or_else(|| listen.to_owned()),
            tls,
            backends: arguments.backends.clone(),
            policy: PolicyChoice::read(arguments.policy.as_deref().unwrap_or(POLICY), output)?,
            health: arguments.health.clone(),
            admin: arguments.admin.clone(),
        })
    }

    /// The file.
    pub(super) fn text(&self) -> String {
        [TOP.to_owned(), self.listener(), self.admin(), self.pool(), self.health_check()].concat()
    }

    fn listener(&self) -> String {
        let address = literal(&self.listen);
        let mut text = format!(
            "\n[[listener]]\n\
             # Where clients connect. 0.0.0.0 stands for every address of this machine; with 127.0.0.1 only its own programs can.\n\
             address = {address}\n"
        );
        match &self.tls {
            Some((cert, key)) => {
                let (cert, key) = (literal(cert), literal(key));
                let _ = write!(
                    text,
                    "\n\
                     # Clients speak HTTPS. The files are watched: renewed ones serve within two seconds. More certificates may follow; a client\n\
                     # gets the one for the name that it asks for.\n\
                     [listener.tls]\n\
                     certificates = [{{ cert = {cert}, key = {key} }}]\n"
                );
            }
            None => text.push_str(TLS),
        }
        text
    }

    fn admin(&self) -> String {
        match &self.admin {
            Some(address) => format!("{ADMIN}[admin]\naddress = {}\n", literal(address)),
            None => format!("{ADMIN}# [admin]\n# address = \"{}\"\n", arguments::ADMIN),
        }
    }

    fn pool(&self) -> String {
        let policy = match &self.policy {
            PolicyChoice::Bundled(name) => literal(name),
            PolicyChoice::File(file) => format!("{{ file = {} }}", literal(file)),
        };
        let backends: String = self.backends.iter().map(entry).collect();
        format!(
            "\n[pool.web]\n\
             # What picks the backend for each request: one of `pointsman policy list`, or a plugin of yours: {{ file = \"mine.wasm\" }}.\n\
             policy = {policy}\n\
             # Where requests go. An entry may be more than an address: {{ address = \"10.0.0.1:8080\", name = \"a\", weight = 2 }}.\n\
             backends = [\n{backends}]\n"
        )
    }

    fn health_check(&self) -> String {
        match &self.health {
            Some(path) => {
                format!("{HEALTH}[pool.web.health_check]\ntype = \"http\"\npath = {}\n", literal(path))
            }
            None => {
                format!("{HEALTH}# [pool.web.health_check]\n# type = \"http\"\n# path = \"/healthz\"\n")
            }
        }
    }

    /// What is said when the file is there.
    pub(super) fn report(&self, output: &Path) -> String {
        let config = match output.to_str() {
            Some("pointsman.toml") => String::new(),
            _ => format!(" --config {}", quoted(&output.display().to_string())),
        };
        let (scheme, options) = if self.tls.is_some() { ("https", " --insecure") } else { ("http", "") };
        let policy = match &self.policy {
            PolicyChoice::Bundled(name) | PolicyChoice::File(name) => name,
        };
        let page = match &self.admin {
            Some(address) if !address.starts_with("unix:") => {
                format!("\nSee it:    http://{}/", reachable(address))
            }
            _ => String::new(),
        };
        format!(
            "{} is written and checked: {} on {}, {} picked by {policy}.\n\n\
             Check it:  pointsman check{config}\n\
             Run it:    pointsman run{config}\n\
             Try it:    curl{options} {scheme}://{}/{page}",
            output.display(),
            scheme.to_uppercase(),
            self.listen,
            counted(self.backends.len(), "backend"),
            reachable(&self.listen),
        )
    }
}

/// A line of `backends`.
fn entry(backend: &BackendChoice) -> String {
    let BackendChoice { address, name, weight } = backend;
    let address = literal(address);
    if name.is_none() && weight.is_none() {
        return format!("    {address},\n");
    }
    let name = name.as_ref().map(|name| format!(", name = {}", literal(name))).unwrap_or_default();
    let weight = weight.map(|weight| format!(", weight = {weight}")).unwrap_or_default();
    format!("    {{ address = {address}{name}{weight} }},\n")
}

/// An address that a client on this machine can connect to.
fn reachable(listen: &str) -> String {
    match listen.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_unspecified() => format!("localhost:{}", address.port()),
        _ => listen.to_owned(),
    }
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./+:@%=,".contains(&byte);
    if word.bytes().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// The option that brought a part of the configuration about.
pub(super) fn option(key: &str) -> Option<&'static str> {
    let options = [
        ("listener[0].tls.certificates[0].key", "--tls-key"),
        ("listener[0].tls", "--tls-cert"),
        ("listener[0]", "--listen"),
        ("admin", "--admin"),
        ("pool.web.policy", "--policy"),
        ("pool.web.health_check", "--health"),
        ("pool.web.backends", "--backend"),
    ];
    options.iter().find(|(part, _)| key.starts_with(part)).map(|(_, option)| *option)
}

/// A fault of a file that nobody has seen yet, by the option that brought it about.
pub(super) fn by_option(fault: &ConfigError) -> String {
    match option(&fault.key) {
        Some(option) if fault.hint.is_empty() => format!("{option}: {}", fault.message),
        Some(option) => format!("{option}: {}; {}", fault.message, fault.hint),
        None => fault.to_string(),
    }
}

#[cfg(test)]
mod tests;
