//! The running proxy as the API shows it.

mod backend;
mod configuration;
mod counted;
mod events;
mod explanation;
mod overrides;
mod overview;
mod policy;
mod pool;
mod troubles;
mod wall_clock;
mod words;
mod worker;

pub(super) use configuration::{configuration, fault};
pub(super) use events::events;
pub(super) use explanation::explanation;
pub(super) use overrides::{override_state, overrides};
pub(super) use overview::overview;
pub(super) use policy::{policies, policy, versions};
pub(super) use pool::{backend_of, pool_reply, pools};
pub(super) use troubles::judge;
pub(super) use worker::workers;
