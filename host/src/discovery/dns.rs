//! Backends that DNS names: the only user of hickory.
//!
//! What is asked when, and what of the answers is believed, is in `schedule` and `answer`, which know no network; `resolver` asks.

mod answer;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzz;
mod questions;
mod resolver;
mod schedule;

pub(super) use questions::Questions;
