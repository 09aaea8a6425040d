//! A contender that takes part in a scenario.

use super::contender::Running;
use super::generator::Generator;

/// A contender in a scenario, with the load's connections to it.
pub(crate) struct Participant<'a> {
    pub(crate) running: Running,
    pub(crate) generator: Generator<'a>,
}
