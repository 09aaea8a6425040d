//! The pools whose health is watched.

use std::sync::Arc;

use super::settings::HealthSettings;
use crate::pool::Pool;

/// A pool and the settings of its health.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// The pool.
    pub pool: Arc<Pool>,
    /// Its settings.
    pub settings: Arc<HealthSettings>,
}
