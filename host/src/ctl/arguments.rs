//! The command line of `pointsman ctl`.

use std::path::PathBuf;

use clap::Subcommand;

use super::names::BackendName;

/// What is asked for, of which proxy, and how the answer is shown.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Where the admin server is: IP:PORT, HOST:PORT or unix:PATH
    #[arg(long, global = true, value_name = "ADDRESS", conflicts_with = "config")]
    pub(super) address: Option<String>,
    /// The file with the admin server's token
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) token_file: Option<PathBuf>,
    /// A configuration that says both [default: pointsman.toml if it is there, else 127.0.0.1:9901 without a token]
    #[arg(long, short, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Show what the API said, unchanged
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// No colours, also on a terminal; so does the environment variable NO_COLOR
    #[arg(long, global = true)]
    pub(super) no_color: bool,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// How the proxy is, in a few lines; exit 0 if it serves and 1 if it drains
    Status,
    /// The pools
    Pools,
    /// The backends of all pools, or of one
    Backends {
        pool: Option<String>,
        /// Only those that get no requests
        #[arg(long)]
        down: bool,
    },
    /// Send a backend nothing new; it finishes what it has
    Drain {
        #[arg(value_name = "POOL/BACKEND")]
        backend: BackendName,
        /// End when the backend has no request in flight
        #[arg(long)]
        wait: bool,
    },
    /// Send requests to a backend again
    Undrain {
        #[arg(value_name = "POOL/BACKEND")]
        backend: BackendName,
    },
    /// Change a backend's share of the requests
    Weight {
        #[arg(value_name = "POOL/BACKEND")]
        backend: BackendName,
        /// Its weight in relation to the others, such as 0.5 or 2; `file` for what the configuration says
        #[arg(value_parser = weight)]
        weight: WeightChoice,
    },
    /// The policies of all pools, or one with its versions
    Policy {
        pool: Option<String>,
        /// That of a route to the pool
        #[arg(long, requires = "pool")]
        route: Option<String>,
    },
    /// Let another policy pick for a pool: a .wasm file, or the name of a bundled one
    Swap(SwapArguments),
    /// Take a policy back to the version that served before; once more returns to the one that was left
    Rollback {
        pool: String,
        /// That of a route to the pool
        #[arg(long)]
        route: Option<String>,
        /// To this version instead; `pointsman ctl policy POOL` lists them
        #[arg(long)]
        version: Option<String>,
    },
    /// Let a version in again that was taken back
    Unquarantine {
        pool: String,
        version: String,
        /// That of a route to the pool
        #[arg(long)]
        route: Option<String>,
    },
    /// Read the configuration again, and say whether it serves
    Reload,
    /// What has happened
    Events {
        /// Go on with what happens from now on
        #[arg(long, short)]
        follow: bool,
    },
    /// Why a request went where it went, if it was sent with `x-pointsman-explain: 1`
    Explain {
        /// Its id, as the response's x-request-id says
        #[arg(value_name = "REQUEST-ID")]
        id: String,
    },
    /// The workers
    Workers,
    /// What operators have changed since the start, beside the configuration
    Overrides {
        /// Take all of it back
        #[arg(long)]
        clear: bool,
    },
    /// What is logged, or from now on is to be
    LogLevel {
        /// off, error, warn, info, debug or trace, or levels by module
        level: Option<String>,
    },
    /// A live view of pools, backends, policies and events
    Top,
}

#[derive(Debug, clap::Args)]
pub(super) struct SwapArguments {
    pub(super) pool: String,
    /// The plugin, or a bundled policy's name, which has neither slash nor dot
    #[arg(value_name = "FILE|NAME")]
    pub(super) plugin: String,
    /// That of a route to the pool
    #[arg(long)]
    pub(super) route: Option<String>,
    /// Only if this version serves now: nobody else's swap is replaced unseen
    #[arg(long, value_name = "VERSION")]
    pub(super) replaces: Option<String>,
}

/// A weight, or none for that of the configuration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum WeightChoice {
    Set(f64),
    OfFile,
}

fn weight(text: &str) -> Result<WeightChoice, String> {
    match text.parse::<f64>() {
        _ if text == "file" => Ok(WeightChoice::OfFile),
        Ok(weight) if weight.is_finite() && weight > 0.0 => Ok(WeightChoice::Set(weight)),
        Ok(_) => Err("a weight is above 0; `drain` sends a backend nothing".into()),
        Err(_) => Err("write a number such as 0.5, or `file`".into()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn parse(words: &str) -> Result<Arguments, clap::Error> {
        Line::try_parse_from(words.split_whitespace()).map(|line| line.arguments)
    }

    #[test]
    fn options_may_stand_behind_the_command() {
        let arguments = parse("ctl drain web/b1 --wait --json --address unix:/a.sock").expect("a command");
        assert!(arguments.json && arguments.address.as_deref() == Some("unix:/a.sock"));
        assert!(matches!(arguments.command, Command::Drain { wait: true, .. }));
        for (text, weight) in [("0.5", WeightChoice::Set(0.5)), ("file", WeightChoice::OfFile)] {
            let arguments = parse(&format!("ctl weight web/b1 {text}")).expect("a command");
            assert!(matches!(arguments.command, Command::Weight { weight: found, .. } if found == weight));
        }
        for wrong in [
            "ctl",
            "ctl weight web/b1 0",
            "ctl weight web/b1 nan",
            "ctl drain b1",
            "ctl policy --route x",
            "ctl swap web",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
