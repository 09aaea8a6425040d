//! How long everything takes.

use std::time::Duration;

/// Times and numbers of a session.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RunLength {
    /// Rounds at the same rate; in each, every contender has its turn.
    pub(crate) rounds: usize,
    /// One turn.
    pub(crate) turn: Duration,
    /// At full speed, before anything is measured.
    pub(crate) warm_up: Duration,
    /// One turn at full speed; there are two of each contender.
    pub(crate) saturation: Duration,
    /// Requests while system calls are counted.
    pub(crate) traced_requests: u64,
    /// Connections that are held open while memory is measured.
    pub(crate) idle_connections: usize,
    /// Requests between two looks at the memory that they may leave behind.
    pub(crate) growth_requests: u64,
}

impl RunLength {
    /// What numbers to be published take: about an hour and a half.
    pub(crate) const FULL: Self = Self {
        rounds: 10,
        turn: Duration::from_secs(5),
        warm_up: Duration::from_secs(1),
        saturation: Duration::from_secs(4),
        traced_requests: 10_000,
        idle_connections: 10_000,
        growth_requests: 1_000_000,
    };

    /// Enough to see that everything works, and large differences.
    pub(crate) const QUICK: Self = Self {
        rounds: 4,
        turn: Duration::from_millis(600),
        warm_up: Duration::from_millis(200),
        saturation: Duration::from_millis(600),
        traced_requests: 1000,
        idle_connections: 10_000,
        growth_requests: 20_000,
    };
}
