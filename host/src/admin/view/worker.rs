//! Workers.

use crate::admin::model::{WorkerList, WorkerState};
use crate::control::status::ConfigurationStatus;

pub(in crate::admin) fn workers(status: &ConfigurationStatus) -> WorkerList {
    WorkerList { workers: (0..).take(status.workers).map(|worker| WorkerState { worker }).collect() }
}
