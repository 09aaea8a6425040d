//! The limits of a configuration: those that are there already go on.

use std::sync::Arc;

use pointsman_core::request_limit::RequestLimit;

use crate::config::{Config, LimitConfig};

/// The limits of the next configuration, in its order.
pub(super) fn prepare(config: &Config, running: &[Arc<RequestLimit>]) -> Arc<[Arc<RequestLimit>]> {
    let next = |limit: &LimitConfig| {
        let LimitConfig { name, settings } = limit;
        match running.iter().find(|running| *running.name == **name) {
            Some(running) if running.settings == *settings => Arc::clone(running),
            Some(running) => Arc::new(RequestLimit::after(name, settings.clone(), running)),
            None => Arc::new(RequestLimit::new(name, settings.clone())),
        }
    };
    config.limits.iter().map(next).collect()
}
