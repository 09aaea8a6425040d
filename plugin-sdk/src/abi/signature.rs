//! The type of each function of the contract: the table that host, SDK, test hosts and C header are held against.

use super::{export, import, wasi};

/// A function of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature {
    /// Its name, without the module.
    pub name: &'static str,
    /// Its type in WebAssembly, as `(i32, i64) -> i32`.
    pub ty: &'static str,
}

impl Signature {
    const fn new(name: &'static str, ty: &'static str) -> Self {
        Self { name, ty }
    }

    /// The types of its parameters.
    pub fn parameters(self) -> impl Iterator<Item = &'static str> {
        let (parameters, _) = self.ty.split_once(')').unwrap_or_default();
        parameters.trim_start_matches('(').split(", ").filter(|parameter| !parameter.is_empty())
    }

    /// The type of its result; `None` if it has none.
    #[must_use]
    pub fn result(self) -> Option<&'static str> {
        self.ty.split_once("-> ").map(|(_, result)| result)
    }
}

/// What a plugin may import from [`MODULE`](super::MODULE).
pub const IMPORTS: [Signature; 27] = [
    Signature::new(import::CONFIG, "(i32, i32) -> i32"),
    Signature::new(import::FAIL, "(i32, i32)"),
    Signature::new(import::STATE, "(i32, i32)"),
    Signature::new(import::BACKEND_COUNT, "() -> i32"),
    Signature::new(import::BACKEND_TEXT, "(i32, i32, i32, i32) -> i32"),
    Signature::new(import::BACKEND_LABEL, "(i32, i32, i32, i32, i32) -> i32"),
    Signature::new(import::WEIGHT, "(i32) -> i32"),
    Signature::new(import::WEIGHTS, "(i32, i32) -> i32"),
    Signature::new(import::CONFIGURED_WEIGHT, "(i32) -> i32"),
    Signature::new(import::FLAGS, "(i32) -> i32"),
    Signature::new(import::ALL_FLAGS, "(i32, i32) -> i32"),
    Signature::new(import::STAT, "(i32, i32) -> i64"),
    Signature::new(import::STATS, "(i32, i32, i32) -> i32"),
    Signature::new(import::REQUEST_TEXT, "(i32, i32, i32) -> i32"),
    Signature::new(import::HEADER, "(i32, i32, i32, i32) -> i32"),
    Signature::new(import::CLIENT_IP, "(i32) -> i32"),
    Signature::new(import::HASH, "(i32, i32, i32) -> i64"),
    Signature::new(import::ATTEMPT, "() -> i32"),
    Signature::new(import::TRIED, "(i32) -> i32"),
    Signature::new(import::CELL_GET, "(i32, i32, i32) -> i64"),
    Signature::new(import::CELL_SET, "(i32, i32, i32, i64)"),
    Signature::new(import::CELL_ADD, "(i32, i32, i32, i64) -> i64"),
    Signature::new(import::CELL_CAS, "(i32, i32, i32, i64, i64) -> i64"),
    Signature::new(import::NOW_US, "() -> i64"),
    Signature::new(import::RANDOM, "() -> i64"),
    Signature::new(import::LOG, "(i32, i32, i32)"),
    Signature::new(import::TICK_EVERY, "(i32)"),
];

/// What a plugin may import from [`wasi::MODULE`].
pub const WASI: [Signature; 18] = [
    Signature::new(wasi::ARGS_GET, "(i32, i32) -> i32"),
    Signature::new(wasi::ARGS_SIZES_GET, "(i32, i32) -> i32"),
    Signature::new(wasi::CLOCK_RES_GET, "(i32, i32) -> i32"),
    Signature::new(wasi::CLOCK_TIME_GET, "(i32, i64, i32) -> i32"),
    Signature::new(wasi::ENVIRON_GET, "(i32, i32) -> i32"),
    Signature::new(wasi::ENVIRON_SIZES_GET, "(i32, i32) -> i32"),
    Signature::new(wasi::FD_CLOSE, "(i32) -> i32"),
    Signature::new(wasi::FD_FDSTAT_GET, "(i32, i32) -> i32"),
    Signature::new(wasi::FD_FDSTAT_SET_FLAGS, "(i32, i32) -> i32"),
    Signature::new(wasi::FD_PRESTAT_DIR_NAME, "(i32, i32, i32) -> i32"),
    Signature::new(wasi::FD_PRESTAT_GET, "(i32, i32) -> i32"),
    Signature::new(wasi::FD_READ, "(i32, i32, i32, i32) -> i32"),
    Signature::new(wasi::FD_SEEK, "(i32, i64, i32, i32) -> i32"),
    Signature::new(wasi::FD_WRITE, "(i32, i32, i32, i32) -> i32"),
    Signature::new(wasi::POLL_ONEOFF, "(i32, i32, i32, i32) -> i32"),
    Signature::new(wasi::PROC_EXIT, "(i32)"),
    Signature::new(wasi::RANDOM_GET, "(i32, i32) -> i32"),
    Signature::new(wasi::SCHED_YIELD, "() -> i32"),
];

/// What a plugin exports for the host to call.
pub const EXPORTS: [Signature; 5] = [INIT, PICK, TOPOLOGY, OBSERVE, TICK];

/// [`export::INIT`]
pub const INIT: Signature = Signature::new(export::INIT, "() -> i32");
/// [`export::PICK`]
pub const PICK: Signature = Signature::new(export::PICK, "() -> i64");
/// [`export::TOPOLOGY`]
pub const TOPOLOGY: Signature = Signature::new(export::TOPOLOGY, "()");
/// [`export::OBSERVE`]
pub const OBSERVE: Signature = Signature::new(export::OBSERVE, "(i32, i32, i32, i64, i64)");
/// [`export::TICK`]
pub const TICK: Signature = Signature::new(export::TICK, "()");
