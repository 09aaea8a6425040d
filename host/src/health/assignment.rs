//! The pools whose health is watched.

use std::sync::Arc;

use pointsman_core::pool::Pool;

use super::settings::HealthSettings;

/// A pool and the settings of its health.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// The pool.
    pub pool: Arc<Pool>,
    /// Its settings.
    pub settings: Arc<HealthSettings>,
}
