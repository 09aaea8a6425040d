//! `server` and `default-server`: parameters with their values.

use super::chain::Chain;
use super::sections::Line;

/// Parameters that take a value.
const WITH_VALUE: [&str; 58] = [
    "addr",
    "agent-addr",
    "agent-inter",
    "agent-port",
    "agent-send",
    "alpn",
    "ca-file",
    "check-alpn",
    "check-proto",
    "check-sni",
    "check-via-socks4",
    "ciphers",
    "ciphersuites",
    "cookie",
    "crl-file",
    "crt",
    "curves",
    "downinter",
    "error-limit",
    "fall",
    "fastinter",
    "guid",
    "hash-key",
    "id",
    "init-addr",
    "init-state",
    "inter",
    "log-proto",
    "max-reuse",
    "maxconn",
    "maxqueue",
    "minconn",
    "namespace",
    "observe",
    "on-error",
    "on-marked-down",
    "on-marked-up",
    "pool-low-conn",
    "pool-max-conn",
    "pool-purge-delay",
    "port",
    "proto",
    "redir",
    "resolve-net",
    "resolve-opts",
    "resolve-prefer",
    "resolvers",
    "rise",
    "slowstart",
    "sni",
    "socks4",
    "source",
    "ssl-max-ver",
    "ssl-min-ver",
    "track",
    "verify",
    "verifyhost",
    "weight",
];

/// The parameters of a server with those of `default-server`, the nearest value of each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Parameters {
    all: Vec<(String, String)>,
}

impl Parameters {
    /// Reads what stands in a line from a word on.
    fn add(&mut self, words: &[String]) {
        let mut rest = words.iter();
        while let Some(name) = rest.next() {
            let value = match name.as_str() {
                "set-proxy-v2-tlv-fmt" | "usesrc" => rest.next().cloned().unwrap_or_default(),
                name if WITH_VALUE.contains(&name) => rest.next().cloned().unwrap_or_default(),
                _ => String::new(),
            };
            let opposite = match name.strip_prefix("no-") {
                Some(name) => name.to_owned(),
                None => format!("no-{name}"),
            };
            self.all.retain(|(known, _)| known != name && *known != opposite);
            self.all.push((name.clone(), value));
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.all.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(|(name, _)| name.as_str())
    }
}

/// A `server` or a `server-template`.
#[derive(Debug, Clone)]
pub(super) struct Server<'a> {
    pub(super) line: &'a Line,
    pub(super) name: &'a str,
    pub(super) address: &'a str,
    /// Number of places of a template.
    pub(super) places: Option<&'a str>,
    /// With those of `default-server`.
    pub(super) parameters: Parameters,
    /// Those that stand in the line itself.
    pub(super) own: Parameters,
}

/// The servers of a section.
pub(super) fn read<'a>(chain: &Chain<'a>) -> Vec<Server<'a>> {
    let mut found = Vec::new();
    let mut defaults = Parameters::default();
    let inherited: Vec<&Line> = chain.all("default-server");
    let own: Vec<_> = chain.section().all("default-server").map(|line| line.place).collect();
    inherited
        .iter()
        .filter(|line| !own.contains(&line.place))
        .for_each(|line| defaults.add(&line.words[1..]));
    for line in &chain.section().lines {
        let (is_template, start) = match line.word(0) {
            "default-server" => {
                defaults.add(&line.words[1..]);
                continue;
            }
            "server" => (false, 3),
            "server-template" => (true, 4),
            _ => continue,
        };
        if line.words.len() < start {
            continue;
        }
        let (mut parameters, mut own) = (defaults.clone(), Parameters::default());
        parameters.add(&line.words[start..]);
        own.add(&line.words[start..]);
        found.push(Server {
            line,
            name: line.word(1),
            address: line.word(start - 1),
            places: is_template.then(|| line.word(2)),
            parameters,
            own,
        });
    }
    found
}
