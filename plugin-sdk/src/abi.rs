//! The plugin contract, ABI 1.0: names, numbers and bit layouts that the host and every guest agree on.
//!
//! This module is the contract's one home. The host links its functions by these names and reads verdicts
//! with these numbers; the SDK's guest side and `include/pointsman.h` state the same, which tests hold against [`signature`]. Nothing here does
//! anything: see [`crate::Policy`] for how a policy author meets the contract.
//!
//! # Shape
//!
//! * All arguments and results are numbers: `i32` (addresses, lengths, indexes, enumerations) or `i64`.
//! * The guest owns its memory. The host writes only into a buffer that the guest passes as `(buf, cap)` and
//!   reads only `(ptr, len)` ranges that the guest passes. A range that lies outside the memory is a trap.
//! * A function that fills a buffer answers the full length in bytes. A length above `cap` means that nothing
//!   was written: ask again with more room. A negative answer means that there is no such thing.
//! * Numbers in memory are little-endian.
//! * A *backend index* is a place in the pool's topology, `0 ..` [`import::BACKEND_COUNT`], and holds until the next
//!   topology event. Ineligible backends have an index too: there is one index space.
//! * Functions of the request group answer [`ABSENT`] (or 0 for a hash) outside `pick` and `observe`.
//!
//! # Versions
//!
//! The import module's name carries the version. Additions come as a further module (`pointsman_1.1`) beside
//! this one, so the version a plugin needs is read from its imports without running it.

/// Name of the import module: all functions of ABI 1.0.
pub const MODULE: &str = "pointsman_1.0";

/// What a function answers when the thing asked for does not exist (no such header, index or field).
pub const ABSENT: i32 = -1;

/// Names of what a plugin exports.
pub mod export {
    /// The guest's linear memory. Required.
    pub const MEMORY: &str = "memory";
    /// `() -> i32`: prepares the policy; 0 = ready, anything else = refused, with the reason given to `fail`. Required.
    pub const INIT: &str = "pointsman_init";
    /// `() -> i64`: one pick; the answer is a [verdict](super::verdict). Required.
    pub const PICK: &str = "pointsman_pick";
    /// `()`: the topology changed: backends, eligibility or weights. Optional.
    pub const TOPOLOGY: &str = "pointsman_topology";
    /// `(backend: i32, status: i32, outcome: i32, head_us: i64, total_us: i64)`: a response ended; see
    /// [`outcome`](super::outcome). If no response head came, the status is 0 and `head_us` is −1. That of a call of gRPC whose
    /// own status blames the backend (2, 4, 13, 14, 15, none) is 500, 503 for 14 and 504 for 4. Optional.
    pub const OBSERVE: &str = "pointsman_observe";
    /// `()`: the interval set with `tick_every` has passed. Optional.
    pub const TICK: &str = "pointsman_tick";
}

/// Names of exports that languages' own runtimes bring with them.
pub mod runtime_export {
    /// `()`: prepares the runtime, as reactors of WASI have it. Called once per instance, before
    /// [`INIT`](super::export::INIT) and within its time; it may call what that may. Optional.
    pub const INITIALIZE: &str = "_initialize";
    /// What a program exports instead, and is refused for: the host wouldn't call it.
    pub const START: &str = "_start";
}

/// Names of the functions a plugin may import from [`MODULE`].
pub mod import {
    /// `(buf, cap) -> i32`: the pool's policy configuration table as JSON; `{}` if there is none.
    pub const CONFIG: &str = "config";
    /// `(ptr, len)`: why `init` refuses, in words for the operator.
    pub const FAIL: &str = "fail";
    /// `(ptr, len)`: names the layout of the policy's cells. Only in `init`. Cells of another name start from zero.
    pub const STATE: &str = "state";

    /// `() -> i32`: number of backends in the topology.
    pub const BACKEND_COUNT: &str = "backend_count";
    /// `(index, field, buf, cap) -> i32`: a text of a backend; see [`backend_field`](super::backend_field).
    pub const BACKEND_TEXT: &str = "backend_text";
    /// `(index, key_ptr, key_len, buf, cap) -> i32`: a label of a backend.
    pub const BACKEND_LABEL: &str = "backend_label";
    /// `(index) -> i32`: effective weight in thousandths (slow start included); 0 for an unknown index.
    pub const WEIGHT: &str = "weight";
    /// `(buf, cap) -> i32`: effective weights of all backends, as `u32`.
    pub const WEIGHTS: &str = "weights";
    /// `(index) -> i32`: configured weight in thousandths, which only the operator changes; 0 for an unknown index.
    pub const CONFIGURED_WEIGHT: &str = "configured_weight";
    /// `(index) -> i32`: [flags](super::flag) of a backend; 0 for an unknown index.
    pub const FLAGS: &str = "flags";
    /// `(buf, cap) -> i32`: flags of all backends, as `u32`.
    pub const ALL_FLAGS: &str = "all_flags";

    /// `(kind, index) -> i64`: one live number of one backend; see [`stat`](super::stat). 0 for an unknown index or kind.
    pub const STAT: &str = "stat";
    /// `(kind, buf, cap) -> i32`: the same number of all backends, as `u64`; negative for an unknown kind.
    pub const STATS: &str = "stats";

    /// `(field, buf, cap) -> i32`: a text of the request; see [`request_field`](super::request_field).
    pub const REQUEST_TEXT: &str = "request_text";
    /// `(name_ptr, name_len, buf, cap) -> i32`: first value of a request header; names match without regard to case.
    pub const HEADER: &str = "header";
    /// `(buf) -> i32`: writes the client's address as 16 bytes (IPv4 mapped into IPv6) and returns 4 or 6.
    pub const CLIENT_IP: &str = "client_ip";
    /// `(source, name_ptr, name_len) -> i64`: stable 64-bit hash of a part of the request; see
    /// [`hash_source`](super::hash_source). 0 = the request has no such part; a real hash is never 0.
    pub const HASH: &str = "hash";
    /// `() -> i32`: 0 for the first attempt of a request, 1 for the first retry and so on.
    pub const ATTEMPT: &str = "attempt";
    /// `(index) -> i32`: 1 if this request may not use the backend again: it was tried, or found full.
    pub const TRIED: &str = "tried";

    /// `(scope, index, slot) -> i64`: the cell's value. An unknown cell reads 0 and keeps nothing.
    pub const CELL_GET: &str = "cell_get";
    /// `(scope, index, slot, value: i64)`: sets the cell.
    pub const CELL_SET: &str = "cell_set";
    /// `(scope, index, slot, delta: i64) -> i64`: adds (wrapping) and returns the value before.
    pub const CELL_ADD: &str = "cell_add";
    /// `(scope, index, slot, expected: i64, new: i64) -> i64`: sets if the value is `expected`; returns the value before.
    pub const CELL_CAS: &str = "cell_cas";

    /// `() -> i64`: monotonic time in µs from an arbitrary start; coarse (steps of up to 1 ms).
    pub const NOW_US: &str = "now_us";
    /// `() -> i64`: 64 random bits from a generator that the host seeds.
    pub const RANDOM: &str = "random";
    /// `(level, ptr, len)`: a line for the host's log; see [`log_level`](super::log_level). Rate-limited.
    pub const LOG: &str = "log";
    /// `(ms)`: asks for `pointsman_tick` every `ms` milliseconds; 0 = never. The least is 10.
    pub const TICK_EVERY: &str = "tick_every";
}

/// Names of the functions a plugin may import from the module of WASI preview 1: what the libraries of C, C++ and Go link in
/// whether it is called or not. They have fixed answers and give nothing that the functions above don't; anything else
/// of WASI is refused. Their types are in [`signature::WASI`]; what they answer are error numbers of WASI.
pub mod wasi {
    /// Name of their import module.
    pub const MODULE: &str = "wasi_snapshot_preview1";

    /// No arguments.
    pub const ARGS_GET: &str = "args_get";
    /// No arguments.
    pub const ARGS_SIZES_GET: &str = "args_sizes_get";
    /// A microsecond.
    pub const CLOCK_RES_GET: &str = "clock_res_get";
    /// Any clock: what [`NOW_US`](super::import::NOW_US) answers, in nanoseconds.
    pub const CLOCK_TIME_GET: &str = "clock_time_get";
    /// No environment.
    pub const ENVIRON_GET: &str = "environ_get";
    /// No environment.
    pub const ENVIRON_SIZES_GET: &str = "environ_sizes_get";
    /// No such file.
    pub const FD_CLOSE: &str = "fd_close";
    /// No such file.
    pub const FD_FDSTAT_GET: &str = "fd_fdstat_get";
    /// No such file.
    pub const FD_FDSTAT_SET_FLAGS: &str = "fd_fdstat_set_flags";
    /// No such file: there are no folders.
    pub const FD_PRESTAT_DIR_NAME: &str = "fd_prestat_dir_name";
    /// No such file: there are no folders.
    pub const FD_PRESTAT_GET: &str = "fd_prestat_get";
    /// No such file.
    pub const FD_READ: &str = "fd_read";
    /// Can't be done.
    pub const FD_SEEK: &str = "fd_seek";
    /// A line of [`LOG`](super::import::LOG): `INFO` for standard output (1), `WARN` for standard error (2).
    pub const FD_WRITE: &str = "fd_write";
    /// There is nothing to wait for.
    pub const POLL_ONEOFF: &str = "poll_oneoff";
    /// Ends the call as a fault.
    pub const PROC_EXIT: &str = "proc_exit";
    /// Bytes of [`RANDOM`](super::import::RANDOM).
    pub const RANDOM_GET: &str = "random_get";
    /// Nothing to do.
    pub const SCHED_YIELD: &str = "sched_yield";
}

/// Texts of a backend, for [`import::BACKEND_TEXT`].
pub mod backend_field {
    /// The backend's name, unique in its pool.
    pub const NAME: i32 = 0;
    /// The backend's address, as `ip:port`, or `unix:` and the path of a socket.
    pub const ADDRESS: i32 = 1;
    /// The backend's zone; empty if none is configured.
    pub const ZONE: i32 = 2;
}

/// Flags of a backend, for [`import::FLAGS`].
pub mod flag {
    /// May be picked: healthy (or the pool panics), not draining, and a backup only when nothing else is.
    pub const ELIGIBLE: u32 = 1;
    /// Passes its health checks.
    pub const HEALTHY: u32 = 2;
    /// Finishes what runs and gets nothing new.
    pub const DRAINING: u32 = 4;
    /// Serves only when no other backend is eligible.
    pub const BACKUP: u32 = 8;
    /// At its limit at this moment. Live: it changes without a topology event.
    pub const FULL: u32 = 16;
}

/// One configured unit of weight, in the thousandths in which weights are passed.
pub const WEIGHT_UNIT: u32 = 1000;

/// Kinds of live numbers, for [`import::STAT`].
pub mod stat {
    /// Requests in flight, over all workers.
    pub const IN_FLIGHT: i32 = 0;
    /// Requests waiting because every backend is full; the same number for all of them.
    pub const QUEUED: i32 = 1;
    /// Requests sent since the backend was added.
    pub const REQUESTS: i32 = 2;
    /// Of those, how many failed: no connection, no response, or a status of 500 and above.
    pub const FAILURES: i32 = 3;
    /// Moving average of the time to the response head, µs.
    pub const LATENCY_EWMA_US: i32 = 4;
    /// The same, jumping to each new peak and decaying from there, µs.
    pub const PEAK_EWMA_US: i32 = 5;
    /// Moving share of failures, parts per million.
    pub const ERROR_RATE_PPM: i32 = 6;
    /// Load that the backend reports of itself, parts per million; 0 if it reports none.
    pub const REPORTED_LOAD_PPM: i32 = 7;
    /// Time since the last failure, ms; the greatest number if there was none.
    pub const MS_SINCE_FAILURE: i32 = 8;
    /// Number of kinds.
    pub const KINDS: i32 = 9;
}

/// Texts of the request, for [`import::REQUEST_TEXT`].
pub mod request_field {
    /// `GET`, `POST` …
    pub const METHOD: i32 = 0;
    /// `http` or `https`, as the client spoke to the proxy.
    pub const SCHEME: i32 = 1;
    /// Host and port that the client asked for.
    pub const AUTHORITY: i32 = 2;
    /// Path, without the query.
    pub const PATH: i32 = 3;
    /// Query, without the question mark; absent if there is none.
    pub const QUERY: i32 = 4;
    /// `HTTP/1.0`, `HTTP/1.1` or `HTTP/2`, as the client speaks to the proxy. Absent in a proxy that is older than this field.
    pub const PROTOCOL: i32 = 5;
    /// What the route is called that the request takes; absent if it has no name, and in a proxy that is older than this field.
    pub const ROUTE: i32 = 6;
}

/// What is hashed, for [`import::HASH`].
pub mod hash_source {
    /// The client's address. The name is not looked at.
    pub const CLIENT_IP: i32 = 0;
    /// The named header's first value.
    pub const HEADER: i32 = 1;
    /// The named cookie's value.
    pub const COOKIE: i32 = 2;
    /// The path. The name is not looked at.
    pub const PATH: i32 = 3;
    /// The named query parameter's first value, as it was sent.
    pub const QUERY: i32 = 4;
}

/// Scopes of cells, for [`import::CELL_GET`] and its siblings.
pub mod cell_scope {
    /// Cells of the pool; the index is ignored.
    pub const POOL: i32 = 0;
    /// Cells of a backend, kept under its name.
    pub const BACKEND: i32 = 1;
    /// Cells in the pool's scope.
    pub const POOL_SLOTS: usize = 16;
    /// Cells in each backend's scope.
    pub const BACKEND_SLOTS: usize = 8;
}

/// Levels of log lines, for [`import::LOG`].
pub mod log_level {
    /// For the developers of the policy; off unless asked for.
    pub const DEBUG: i32 = 0;
    /// Worth knowing.
    pub const INFO: i32 = 1;
    /// Needs attention.
    pub const WARN: i32 = 2;
    /// Something does not work.
    pub const ERROR: i32 = 3;
    /// The guest's last words before a trap. Kept with the fault that follows.
    pub const PANIC: i32 = 4;
}

/// How a response ended, for [`export::OBSERVE`].
pub mod outcome {
    /// The whole response was delivered.
    pub const COMPLETE: i32 = 0;
    /// The client left first. Says nothing about the backend.
    pub const CLIENT_ABORT: i32 = 1;
    /// The backend closed or reset the connection before the response was whole.
    pub const UPSTREAM_RESET: i32 = 2;
    /// The backend was too slow.
    pub const TIMEOUT: i32 = 3;
    /// No connection to the backend.
    pub const CONNECT_FAILURE: i32 = 4;
}

/// A pick's answer: the kind in the high half, the value in the low half.
pub mod verdict {
    /// The value is a backend index.
    pub const BACKEND: u32 = 0;
    /// No opinion: the host's fallback picks. The value is ignored.
    pub const ABSTAIN: u32 = 1;
    /// Refuse the request. The value is the HTTP status, 400 to 599.
    pub const REJECT: u32 = 2;

    /// Packs a verdict.
    #[must_use]
    pub const fn pack(kind: u32, value: u32) -> i64 {
        ((kind as i64) << 32) | value as i64
    }

    /// Unpacks a verdict into kind and value.
    #[must_use]
    pub const fn unpack(verdict: i64) -> (u32, u32) {
        ((verdict >> 32) as u32, verdict as u32)
    }
}

/// Limits that the host puts on a plugin file and its instances. A pool's configuration may lower or raise
/// those that say so.
pub mod limit {
    /// Greatest size of a plugin without its custom sections (names, debug information), bytes.
    pub const PLUGIN_BYTES: usize = 4 << 20;
    /// Greatest size of a plugin file, custom sections included, bytes.
    pub const FILE_BYTES: usize = 32 << 20;
    /// Most functions of a plugin.
    pub const FUNCTIONS: usize = 10_000;
    /// Greatest size of one function, bytes of its body.
    pub const FUNCTION_BYTES: usize = 64 << 10;
    /// Greatest linear memory, bytes. Configurable.
    pub const MEMORY_BYTES: usize = 16 << 20;
    /// Most elements of the table.
    pub const TABLE_ELEMENTS: usize = 10_000;
    /// Longest log line and refusal text, bytes; the rest is cut off.
    pub const TEXT_BYTES: usize = 1024;
    /// Longest name of a label, header, cookie or query value, bytes; a longer one names nothing.
    pub const NAME_BYTES: usize = 1024;
    /// CPU time of one call into the guest, ms. Configurable.
    pub const CALL_MS: u64 = 5;
    /// Least interval of ticks, ms.
    pub const TICK_MS: u32 = 10;
}

pub mod signature;
