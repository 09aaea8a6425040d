//! The types of a configuration: the file as a whole, listeners, routes and pools.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use pointsman_core::address::Address;
use pointsman_core::backend::BackendLimits;
use pointsman_core::pool::{ExchangeLimits, UpstreamLimits};
use pointsman_core::request_key::RequestKey;
use pointsman_core::route::{PathNormalization, RoutePattern, TargetChange};

use super::access_log::AccessLogConfig;
use super::admin::AdminConfig;
use super::certificate_files::NamedFile;
use super::compression::CompressionConfig;
use super::dns::{DiscoveredConfig, DnsConfig};
use super::error::ConfigError;
use super::error_page::{ErrorPageConfig, StatusPattern};
use super::header_rules::HeaderRulesConfig;
use super::health::HealthConfig;
use super::limit::LimitConfig;
use super::listener_http2::{Http2Limits, Http2Use};
use super::metrics::MetricsConfig;
use super::policy::PolicyConfig;
use super::pool_tls::PoolTlsConfig;
use super::proxy_protocol::ProxyProtocolConfig;
use super::route::{MirrorConfig, Redirect, Respond};
use super::sticky::StickyConfig;
use super::tls::TlsConfig;
use super::traces::TracingConfig;

/// A whole configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Worker threads, at least 1.
    pub workers: usize,
    /// Whether files are followed; else they are read again when a reload is asked for. `watch`, true.
    pub watch: bool,
    /// Where `NAME.wasm` wins over the bundled policy `NAME`.
    pub policy_dir: Option<PathBuf>,
    /// Where the last good version of every plugin file is kept over restarts. Not kept if there is none.
    pub state_dir: Option<NamedFile>,
    /// How long the proxy goes on accepting after SIGTERM, while it already says that it isn't ready.
    pub drain_delay: Duration,
    /// How long running requests may take to finish after SIGTERM.
    pub drain_timeout: Duration,
    /// How names are resolved while the proxy runs.
    pub dns: DnsConfig,
    /// How requests are logged; none are if there is none.
    pub access_log: Option<AccessLogConfig>,
    /// The admin server; none if not configured.
    pub admin: Option<AdminConfig>,
    /// Where metrics are collected.
    pub metrics: MetricsConfig,
    /// The export of traces; none if not configured.
    pub tracing: Option<TracingConfig>,
    /// At least one.
    pub listeners: Vec<ListenerConfig>,
    /// At least one, in the order of the file: the first match wins.
    pub routes: Vec<RouteConfig>,
    /// At least one, names unique.
    pub pools: Vec<PoolConfig>,
    /// The limits that routes name, and others; names unique.
    pub limits: Vec<LimitConfig>,
    /// What errors are answered with, of all pools and of none.
    pub error_pages: Vec<ErrorPageConfig>,
    /// What should be known of the file although it can serve.
    pub warnings: Vec<ConfigError>,
}

impl Config {
    /// Whether certificates are ordered for a listener.
    #[must_use]
    pub fn orders_certificates(&self) -> bool {
        self.listeners.iter().any(|listener| listener.tls.as_ref().is_some_and(|tls| tls.acme.is_some()))
    }
}

/// `[[listener]]`: an address the proxy accepts on.
#[derive(Debug, Clone, PartialEq)]
pub struct ListenerConfig {
    /// What routes call it, beside its address; unique.
    pub name: Option<String>,
    /// Where to accept.
    pub address: Address,
    /// Who may connect, if that is a Unix socket with a path. `mode`, `"0660"`.
    pub mode: u32,
    /// Peers whose `X-Forwarded-*` headers are believed; none by default.
    pub trusted_proxies: Vec<IpNet>,
    /// Limits on what clients send and how slowly.
    pub limits: DownstreamLimits,
    /// How clients speak TLS here; without it, they speak in clear.
    pub tls: Option<TlsConfig>,
    /// Who sends PROXY headers here; without it, nobody does.
    pub proxy_protocol: Option<ProxyProtocolConfig>,
    /// Line of the address in the file, for errors that show only when it is bound.
    pub line: usize,
}

impl ListenerConfig {
    /// Whether another listener has the same settings, wherever it accepts.
    #[must_use]
    pub fn has_settings_of(&self, other: &Self) -> bool {
        (self.mode, &self.limits, &self.trusted_proxies, &self.tls, &self.proxy_protocol)
            == (other.mode, &other.limits, &other.trusted_proxies, &other.tls, &other.proxy_protocol)
    }
}

/// Which clients of a listener get the 103 responses of backends (RFC 8297). Those of HTTP/1.0 know none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EarlyHintsUse {
    /// Nobody. `"off"`.
    Off,
    /// Those that speak HTTP/2: browsers heed them nowhere else, and some clients of HTTP/1.1 take a 103 for the response. `"http2"`.
    Http2,
    /// Those of HTTP/1.1, too. `"all"`.
    All,
}

/// Which ids (`X-Request-Id`) the requests of a listener get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestIdUse {
    /// What a trusted proxy has given them, or else new ones. `"pass"`.
    Pass,
    /// New ones. `"replace"`.
    Replace,
    /// None: the field is one like others. `"off"`.
    Off,
}

/// Limits of a listener. Every one is finite by default.
#[derive(Debug, Clone, PartialEq)]
pub struct DownstreamLimits {
    /// From the first byte of a request head to its last. `header_timeout`, 10 s.
    pub header_timeout: Duration,
    /// Longest silence within a request body. `body_timeout`, 30 s.
    pub body_timeout: Duration,
    /// Least average rate of a request body after its first 10 s, bytes per second. `min_body_rate`, 500 B; 0 = none.
    pub min_body_rate: u64,
    /// Longest silence between requests of a connection. `keepalive_timeout`, 60 s.
    pub keepalive_timeout: Duration,
    /// Requests after which a connection is closed. `keepalive_requests`, 10,000.
    pub keepalive_requests: u64,
    /// Age from which on a connection is closed, give or take a tenth. `max_connection_age`, 1 h.
    pub max_connection_age: Duration,
    /// Longest time in which a client takes nothing of a response. `send_timeout`, 60 s.
    pub send_timeout: Duration,
    /// Least average rate at which a client takes a response while it keeps us waiting, after 10 s of that, bytes per
    /// second. `min_send_rate`, 500 B; 0 = none.
    pub min_send_rate: u64,
    /// Longest silence of an upgraded connection, both ways. `tunnel_timeout`, 1 h.
    pub tunnel_timeout: Duration,
    /// Longest silence of an upgraded connection that one side has closed. `tunnel_close_timeout`, 5 s.
    pub tunnel_close_timeout: Duration,
    /// Largest request head, bytes. `max_header_bytes`, 64 KiB.
    pub max_header_bytes: usize,
    /// Most header fields. `max_headers`, 100; at most 100.
    pub max_headers: usize,
    /// Longest request target, bytes. `max_uri_bytes`, 16 KiB or `max_header_bytes` if that is less.
    pub max_uri_bytes: usize,
    /// Most connections at a time over all workers. `max_connections`, 10,000.
    pub max_connections: usize,
    /// Most proxies of this kind that a request has passed before. `max_hops`, 5.
    pub max_hops: usize,
    /// What becomes of odd paths. `path_normalization`, they match routes as what they stand for.
    pub path_normalization: PathNormalization,
    /// Which ids requests get. `request_id`, those of trusted proxies pass.
    pub request_id: RequestIdUse,
    /// Whether every request is answered with a redirect to HTTPS. `redirect`, no.
    pub redirects: bool,
    /// Largest request body, bytes. `max_body`, 0 = any: bodies pass through, they aren't held in memory.
    pub max_body: u64,
    /// Whether clients may speak HTTP/2, or have to. `http2`, they may.
    pub http2: Http2Use,
    /// Limits of HTTP/2 beside these.
    pub http2_limits: Http2Limits,
    /// Which clients get 103 responses of backends. `early_hints`, those of HTTP/2.
    pub early_hints: EarlyHintsUse,
}

impl DownstreamLimits {
    /// Whether requests are refused, understood and answered as with these. What bounds connections and their pace may differ.
    #[must_use]
    pub fn takes_requests_as(&self, other: &Self) -> bool {
        let same_pace = Self {
            header_timeout: other.header_timeout,
            body_timeout: other.body_timeout,
            min_body_rate: other.min_body_rate,
            keepalive_timeout: other.keepalive_timeout,
            keepalive_requests: other.keepalive_requests,
            max_connection_age: other.max_connection_age,
            send_timeout: other.send_timeout,
            min_send_rate: other.min_send_rate,
            tunnel_timeout: other.tunnel_timeout,
            tunnel_close_timeout: other.tunnel_close_timeout,
            max_connections: other.max_connections,
            http2_limits: other.http2_limits,
            ..self.clone()
        };
        same_pace == *other
    }
}

impl Default for DownstreamLimits {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            min_body_rate: 500,
            keepalive_timeout: Duration::from_secs(60),
            keepalive_requests: 10_000,
            max_connection_age: Duration::from_secs(3_600),
            send_timeout: Duration::from_secs(60),
            min_send_rate: 500,
            tunnel_timeout: Duration::from_secs(3_600),
            tunnel_close_timeout: Duration::from_secs(5),
            max_header_bytes: 64 << 10,
            max_headers: 100,
            max_uri_bytes: 16 << 10,
            max_connections: 10_000,
            max_hops: 5,
            path_normalization: PathNormalization::default(),
            request_id: RequestIdUse::Pass,
            redirects: false,
            max_body: 0,
            http2: Http2Use::Auto,
            http2_limits: Http2Limits::default(),
            early_hints: EarlyHintsUse::Http2,
        }
    }
}

/// `[[route]]`: which requests it is for, and where they go.
#[derive(Debug, Clone, PartialEq)]
pub struct RouteConfig {
    /// What it is called in the log, in explanations and by policies; unique.
    pub name: Option<String>,
    /// Which requests match.
    pub pattern: RoutePattern,
    /// Where they go.
    pub target: RouteTarget,
    /// What backends are asked for instead; the same as by the client if there is nothing.
    pub rewrite: Option<Arc<TargetChange>>,
    /// Which fields change on their way.
    pub headers: HeaderRulesConfig,
    /// The pool that gets a share of them as well.
    pub mirror: Option<MirrorConfig>,
    /// The limits that they have to keep to, as indices in [`Config::limits`].
    pub limits: Vec<usize>,
    /// Limits of each of them, in the place of the pool's.
    pub exchange: ExchangeLimits,
    /// Which responses of backends a page takes the place of, whatever the pool says of it. Without it, the pool does.
    pub intercept: Option<Vec<StatusPattern>>,
}

/// Where the requests of a route go.
#[derive(Debug, Clone, PartialEq)]
pub enum RouteTarget {
    /// To a pool.
    Pool {
        /// Its index in [`Config::pools`].
        pool: usize,
        /// What picks from it for this route; the pool's own policy if there is none.
        policy: Option<PolicyConfig>,
    },
    /// To one of several pools.
    Split(SplitConfig),
    /// Elsewhere, by the client itself.
    Redirect(Arc<Redirect>),
    /// Nowhere: this is what they are answered with.
    Respond(Arc<Respond>),
}

impl RouteTarget {
    /// The indices of the pools that it leads to.
    #[must_use]
    pub fn pools(&self) -> Vec<usize> {
        match self {
            Self::Pool { pool, .. } => vec![*pool],
            Self::Split(split) => split.shares.iter().map(|(pool, _)| *pool).collect(),
            Self::Redirect(_) | Self::Respond(_) => Vec::new(),
        }
    }
}

/// `split` of a route: several pools by weight.
#[derive(Debug, Clone, PartialEq)]
pub struct SplitConfig {
    /// Indices of pools in [`Config::pools`] with their weights, 0 to 1,000,000, of which one is above 0.
    pub shares: Vec<(usize, u32)>,
    /// What decides; chance if nothing does, or a request has no such part.
    pub by: Option<RequestKey>,
    /// Keeps clients where they were once sent.
    pub cookie: Option<SplitCookie>,
}

/// The cookie by which a client stays with a pool of a split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SplitCookie {
    /// Its name.
    pub name: String,
    /// How long the client keeps it; as long as it runs if nothing is said.
    pub max_age: Option<Duration>,
}

impl RouteConfig {
    /// What it is called: its name, or else what it matches.
    #[must_use]
    pub fn label(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.pattern.to_string())
    }

    /// The policy that picks for it alone, with the index of the pool that it picks from.
    #[must_use]
    pub fn own_policy(&self) -> Option<(usize, &PolicyConfig)> {
        match &self.target {
            RouteTarget::Pool { pool, policy } => Some((*pool, policy.as_ref()?)),
            RouteTarget::Split(_) | RouteTarget::Redirect(_) | RouteTarget::Respond(_) => None,
        }
    }

    /// The indices of the pools that it leads to.
    #[must_use]
    pub fn pools(&self) -> Vec<usize> {
        self.target.pools()
    }
}

/// `[pool.NAME]`: backends, their policy and limits.
#[derive(Debug, Clone, PartialEq)]
pub struct PoolConfig {
    /// The table's name.
    pub name: String,
    /// What picks the backend.
    pub policy: PolicyConfig,
    /// Those with an address: up to 10,000 together with `discovered`, of which at least one isn't draining; names and
    /// addresses unique.
    pub backends: Vec<BackendConfig>,
    /// Names that each stand for any number of backends. There is at least one here or in `backends`.
    pub discovered: Vec<DiscoveredConfig>,
    /// Seed of the hashes that policies ask for; the same on every proxy of a fleet. `hash_seed`, 0.
    pub hash_seed: u64,
    /// Timeouts and limits towards the backends.
    pub limits: UpstreamLimits,
    /// How backends are spoken to over TLS; without it, in clear.
    pub tls: Option<PoolTlsConfig>,
    /// How responses are compressed; without it, they aren't.
    pub compression: Option<Arc<CompressionConfig>>,
    /// How clients come back to the backend that has served them; without it, they don't.
    pub sticky: Option<StickyConfig>,
    /// What decides the backends' health and weight.
    pub health: HealthConfig,
    /// Which fields change on their way to and from the backends.
    pub headers: HeaderRulesConfig,
    /// What errors are answered with, before the pages of all pools.
    pub error_pages: Vec<ErrorPageConfig>,
    /// Which responses of backends a page takes the place of.
    pub intercept: Vec<StatusPattern>,
}

/// One backend of a pool.
#[derive(Debug, Clone, PartialEq)]
pub struct BackendConfig {
    /// Unique in the pool; the address if none is given.
    pub name: String,
    /// Where it listens. A host name is resolved once, when the file is read.
    pub address: Address,
    /// The host that the address was found under, if one was written.
    pub host: Option<String>,
    /// Where its health is checked, if not there. `check_address`.
    pub check_address: Option<Address>,
    /// The host that this was found under, if one was written.
    pub check_host: Option<String>,
    /// Share of requests in relation to the others, 1 to 1,000.
    pub weight: u32,
    /// Where it stands; empty if not given.
    pub zone: String,
    /// Free key-value pairs that policies can read, in the order of the file.
    pub labels: Vec<(String, String)>,
    /// What it may have in the place of what the pool says.
    pub limits: BackendLimits,
    /// Serves only when no other backend is eligible.
    pub backup: bool,
    /// Gets nothing new.
    pub draining: bool,
}
