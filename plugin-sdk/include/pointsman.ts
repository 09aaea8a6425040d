// The plugin contract of the Pointsman reverse proxy, ABI 1.0, for AssemblyScript.
//
// plugin-sdk/src/abi.rs is the contract's home and says more; a test holds this file to it. In short:
//
// - A plugin is a WebAssembly module that exports its `memory`, `pointsman_init` (0 = ready) and `pointsman_pick`, which
//   answers a verdict.
// - A function with (buf, cap) fills the buffer and answers the full length in bytes. A length above cap means that nothing
//   was written: ask again with more room. A negative answer means that there is no such thing.
// - A backend goes by its index, 0 to backend_count - 1, which holds until the next topology event.
// - Functions of the request answer -1 (or 0 for a hash) outside pick and observe.
//
//     import { ABSTAIN } from "./pointsman";
//
//     export function pointsman_init(): i32 {
//       return 0;
//     }
//     export function pointsman_pick(): i64 {
//       return ABSTAIN;
//     }
//
//     asc mine.ts -o mine.wasm -O3 --runtime minimal --exportStart _initialize --use abort=pointsman/abort --debug
//
// Optional exports: `pointsman_topology(): void`, `pointsman_tick(): void` and
// `pointsman_observe(backend: i32, status: i32, outcome: i32, headUs: i64, totalUs: i64): void`.

/** What a function answers when the thing asked for does not exist. */
export const ABSENT: i32 = -1;
/** One configured unit of weight, in the thousandths in which weights are passed. */
export const WEIGHT_UNIT: i32 = 1000;

/** Sends the request to this backend. */
export function backend(index: i32): i64 {
  return pack(Verdict.BACKEND, index);
}
/** No opinion: the proxy's fallback picks. */
export const ABSTAIN: i64 = 0x1_0000_0000;
/** Refuses the request with an HTTP status, 400 to 599. */
export function reject(status: i32): i64 {
  return pack(Verdict.REJECT, status);
}
function pack(kind: i32, value: i32): i64 {
  return (<i64>kind << 32) | <i64>(<u32>value);
}

/** What the compiler calls before it traps. Allocates nothing, as it also runs when memory is out. */
export function abort(message: string | null, _file: string | null, _line: u32, _column: u32): void {
  const words = memory.data(256);
  if (message !== null) {
    const units = min(message.length, 80);
    const bytes = String.UTF8.encodeUnsafe(changetype<usize>(message), units, words);
    log(LogLevel.PANIC, words, <i32>bytes);
  }
  unreachable();
}

/** A line in the proxy's log; see `LogLevel`. */
export function say(level: i32, text: string): void {
  const bytes = String.UTF8.encode(text);
  log(level, changetype<usize>(bytes), bytes.byteLength);
}

/** The pool's policy configuration table as JSON; `{}` if there is none. */
@external("pointsman_1.0", "config")
export declare function config(buf: usize, cap: i32): i32;
/** Why `init` refuses, in words for the operator. */
@external("pointsman_1.0", "fail")
export declare function fail(ptr: usize, len: i32): void;
/** Names the layout of the policy's cells. Only in `init`. Cells of another name start from zero. */
@external("pointsman_1.0", "state")
export declare function state(ptr: usize, len: i32): void;
/** Number of backends in the topology. */
@external("pointsman_1.0", "backend_count")
export declare function backendCount(): i32;
/** A text of a backend; see backend_field. */
@external("pointsman_1.0", "backend_text")
export declare function backendText(index: i32, field: i32, buf: usize, cap: i32): i32;
/** A label of a backend. */
@external("pointsman_1.0", "backend_label")
export declare function backendLabel(index: i32, keyPtr: usize, keyLen: i32, buf: usize, cap: i32): i32;
/** Effective weight in thousandths (slow start included); 0 for an unknown index. */
@external("pointsman_1.0", "weight")
export declare function weight(index: i32): i32;
/** Effective weights of all backends, as `u32`. */
@external("pointsman_1.0", "weights")
export declare function weights(buf: usize, cap: i32): i32;
/** Configured weight in thousandths, which only the operator changes; 0 for an unknown index. */
@external("pointsman_1.0", "configured_weight")
export declare function configuredWeight(index: i32): i32;
/** Flags of a backend; 0 for an unknown index. */
@external("pointsman_1.0", "flags")
export declare function flags(index: i32): i32;
/** Flags of all backends, as `u32`. */
@external("pointsman_1.0", "all_flags")
export declare function allFlags(buf: usize, cap: i32): i32;
/** One live number of one backend; see stat. 0 for an unknown index or kind. */
@external("pointsman_1.0", "stat")
export declare function stat(kind: i32, index: i32): i64;
/** The same number of all backends, as `u64`; negative for an unknown kind. */
@external("pointsman_1.0", "stats")
export declare function stats(kind: i32, buf: usize, cap: i32): i32;
/** A text of the request; see request_field. */
@external("pointsman_1.0", "request_text")
export declare function requestText(field: i32, buf: usize, cap: i32): i32;
/** First value of a request header; names match without regard to case. */
@external("pointsman_1.0", "header")
export declare function header(namePtr: usize, nameLen: i32, buf: usize, cap: i32): i32;
/** Writes the client's address as 16 bytes (IPv4 mapped into IPv6) and returns 4 or 6. */
@external("pointsman_1.0", "client_ip")
export declare function clientIp(buf: usize): i32;
/** Stable 64-bit hash of a part of the request; see hash_source. 0 = the request has no such part; a real hash is never 0. */
@external("pointsman_1.0", "hash")
export declare function hash(source: i32, namePtr: usize, nameLen: i32): i64;
/** 0 for the first attempt of a request, 1 for the first retry and so on. */
@external("pointsman_1.0", "attempt")
export declare function attempt(): i32;
/** 1 if this request may not use the backend again: it was tried, or found full. */
@external("pointsman_1.0", "tried")
export declare function tried(index: i32): i32;
/** The cell's value. An unknown cell reads 0 and keeps nothing. */
@external("pointsman_1.0", "cell_get")
export declare function cellGet(scope: i32, index: i32, slot: i32): i64;
/** Sets the cell. */
@external("pointsman_1.0", "cell_set")
export declare function cellSet(scope: i32, index: i32, slot: i32, value: i64): void;
/** Adds (wrapping) and returns the value before. */
@external("pointsman_1.0", "cell_add")
export declare function cellAdd(scope: i32, index: i32, slot: i32, delta: i64): i64;
/** Sets if the value is `expected`; returns the value before. */
@external("pointsman_1.0", "cell_cas")
export declare function cellCas(scope: i32, index: i32, slot: i32, expected: i64, desired: i64): i64;
/** Monotonic time in µs from an arbitrary start; coarse (steps of up to 1 ms). */
@external("pointsman_1.0", "now_us")
export declare function nowUs(): i64;
/** 64 random bits from a generator that the host seeds. */
@external("pointsman_1.0", "random")
export declare function random(): i64;
/** A line for the host's log; see log_level. Rate-limited. */
@external("pointsman_1.0", "log")
export declare function log(level: i32, ptr: usize, len: i32): void;
/** Asks for `pointsman_tick` every `ms` milliseconds; 0 = never. The least is 10. */
@external("pointsman_1.0", "tick_every")
export declare function tickEvery(ms: i32): void;

/** Texts of a backend, for import::BACKEND_TEXT. */
export namespace BackendField {
  /** The backend's name, unique in its pool. */
  export const NAME: i32 = 0;
  /** The backend's address, as `ip:port`, or `unix:` and the path of a socket. */
  export const ADDRESS: i32 = 1;
  /** The backend's zone; empty if none is configured. */
  export const ZONE: i32 = 2;
}

/** Flags of a backend, for import::FLAGS. */
export namespace Flag {
  /** May be picked: healthy (or the pool panics), not draining, and a backup only when nothing else is. */
  export const ELIGIBLE: i32 = 1;
  /** Passes its health checks. */
  export const HEALTHY: i32 = 2;
  /** Finishes what runs and gets nothing new. */
  export const DRAINING: i32 = 4;
  /** Serves only when no other backend is eligible. */
  export const BACKUP: i32 = 8;
  /** At its limit at this moment. Live: it changes without a topology event. */
  export const FULL: i32 = 16;
}

/** Kinds of live numbers, for import::STAT. */
export namespace Stat {
  /** Requests in flight, over all workers. */
  export const IN_FLIGHT: i32 = 0;
  /** Requests waiting because every backend is full; the same number for all of them. */
  export const QUEUED: i32 = 1;
  /** Requests sent since the backend was added. */
  export const REQUESTS: i32 = 2;
  /** Of those, how many failed: no connection, no response, or a status of 500 and above. */
  export const FAILURES: i32 = 3;
  /** Moving average of the time to the response head, µs. */
  export const LATENCY_EWMA_US: i32 = 4;
  /** The same, jumping to each new peak and decaying from there, µs. */
  export const PEAK_EWMA_US: i32 = 5;
  /** Moving share of failures, parts per million. */
  export const ERROR_RATE_PPM: i32 = 6;
  /** Load that the backend reports of itself, parts per million; 0 if it reports none. */
  export const REPORTED_LOAD_PPM: i32 = 7;
  /** Time since the last failure, ms; the greatest number if there was none. */
  export const MS_SINCE_FAILURE: i32 = 8;
  /** Number of kinds. */
  export const KINDS: i32 = 9;
}

/** Texts of the request, for import::REQUEST_TEXT. */
export namespace RequestField {
  /** `GET`, `POST` … */
  export const METHOD: i32 = 0;
  /** `http` or `https`, as the client spoke to the proxy. */
  export const SCHEME: i32 = 1;
  /** Host and port that the client asked for. */
  export const AUTHORITY: i32 = 2;
  /** Path, without the query. */
  export const PATH: i32 = 3;
  /** Query, without the question mark; absent if there is none. */
  export const QUERY: i32 = 4;
  /** `HTTP/1.0`, `HTTP/1.1` or `HTTP/2`, as the client speaks to the proxy. Absent in a proxy that is older than this field. */
  export const PROTOCOL: i32 = 5;
  /** What the route is called that the request takes; absent if it has no name, and in a proxy that is older than this field. */
  export const ROUTE: i32 = 6;
}

/** What is hashed, for import::HASH. */
export namespace HashSource {
  /** The client's address. The name is not looked at. */
  export const CLIENT_IP: i32 = 0;
  /** The named header's first value. */
  export const HEADER: i32 = 1;
  /** The named cookie's value. */
  export const COOKIE: i32 = 2;
  /** The path. The name is not looked at. */
  export const PATH: i32 = 3;
  /** The named query parameter's first value, as it was sent. */
  export const QUERY: i32 = 4;
}

/** Scopes of cells, for import::CELL_GET and its siblings. */
export namespace CellScope {
  /** Cells of the pool; the index is ignored. */
  export const POOL: i32 = 0;
  /** Cells of a backend, kept under its name. */
  export const BACKEND: i32 = 1;
  /** Cells in the pool's scope. */
  export const POOL_SLOTS: i32 = 16;
  /** Cells in each backend's scope. */
  export const BACKEND_SLOTS: i32 = 8;
}

/** Levels of log lines, for import::LOG. */
export namespace LogLevel {
  /** For the developers of the policy; off unless asked for. */
  export const DEBUG: i32 = 0;
  /** Worth knowing. */
  export const INFO: i32 = 1;
  /** Needs attention. */
  export const WARN: i32 = 2;
  /** Something does not work. */
  export const ERROR: i32 = 3;
  /** The guest's last words before a trap. Kept with the fault that follows. */
  export const PANIC: i32 = 4;
}

/** How a response ended, for export::OBSERVE. */
export namespace Outcome {
  /** The whole response was delivered. */
  export const COMPLETE: i32 = 0;
  /** The client left first. Says nothing about the backend. */
  export const CLIENT_ABORT: i32 = 1;
  /** The backend closed or reset the connection before the response was whole. */
  export const UPSTREAM_RESET: i32 = 2;
  /** The backend was too slow. */
  export const TIMEOUT: i32 = 3;
  /** No connection to the backend. */
  export const CONNECT_FAILURE: i32 = 4;
}

/** A pick's answer: the kind in the high half, the value in the low half. */
export namespace Verdict {
  /** The value is a backend index. */
  export const BACKEND: i32 = 0;
  /** No opinion: the host's fallback picks. The value is ignored. */
  export const ABSTAIN: i32 = 1;
  /** Refuse the request. The value is the HTTP status, 400 to 599. */
  export const REJECT: i32 = 2;
}

/** Limits that the host puts on a plugin file and its instances. A pool's configuration may lower or raise those that say so. */
export namespace Limit {
  /** Greatest size of a plugin without its custom sections (names, debug information), bytes. */
  export const PLUGIN_BYTES: i32 = 4194304;
  /** Greatest size of a plugin file, custom sections included, bytes. */
  export const FILE_BYTES: i32 = 33554432;
  /** Most functions of a plugin. */
  export const FUNCTIONS: i32 = 10000;
  /** Greatest size of one function, bytes of its body. */
  export const FUNCTION_BYTES: i32 = 65536;
  /** Greatest linear memory, bytes. Configurable. */
  export const MEMORY_BYTES: i32 = 16777216;
  /** Most elements of the table. */
  export const TABLE_ELEMENTS: i32 = 10000;
  /** Longest log line and refusal text, bytes; the rest is cut off. */
  export const TEXT_BYTES: i32 = 1024;
  /** Longest name of a label, header, cookie or query value, bytes; a longer one names nothing. */
  export const NAME_BYTES: i32 = 1024;
  /** CPU time of one call into the guest, ms. Configurable. */
  export const CALL_MS: i32 = 5;
  /** Least interval of ticks, ms. */
  export const TICK_MS: i32 = 10;
}
