//! What came of a scenario.

use std::fmt;

use pointsman_sdk::abi::outcome;

/// A scenario that was run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Its name.
    pub name: String,
    /// Steps that were as expected, up to the first that wasn't.
    pub passed: usize,
    /// The first step that wasn't.
    pub failure: Option<Failure>,
    /// What the plugin asked for that there isn't, of the first things.
    pub asked_unknown: Vec<String>,
}

/// A step that wasn't as expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Its line in the file.
    pub line: usize,
    /// Its number, from 1.
    pub step: usize,
    /// What it was.
    pub what: String,
    /// What should have come of it.
    pub expected: String,
    /// What came of it.
    pub found: String,
    /// What the plugin logged in this step, and how it failed.
    pub log: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, step, what, expected, found, log } = self;
        write!(f, "line {line}, step {step}: {what}\n  expected  {expected}\n  found     {found}")?;
        log.iter().try_for_each(|line| write!(f, "\n  log       {line}"))
    }
}

/// The number of an outcome, as the plugin contract has it.
pub(super) fn code(name: &str) -> Option<i32> {
    Some(match name {
        "complete" => outcome::COMPLETE,
        "client-abort" => outcome::CLIENT_ABORT,
        "upstream-reset" => outcome::UPSTREAM_RESET,
        "timeout" => outcome::TIMEOUT,
        "connect-failure" => outcome::CONNECT_FAILURE,
        _ => return None,
    })
}
