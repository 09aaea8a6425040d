//! The configuration file, checked and with defaults filled in.
//!
//! A file becomes a [`Config`] in one step ([`Config::load`]): either everything in it is usable or the caller gets
//! every fault at once, each with its line, key and remedy. Nothing below this module sees TOML, and no value here
//! needs checking again: what must not be wrong has a type that cannot be.

mod access_log;
mod acme;
mod address;
mod admin;
mod certificate_files;
mod compression;
mod control;
mod dns;
mod error;
mod error_page;
mod header_rules;
mod health;
mod health_check;
mod limit;
mod limits;
mod listener_http2;
mod literal;
mod media_type;
mod metrics;
mod model;
mod policy;
mod pool;
mod pool_protocol;
mod pool_tls;
mod proxy_protocol;
mod read;
mod route;
mod sections;
mod socket_path;
mod sticky;
#[cfg(test)]
mod tests;
mod tls;
mod traces;
mod units;

use std::fs::File;
use std::path::Path;

use crate::regular_file;

pub use access_log::{AccessLogConfig, Detail, LineFormat, LogOutput};
pub use acme::{AcmeAccountConfig, AcmeChallenge, AcmeConfig, AcmeName, AcmeStorage, ExternalAccountConfig};
pub use admin::AdminConfig;
pub use certificate_files::{CertificateFiles, NamedFile};
pub use compression::{Coding, CompressionConfig, MediaPattern};
pub use control::ControlAddress;
pub use dns::{DiscoveredConfig, DnsConfig, Question};
pub use error::{ConfigError, ConfigErrors};
pub use error_page::{ErrorPageConfig, PageContent, StatusPattern};
pub use header_rules::{
    Direction, HeaderAction, HeaderChange, HeaderPlan, HeaderRulesConfig, HostHeader, NamedValue, Piece,
    Template, may_change,
};
pub use health::{EjectionConfig, HealthConfig};
pub use health_check::{CheckKind, GrpcCheckConfig, HealthCheckConfig, HttpCheckConfig, InitialHealth};
pub use limit::LimitConfig;
pub use listener_http2::{Http2Limits, Http2Use};
pub use literal::literal;
pub use media_type::{is_media_type, type_of_name};
pub use metrics::MetricsConfig;
pub use model::{
    BackendConfig, Config, DownstreamLimits, EarlyHintsUse, ListenerConfig, PoolConfig, RequestIdUse,
    RouteConfig, RouteTarget, SplitConfig, SplitCookie,
};
pub use policy::{PolicyConfig, PolicySource};
pub use pool_tls::PoolTlsConfig;
pub use proxy_protocol::ProxyProtocolConfig;
pub use route::{MirrorConfig, Redirect, Respond, RespondContent, has_content, leads_elsewhere};
pub use sticky::{SameSite, StickyConfig, StickyMode};
pub use tls::{ClientAuthConfig, ClientAuthMode, ClientCertHeader, TlsConfig, TlsVersion, UnknownName};
pub use traces::TracingConfig;

use read::{Source, Value};

impl Config {
    /// Reads a configuration file. It may be a pipe, such as `/dev/stdin`, which is read to its end.
    ///
    /// # Errors
    ///
    /// If the file can't be read, or every fault that is in it.
    pub fn load(path: &Path) -> Result<Self, ConfigErrors> {
        Self::parse(&read::text(path, |path| File::open(path))?, path)
    }

    /// The text of a configuration file, as it is now. Never waits for anything.
    ///
    /// # Errors
    ///
    /// If the file can't be read, or isn't a regular one.
    pub fn text(path: &Path) -> Result<String, ConfigErrors> {
        Ok(read::text(path, regular_file::open)?)
    }

    /// Reads the text of a configuration. `file` names it in errors, and relative paths start from its folder. Looks
    /// up the host names of backends, so it may block.
    ///
    /// # Errors
    ///
    /// Every fault that is in it.
    pub fn parse(text: &str, file: &Path) -> Result<Self, ConfigErrors> {
        let source = Source::new(file, text);
        let root = source.parse();
        let config = root.as_ref().and_then(|root| sections::config(&Value::root(&source, root)));
        let (config, warnings) = source.finish(config)?;
        Ok(Self { warnings, ..config })
    }
}
