//! Scenarios: a plugin step by step, with what must come of each.
//!
//! The plugin file itself runs in the proxy's own runtime, at a time that stands still unless a step advances it. A request in a scenario is
//! a pick; nothing is in flight unless a step says so.

mod capture;
mod check;
mod model;
mod outcome;
mod read;
mod run;

pub use model::{Change, Observe, PoolSetup, Request, Scenario, Step, TestBackend};
pub use outcome::{Failure, Outcome};
pub use read::{load, parse};
pub use run::run;

#[cfg(test)]
mod tests;
