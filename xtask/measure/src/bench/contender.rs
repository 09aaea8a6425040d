//! Who is compared: the programs, their configurations, their versions.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use super::scenario::Field;
use crate::routes;

mod plugin;
mod running;

use plugin::{ABSTAIN, FALLBACK};
pub(crate) use running::{Running, Setup, signal};

/// Configuration of nginx.
pub(crate) const NGINX: &str = include_str!("../../../../tests/bench/nginx.conf");
/// Configuration of HAProxy.
pub(crate) const HAPROXY: &str = include_str!("../../../../tests/bench/haproxy.cfg");
/// Configuration of Pointsman.
pub(crate) const POINTSMAN: &str = include_str!("../../../../tests/bench/pointsman.toml");

/// What every contender does, so that they do the same.
const COMMON_POLICY: &str = "round-robin";

/// The bundled policies.
pub(crate) const POLICIES: [&str; 4] = [COMMON_POLICY, "least-conn", "ip-hash", "peak-ewma"];

/// Pointsman with one thing that isn't its default, and what that is.
const FEATURES: [(&str, &str, &str); 5] = [
    ("defaults", COMMON_POLICY, ""),
    ("abstain", ABSTAIN, ""),
    ("no-retry", COMMON_POLICY, "[pool.backends.retry]\nattempts = 0\n"),
    ("no-ejection", COMMON_POLICY, "[pool.backends.ejection]\nenabled = false\n"),
    ("total-timeout", COMMON_POLICY, "total_timeout = \"60s\"\n"),
];

/// Pointsman without an access log, and with one of each format.
const LOGS: [(&str, &str, &str); 3] = [
    ("no-log", COMMON_POLICY, ""),
    (
        "text-log",
        COMMON_POLICY,
        "[access_log]\nformat = \"text\"\npath = \"{{directory}}/lines/access.log\"\n",
    ),
    (
        "json-log",
        COMMON_POLICY,
        "[access_log]\nformat = \"json\"\npath = \"{{directory}}/lines/access.log\"\n",
    ),
];

/// One program with one configuration.
#[derive(Debug, Clone)]
pub(crate) struct Contender {
    /// As it stands in the results.
    pub(crate) name: &'static str,
    program: Program,
    binary: PathBuf,
    policy: &'static str,
    /// What its configuration has beside the template's.
    settings: Cow<'static, str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Program {
    Pointsman,
    Nginx,
    Haproxy,
}

/// The programs of this machine.
#[derive(Debug)]
pub(crate) struct Programs {
    pointsman: PathBuf,
    /// Another build of it.
    beside: Option<PathBuf>,
    others: Vec<(Program, PathBuf)>,
}

impl Programs {
    /// Looks for the others, and says how to install what is missing.
    pub(crate) fn find(pointsman: PathBuf, beside: Option<PathBuf>) -> Self {
        let mut others = Vec::new();
        for program in [Program::Nginx, Program::Haproxy] {
            match find(program.binary()) {
                Some(binary) => others.push((program, binary)),
                None => eprintln!(
                    "xtask: {} isn't installed and is left out; on Debian: sudo apt-get install --no-install-recommends {} \
                     (and `sudo systemctl disable --now {}`, as the package starts a service)",
                    program.name(),
                    program.package(),
                    program.binary(),
                ),
            }
        }
        Self { pointsman, beside, others }
    }

    /// Pointsman alone, without a comparison.
    pub(crate) fn alone(pointsman: PathBuf) -> Self {
        Self { pointsman, beside: None, others: Vec::new() }
    }

    /// Pointsman with its default policy.
    pub(crate) fn own(&self) -> Contender {
        Contender::pointsman(Program::Pointsman.name(), &self.pointsman, COMMON_POLICY)
    }

    /// Those that take part. The first is what the others are compared with: nginx, if it is there.
    pub(crate) fn field(&self, field: Field) -> Vec<Contender> {
        match field {
            Field::All | Field::Routed => {}
            Field::WithoutNginx => {
                eprintln!("xtask: nginx is left out: it speaks HTTP/2 to backends only for gRPC");
            }
            Field::Policies => {
                let policies = [FALLBACK].into_iter().chain(POLICIES);
                return policies
                    .map(|policy| Contender::pointsman(policy, &self.pointsman, policy))
                    .collect();
            }
            Field::Features => return self.variants(&FEATURES),
            Field::Logs => return self.variants(&LOGS),
            Field::Routes => {
                let variants = [
                    ("one-route", String::new()),
                    ("hosts-5000", routes::hosts()),
                    ("regex-100", routes::expressions("^/([0-9]+)$")),
                ];
                return variants
                    .map(|(name, routes)| self.variant(name, COMMON_POLICY, routes.into()))
                    .to_vec();
            }
        }
        let beside = self.beside.iter().map(|binary| Contender::pointsman("beside", binary, COMMON_POLICY));
        let takes_part = |program| field != Field::WithoutNginx || program != Program::Nginx;
        let others = self.others.iter().filter(|(program, _)| takes_part(*program));
        let others = others.map(|(program, binary)| Contender {
            name: program.name(),
            program: *program,
            binary: binary.clone(),
            policy: COMMON_POLICY,
            settings: Cow::Borrowed(""),
        });
        others.chain([self.own()]).chain(beside).collect()
    }

    /// Pointsman with each of these settings beside the template's: name, policy, settings.
    fn variants(&self, variants: &[(&'static str, &'static str, &'static str)]) -> Vec<Contender> {
        variants.iter().map(|&(name, policy, settings)| self.variant(name, policy, settings.into())).collect()
    }

    fn variant(&self, name: &'static str, policy: &'static str, settings: Cow<'static, str>) -> Contender {
        Contender { settings, ..Contender::pointsman(name, &self.pointsman, policy) }
    }
}

impl Program {
    fn name(self) -> &'static str {
        match self {
            Self::Pointsman => "Pointsman",
            Self::Nginx => "nginx",
            Self::Haproxy => "HAProxy",
        }
    }

    fn binary(self) -> &'static str {
        match self {
            Self::Pointsman => "pointsman",
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
        }
    }

    /// Debian's package.
    fn package(self) -> &'static str {
        match self {
            Self::Pointsman => "pointsman",
            Self::Nginx => "nginx-core",
            Self::Haproxy => "haproxy",
        }
    }
}

impl Contender {
    fn pointsman(name: &'static str, binary: &Path, policy: &'static str) -> Self {
        Self {
            name,
            program: Program::Pointsman,
            binary: binary.to_owned(),
            policy,
            settings: Cow::Borrowed(""),
        }
    }

    /// Whether it shares requests out evenly, which is then checked.
    pub(crate) fn is_round_robin(&self) -> bool {
        self.policy == COMMON_POLICY
    }

    /// The first line that it says about its version.
    pub(crate) fn version(&self) -> Result<String> {
        let argument = if self.program == Program::Pointsman { "--version" } else { "-v" };
        let output = Command::new(&self.binary).arg(argument).stdin(Stdio::null()).output();
        let output = output.with_context(|| format!("cannot run {}", self.binary.display()))?;
        // nginx says it on the standard error.
        let said = [output.stdout, output.stderr].concat();
        Ok(String::from_utf8_lossy(&said).lines().next().unwrap_or_default().trim().to_owned())
    }

    /// Name and content of its configuration, before the placeholders are filled in.
    fn template(&self) -> (&'static str, String) {
        match self.program {
            Program::Pointsman => ("pointsman.toml", POINTSMAN.to_owned() + &self.settings),
            Program::Nginx => ("nginx.conf", NGINX.to_owned()),
            Program::Haproxy => ("haproxy.cfg", HAPROXY.to_owned()),
        }
    }

    /// How it is started, in the foreground.
    fn command(&self, configuration: &Path, directory: &Path) -> Command {
        let mut command = Command::new(&self.binary);
        match self.program {
            Program::Pointsman => command.arg("run").arg("--config").arg(configuration),
            Program::Nginx => {
                command.arg("-c").arg(configuration).arg("-p").arg(directory).args(["-e", "stderr"])
            }
            Program::Haproxy => command.arg("-db").arg("-f").arg(configuration),
        };
        command
    }
}

/// Looks in the path, and where Debian puts what only root is expected to run.
pub(crate) fn find(binary: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/usr/local/sbin".into()])
        .map(|folder| folder.join(binary))
        .find(|file| file.is_file())
}
