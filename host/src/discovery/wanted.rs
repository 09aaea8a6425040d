//! What discovery is asked to follow.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use pointsman_core::pool::Pool;

use crate::config::{DiscoveredConfig, DnsConfig, Question};
use crate::health::HealthSettings;

/// A pool with entries whose backends are discovered.
#[derive(Debug, Clone)]
pub struct DiscoveredPool {
    /// The pool.
    pub pool: Arc<Pool>,
    /// The entries.
    pub entries: Vec<DiscoveredConfig>,
    /// Decides how a new backend begins.
    pub health: Arc<HealthSettings>,
}

/// Everything that is to be followed.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    pub(super) dns: DnsConfig,
    pub(super) pools: Vec<DiscoveredPool>,
    /// Questions of pools that come with the next configuration.
    pub(super) upcoming: Vec<Question>,
    /// Sent to when every question has had an answer.
    pub(super) answered: Option<SyncSender<()>>,
    /// Sent to when the known answers are in the pools.
    pub(super) placed: Option<SyncSender<()>>,
}
