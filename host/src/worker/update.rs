//! A configuration on its way to a worker.

use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use pointsman_core::backend::ConfigurationGeneration;
use pointsman_core::pool::{ExchangeLimits, Pool, UpstreamLimits};
use pointsman_core::request_limit::RequestLimit;
use pointsman_core::route::{RoutePattern, TargetChange};
use pointsman_policy::{Picker, PolicySlot};

use crate::access_log::AccessLog;
use crate::config::{AccessLogConfig, CompressionConfig, HeaderPlan, MirrorConfig, Redirect, SplitConfig};
use crate::error_pages::ErrorPages;
use crate::http_challenge::HttpChallenges;
use crate::listener::{Listener, ListeningSocket};
use crate::proxy::FixedAnswer;
use crate::sticky::StickySettings;
use crate::tls::BackendTls;

/// A whole configuration as one worker gets it: references to what it has already, and the objects that are new.
#[derive(Debug)]
pub struct Update {
    /// Which configuration it is.
    pub configuration: ConfigurationGeneration,
    /// The pools.
    pub pools: Vec<PoolAssignment>,
    /// The policies.
    pub policies: Vec<PolicyAssignment>,
    /// The routes.
    pub routes: Vec<RouteAssignment>,
    /// Where to accept.
    pub listeners: Vec<ListenerAssignment>,
    /// What authorities are answered; none if no certificate is ordered.
    pub challenges: Option<Arc<HttpChallenges>>,
    /// What errors are answered with, where there are pages.
    pub error_pages: Option<Arc<ErrorPages>>,
    /// How requests are logged, if they are.
    pub access_log: Option<LogAssignment>,
    /// How long connections may take to end when the worker does.
    pub drain_timeout: Duration,
    /// Dropped as soon as the worker serves with this. The other end is disconnected when all workers do.
    pub in_effect: Sender<()>,
}

/// A route as one worker gets it.
#[derive(Debug, Clone)]
pub struct RouteAssignment {
    /// What it is called, if it has a name.
    pub name: Option<Arc<str>>,
    /// Which requests match.
    pub pattern: RoutePattern,
    /// Where they go.
    pub target: TargetAssignment,
    /// What backends are asked for instead, if that is something else.
    pub rewrite: Option<Arc<TargetChange>>,
    /// Which fields change on their way, if any do: for each of the target's pools, or for its own answers if it has none.
    pub headers: Option<Arc<[Option<HeaderPlan>]>>,
    /// The limits that they have to keep to.
    pub limits: Vec<Arc<RequestLimit>>,
    /// Limits of each of them, in the place of the pool's.
    pub exchange: ExchangeLimits,
    /// The pool that gets a share of them as well, with the rules for what goes there.
    pub mirror: Option<(Arc<MirrorConfig>, Option<HeaderPlan>)>,
}

/// Where a route leads, as one worker gets it.
#[derive(Debug, Clone)]
pub enum TargetAssignment {
    /// To what the policy of this index picks.
    Policy(usize),
    /// To one of several pools, each with its own policy.
    Split(Arc<SplitConfig>),
    /// Elsewhere, by the client itself.
    Redirect(Arc<Redirect>),
    /// Nowhere: this is what they are answered with.
    Respond(Arc<FixedAnswer>),
}

/// The access log as one worker gets it.
#[derive(Debug)]
pub struct LogAssignment {
    /// The log.
    pub log: Arc<AccessLog>,
    /// How lines are written.
    pub config: Arc<AccessLogConfig>,
    /// The worker's number.
    pub worker: usize,
}

/// A pool as one worker gets it.
#[derive(Debug)]
pub struct PoolAssignment {
    /// The pool.
    pub pool: Arc<Pool>,
    /// Its limits.
    pub limits: Arc<UpstreamLimits>,
    /// What connections to its backends are made over; without it, they are in clear.
    pub tls: Option<Arc<BackendTls>>,
    /// How responses are compressed; without it, they aren't.
    pub compression: Option<Arc<CompressionConfig>>,
    /// How clients come back to their backends; without it, they don't.
    pub sticky: Option<Arc<StickySettings>>,
}

/// A policy as one worker gets it.
#[derive(Debug)]
pub struct PolicyAssignment {
    /// The policy's slot.
    pub slot: Arc<PolicySlot>,
    /// Index of the pool that it picks from.
    pub pool: usize,
    /// The worker's picker; `None` if it has one from the configuration before.
    pub picker: Option<Picker>,
}

/// A listener as one worker gets it.
#[derive(Debug)]
pub struct ListenerAssignment {
    /// The listener.
    pub listener: Listener,
    /// The worker's sockets; `None` if it has them from the configuration before.
    pub sockets: Option<Vec<ListeningSocket>>,
}
