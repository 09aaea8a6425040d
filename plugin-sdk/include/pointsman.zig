//! The plugin contract of the Pointsman reverse proxy, ABI 1.0, for Zig.
//!
//! plugin-sdk/src/abi.rs is the contract's home and says more; a test holds this file to it. In short:
//!
//! - A plugin is a WebAssembly module that exports its `memory`, `pointsman_init` (0 = ready) and `pointsman_pick`, which
//!   answers a verdict.
//! - A function with (buf, cap) fills the buffer and answers the full length in bytes. A length above cap means that nothing
//!   was written: ask again with more room. A negative answer means that there is no such thing.
//! - A backend goes by its index, 0 to backend_count - 1, which holds until the next topology event.
//! - Functions of the request answer -1 (or 0 for a hash) outside pick and observe.
//!
//!     const pointsman = @import("pointsman.zig");
//!
//!     export fn pointsman_init() i32 {
//!         return 0;
//!     }
//!     export fn pointsman_pick() i64 {
//!         return pointsman.abstain;
//!     }
//!
//!     zig build-exe mine.zig -target wasm32-freestanding -O ReleaseSmall -fno-entry -rdynamic --stack 16384 -femit-bin=mine.wasm
//!
//! Optional exports: `pointsman_topology() void`, `pointsman_tick() void` and
//! `pointsman_observe(backend: i32, status: i32, outcome: i32, head_us: i64, total_us: i64) void`.

const std = @import("std");

/// What a function answers when the thing asked for does not exist.
pub const absent: i32 = -1;
/// One configured unit of weight, in the thousandths in which weights are passed.
pub const weight_unit: i32 = 1000;

/// Sends the request to this backend.
pub fn backend(index: i32) i64 {
    return pack(verdict.backend, index);
}
/// No opinion: the proxy's fallback picks.
pub const abstain: i64 = pack(verdict.abstain, 0);
/// Refuses the request with an HTTP status, 400 to 599.
pub fn reject(status: i32) i64 {
    return pack(verdict.reject, status);
}
fn pack(kind: i64, value: i32) i64 {
    return kind << 32 | @as(i64, @as(u32, @bitCast(value)));
}

/// For the root file, so that a fault says why: `pub const panic = pointsman.panic;`
pub const panic = std.debug.FullPanic(lastWords);
fn lastWords(words: []const u8, _: ?usize) noreturn {
    host.log(log_level.panic, words.ptr, words.len);
    @trap();
}

/// A line in the proxy's log; see `log_level`.
pub fn log(level: i32, text: []const u8) void {
    host.log(level, text.ptr, text.len);
}

/// What the proxy answers.
pub const host = struct {
    /// The pool's policy configuration table as JSON; `{}` if there is none.
    pub extern "pointsman_1.0" fn config(buf: [*]u8, cap: usize) i32;
    /// Why `init` refuses, in words for the operator.
    pub extern "pointsman_1.0" fn fail(ptr: [*]const u8, len: usize) void;
    /// Names the layout of the policy's cells. Only in `init`. Cells of another name start from zero.
    pub extern "pointsman_1.0" fn state(ptr: [*]const u8, len: usize) void;
    /// Number of backends in the topology.
    pub extern "pointsman_1.0" fn backend_count() i32;
    /// A text of a backend; see backend_field.
    pub extern "pointsman_1.0" fn backend_text(index: i32, field: i32, buf: [*]u8, cap: usize) i32;
    /// A label of a backend.
    pub extern "pointsman_1.0" fn backend_label(index: i32, key_ptr: [*]const u8, key_len: usize, buf: [*]u8, cap: usize) i32;
    /// Effective weight in thousandths (slow start included); 0 for an unknown index.
    pub extern "pointsman_1.0" fn weight(index: i32) i32;
    /// Effective weights of all backends, as `u32`.
    pub extern "pointsman_1.0" fn weights(buf: [*]u32, cap: usize) i32;
    /// Configured weight in thousandths, which only the operator changes; 0 for an unknown index.
    pub extern "pointsman_1.0" fn configured_weight(index: i32) i32;
    /// Flags of a backend; 0 for an unknown index.
    pub extern "pointsman_1.0" fn flags(index: i32) i32;
    /// Flags of all backends, as `u32`.
    pub extern "pointsman_1.0" fn all_flags(buf: [*]u32, cap: usize) i32;
    /// One live number of one backend; see stat. 0 for an unknown index or kind.
    pub extern "pointsman_1.0" fn stat(kind: i32, index: i32) i64;
    /// The same number of all backends, as `u64`; negative for an unknown kind.
    pub extern "pointsman_1.0" fn stats(kind: i32, buf: [*]u64, cap: usize) i32;
    /// A text of the request; see request_field.
    pub extern "pointsman_1.0" fn request_text(field: i32, buf: [*]u8, cap: usize) i32;
    /// First value of a request header; names match without regard to case.
    pub extern "pointsman_1.0" fn header(name_ptr: [*]const u8, name_len: usize, buf: [*]u8, cap: usize) i32;
    /// Writes the client's address as 16 bytes (IPv4 mapped into IPv6) and returns 4 or 6.
    pub extern "pointsman_1.0" fn client_ip(buf: *[16]u8) i32;
    /// Stable 64-bit hash of a part of the request; see hash_source. 0 = the request has no such part; a real
    /// hash is never 0.
    pub extern "pointsman_1.0" fn hash(source: i32, name_ptr: [*]const u8, name_len: usize) i64;
    /// 0 for the first attempt of a request, 1 for the first retry and so on.
    pub extern "pointsman_1.0" fn attempt() i32;
    /// 1 if this request may not use the backend again: it was tried, or found full.
    pub extern "pointsman_1.0" fn tried(index: i32) i32;
    /// The cell's value. An unknown cell reads 0 and keeps nothing.
    pub extern "pointsman_1.0" fn cell_get(scope: i32, index: i32, slot: i32) i64;
    /// Sets the cell.
    pub extern "pointsman_1.0" fn cell_set(scope: i32, index: i32, slot: i32, value: i64) void;
    /// Adds (wrapping) and returns the value before.
    pub extern "pointsman_1.0" fn cell_add(scope: i32, index: i32, slot: i32, delta: i64) i64;
    /// Sets if the value is `expected`; returns the value before.
    pub extern "pointsman_1.0" fn cell_cas(scope: i32, index: i32, slot: i32, expected: i64, desired: i64) i64;
    /// Monotonic time in µs from an arbitrary start; coarse (steps of up to 1 ms).
    pub extern "pointsman_1.0" fn now_us() i64;
    /// 64 random bits from a generator that the host seeds.
    pub extern "pointsman_1.0" fn random() i64;
    /// A line for the host's log; see log_level. Rate-limited.
    pub extern "pointsman_1.0" fn log(level: i32, ptr: [*]const u8, len: usize) void;
    /// Asks for `pointsman_tick` every `ms` milliseconds; 0 = never. The least is 10.
    pub extern "pointsman_1.0" fn tick_every(ms: i32) void;
};

/// Texts of a backend, for import::BACKEND_TEXT.
pub const backend_field = struct {
    /// The backend's name, unique in its pool.
    pub const name: i32 = 0;
    /// The backend's address, as `ip:port`, or `unix:` and the path of a socket.
    pub const address: i32 = 1;
    /// The backend's zone; empty if none is configured.
    pub const zone: i32 = 2;
};

/// Flags of a backend, for import::FLAGS.
pub const flag = struct {
    /// May be picked: healthy (or the pool panics), not draining, and a backup only when nothing else is.
    pub const eligible: i32 = 1;
    /// Passes its health checks.
    pub const healthy: i32 = 2;
    /// Finishes what runs and gets nothing new.
    pub const draining: i32 = 4;
    /// Serves only when no other backend is eligible.
    pub const backup: i32 = 8;
    /// At its limit at this moment. Live: it changes without a topology event.
    pub const full: i32 = 16;
};

/// Kinds of live numbers, for import::STAT.
pub const stat = struct {
    /// Requests in flight, over all workers.
    pub const in_flight: i32 = 0;
    /// Requests waiting because every backend is full; the same number for all of them.
    pub const queued: i32 = 1;
    /// Requests sent since the backend was added.
    pub const requests: i32 = 2;
    /// Of those, how many failed: no connection, no response, or a status of 500 and above.
    pub const failures: i32 = 3;
    /// Moving average of the time to the response head, µs.
    pub const latency_ewma_us: i32 = 4;
    /// The same, jumping to each new peak and decaying from there, µs.
    pub const peak_ewma_us: i32 = 5;
    /// Moving share of failures, parts per million.
    pub const error_rate_ppm: i32 = 6;
    /// Load that the backend reports of itself, parts per million; 0 if it reports none.
    pub const reported_load_ppm: i32 = 7;
    /// Time since the last failure, ms; the greatest number if there was none.
    pub const ms_since_failure: i32 = 8;
    /// Number of kinds.
    pub const kinds: i32 = 9;
};

/// Texts of the request, for import::REQUEST_TEXT.
pub const request_field = struct {
    /// `GET`, `POST` …
    pub const method: i32 = 0;
    /// `http` or `https`, as the client spoke to the proxy.
    pub const scheme: i32 = 1;
    /// Host and port that the client asked for.
    pub const authority: i32 = 2;
    /// Path, without the query.
    pub const path: i32 = 3;
    /// Query, without the question mark; absent if there is none.
    pub const query: i32 = 4;
    /// `HTTP/1.0`, `HTTP/1.1` or `HTTP/2`, as the client speaks to the proxy. Absent in a proxy that is older
    /// than this field.
    pub const protocol: i32 = 5;
    /// What the route is called that the request takes; absent if it has no name, and in a proxy that is older
    /// than this field.
    pub const route: i32 = 6;
};

/// What is hashed, for import::HASH.
pub const hash_source = struct {
    /// The client's address. The name is not looked at.
    pub const client_ip: i32 = 0;
    /// The named header's first value.
    pub const header: i32 = 1;
    /// The named cookie's value.
    pub const cookie: i32 = 2;
    /// The path. The name is not looked at.
    pub const path: i32 = 3;
    /// The named query parameter's first value, as it was sent.
    pub const query: i32 = 4;
};

/// Scopes of cells, for import::CELL_GET and its siblings.
pub const cell_scope = struct {
    /// Cells of the pool; the index is ignored.
    pub const pool: i32 = 0;
    /// Cells of a backend, kept under its name.
    pub const backend: i32 = 1;
    /// Cells in the pool's scope.
    pub const pool_slots: i32 = 16;
    /// Cells in each backend's scope.
    pub const backend_slots: i32 = 8;
};

/// Levels of log lines, for import::LOG.
pub const log_level = struct {
    /// For the developers of the policy; off unless asked for.
    pub const debug: i32 = 0;
    /// Worth knowing.
    pub const info: i32 = 1;
    /// Needs attention.
    pub const warn: i32 = 2;
    /// Something does not work.
    pub const @"error": i32 = 3;
    /// The guest's last words before a trap. Kept with the fault that follows.
    pub const panic: i32 = 4;
};

/// How a response ended, for export::OBSERVE.
pub const outcome = struct {
    /// The whole response was delivered.
    pub const complete: i32 = 0;
    /// The client left first. Says nothing about the backend.
    pub const client_abort: i32 = 1;
    /// The backend closed or reset the connection before the response was whole.
    pub const upstream_reset: i32 = 2;
    /// The backend was too slow.
    pub const timeout: i32 = 3;
    /// No connection to the backend.
    pub const connect_failure: i32 = 4;
};

/// A pick's answer: the kind in the high half, the value in the low half.
pub const verdict = struct {
    /// The value is a backend index.
    pub const backend: i32 = 0;
    /// No opinion: the host's fallback picks. The value is ignored.
    pub const abstain: i32 = 1;
    /// Refuse the request. The value is the HTTP status, 400 to 599.
    pub const reject: i32 = 2;
};

/// Limits that the host puts on a plugin file and its instances. A pool's configuration may lower or raise those
/// that say so.
pub const limit = struct {
    /// Greatest size of a plugin without its custom sections (names, debug information), bytes.
    pub const plugin_bytes: i32 = 4194304;
    /// Greatest size of a plugin file, custom sections included, bytes.
    pub const file_bytes: i32 = 33554432;
    /// Most functions of a plugin.
    pub const functions: i32 = 10000;
    /// Greatest size of one function, bytes of its body.
    pub const function_bytes: i32 = 65536;
    /// Greatest linear memory, bytes. Configurable.
    pub const memory_bytes: i32 = 16777216;
    /// Most elements of the table.
    pub const table_elements: i32 = 10000;
    /// Longest log line and refusal text, bytes; the rest is cut off.
    pub const text_bytes: i32 = 1024;
    /// Longest name of a label, header, cookie or query value, bytes; a longer one names nothing.
    pub const name_bytes: i32 = 1024;
    /// CPU time of one call into the guest, ms. Configurable.
    pub const call_ms: i32 = 5;
    /// Least interval of ticks, ms.
    pub const tick_ms: i32 = 10;
};
