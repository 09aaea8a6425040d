//! Specs of simulations: TOML files.

mod backend;
mod check;
mod event;
mod llm;
mod load;
mod model;
mod policy;
mod queue;
mod read;
mod replay;
mod service;
mod speed;
mod swap;

pub use backend::{BackendGroup, Model};
pub(crate) use check::capacity;
pub use check::name_fault;
pub use event::{Concerned, Event, Zone};
pub(crate) use llm::BLOCK;
pub use llm::{Llm, Prompt};
pub use load::{Arrivals, Keys, Load};
pub use model::{Runs, Spec};
pub use policy::{Loaded, OfProxy, PolicySpec};
pub use queue::Queue;
pub use read::{load, parse};
pub use replay::Replay;
pub use service::Service;
pub(crate) use service::Z99;
pub use speed::{Disturbed, Speed};
pub use swap::Swap;

#[cfg(test)]
mod tests;
