//! The options of `pointsman init`, and what holds without them.

use std::path::PathBuf;

use super::backend::{self, BackendChoice};

/// Where clients connect if nothing else is said.
pub(super) const LISTEN: &str = "0.0.0.0:8080";
/// The same with certificates.
pub(super) const LISTEN_TLS: &str = "0.0.0.0:8443";
/// What picks the backend if nothing else is said.
pub(super) const POLICY: &str = "round-robin";
/// Where the admin server is if it only is asked for.
pub(super) const ADMIN: &str = "127.0.0.1:9901";

#[derive(Debug, Clone, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// Where clients connect [default: 0.0.0.0:8080, or 0.0.0.0:8443 with a certificate]
    #[arg(long, value_name = "IP:PORT")]
    pub(super) listen: Option<String>,
    /// A backend: HOST:PORT, and if need be its name and weight, as in 10.0.0.1:8080,name=a,weight=2; once for each
    #[arg(long = "backend", value_name = "HOST:PORT[,name=NAME][,weight=N]", value_parser = backend::parse)]
    pub(super) backends: Vec<BackendChoice>,
    /// What picks the backend: a bundled policy (`pointsman policy list`) or a .wasm file [default: round-robin]
    #[arg(long, value_name = "NAME|FILE")]
    pub(super) policy: Option<String>,
    /// Ask every backend for this path from time to time; one that doesn't answer with 2xx gets no requests
    #[arg(long, value_name = "PATH")]
    pub(super) health: Option<String>,
    /// Have an admin server, for `pointsman ctl` [default: none; without ADDRESS: 127.0.0.1:9901]
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, default_missing_value = ADMIN)]
    pub(super) admin: Option<String>,
    /// Speak HTTPS with the certificate in this file
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(super) tls_cert: Option<PathBuf>,
    /// The certificate's key
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(super) tls_key: Option<PathBuf>,
    /// The file to write
    #[arg(long, short, value_name = "FILE", default_value = "pointsman.toml")]
    pub(super) output: PathBuf,
    /// Replace the file if there is one
    #[arg(long)]
    pub(super) force: bool,
}
