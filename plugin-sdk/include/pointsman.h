/* The plugin contract of the Pointsman reverse proxy, ABI 1.0, for C and what can read C.
 *
 * plugin-sdk/src/abi.rs is the contract's home and says more; a test holds this file to it. In short:
 *
 * - A plugin is a WebAssembly module that exports its `memory`, `pointsman_init` and `pointsman_pick`, and imports nothing
 *   but the functions below.
 * - A function with (buf, cap) fills the buffer and answers the full length in bytes. A length above cap means that
 *   nothing was written: ask again with more room. A negative answer means that there is no such thing.
 * - A backend goes by its index, 0 to backend_count - 1, which holds until the next topology event.
 * - Functions of the request answer POINTSMAN_ABSENT (or 0 for a hash) outside pick and observe.
 *
 *     #include "pointsman.h"
 *
 *     POINTSMAN_INIT { return 0; }
 *     POINTSMAN_PICK { return POINTSMAN_ABSTAIN; }
 *
 *     clang --target=wasm32 -O2 -nostdlib -Wl,--no-entry -I plugin-sdk/include -o mine.wasm mine.c
 */
#ifndef POINTSMAN_H
#define POINTSMAN_H

#include <stdint.h>

#ifdef __cplusplus
#define POINTSMAN_EXPORT(name) extern "C" __attribute__((export_name(name)))
#define POINTSMAN_IMPORT(name) extern "C" __attribute__((import_module(POINTSMAN_MODULE), import_name(name)))
#else
#define POINTSMAN_EXPORT(name) __attribute__((export_name(name)))
#define POINTSMAN_IMPORT(name) extern __attribute__((import_module(POINTSMAN_MODULE), import_name(name)))
#endif

#define POINTSMAN_MODULE "pointsman_1.0"
#define POINTSMAN_ABSENT (-1)
#define POINTSMAN_WEIGHT_UNIT 1000

/* ---- Constructors ---- */

/* The host calls this once, before pointsman_init. Without it the linker wraps every export in __wasm_call_ctors as soon as
 * there is one constructor, and they run again in each call. Weak, because the start file of wasi-libc brings its own. */
#ifdef __wasm__
#ifdef __cplusplus
extern "C" {
#endif
void __wasm_call_ctors(void);
__attribute__((weak, export_name("_initialize"))) void _initialize(void) { __wasm_call_ctors(); }
#ifdef __cplusplus
}
#endif
#endif

/* ---- Exports: write each as a function head, as in `POINTSMAN_PICK { return ...; }`. ---- */

/* 0 = ready; anything else = refused, with the reason given to pointsman_fail. Required. */
#define POINTSMAN_INIT POINTSMAN_EXPORT("pointsman_init") int32_t pointsman_init(void)
/* One pick; answers a verdict. Required. */
#define POINTSMAN_PICK POINTSMAN_EXPORT("pointsman_pick") int64_t pointsman_pick(void)
/* Backends, eligibility or weights changed. Optional; not called after init. */
#define POINTSMAN_TOPOLOGY POINTSMAN_EXPORT("pointsman_topology") void pointsman_topology(void)
/* A response ended; see POINTSMAN_OUTCOME_*. If no response head came, status is 0 and head_us is -1. Optional; costs a
 * call for each response. */
#define POINTSMAN_OBSERVE                 \
    POINTSMAN_EXPORT("pointsman_observe") \
    void pointsman_observe(int32_t backend, int32_t status, int32_t outcome, int64_t head_us, int64_t total_us)
/* The interval set with pointsman_tick_every has passed. Optional. */
#define POINTSMAN_TICK POINTSMAN_EXPORT("pointsman_tick") void pointsman_tick(void)

/* ---- Verdicts: the kind in the high half, the value in the low half. ---- */

#define POINTSMAN_VERDICT_BACKEND 0
#define POINTSMAN_VERDICT_ABSTAIN 1
#define POINTSMAN_VERDICT_REJECT 2
#define POINTSMAN_VERDICT(kind, value) (((int64_t)(kind) << 32) | (int64_t)(uint32_t)(value))
/* Send the request to this backend. */
#define POINTSMAN_BACKEND(index) POINTSMAN_VERDICT(POINTSMAN_VERDICT_BACKEND, index)
/* No opinion: the host's fallback picks. */
#define POINTSMAN_ABSTAIN POINTSMAN_VERDICT(POINTSMAN_VERDICT_ABSTAIN, 0)
/* Refuse the request with an HTTP status, 400 to 599. */
#define POINTSMAN_REJECT(status) POINTSMAN_VERDICT(POINTSMAN_VERDICT_REJECT, status)

/* ---- Configuration ---- */

/* The pool's policy configuration table as JSON; {} if there is none. */
POINTSMAN_IMPORT("config") int32_t pointsman_config(void *buf, uint32_t cap);
/* Why init refuses, in words for the operator. */
POINTSMAN_IMPORT("fail") void pointsman_fail(const char *text, uint32_t len);
/* Names the layout of the policy's cells. Only in init. Cells of another name start from zero. */
POINTSMAN_IMPORT("state") void pointsman_state(const char *name, uint32_t len);

/* ---- Backends ---- */

#define POINTSMAN_BACKEND_FIELD_NAME 0
#define POINTSMAN_BACKEND_FIELD_ADDRESS 1
#define POINTSMAN_BACKEND_FIELD_ZONE 2

/* May be picked: healthy (or the pool panics), not draining, and a backup only when nothing else is. */
#define POINTSMAN_FLAG_ELIGIBLE 1
#define POINTSMAN_FLAG_HEALTHY 2
#define POINTSMAN_FLAG_DRAINING 4
#define POINTSMAN_FLAG_BACKUP 8
/* At its limit at this moment; changes without a topology event. */
#define POINTSMAN_FLAG_FULL 16

POINTSMAN_IMPORT("backend_count") int32_t pointsman_backend_count(void);
POINTSMAN_IMPORT("backend_text") int32_t pointsman_backend_text(int32_t index, int32_t field, void *buf, uint32_t cap);
POINTSMAN_IMPORT("backend_label")
int32_t pointsman_backend_label(int32_t index, const char *key, uint32_t key_len, void *buf, uint32_t cap);
/* Effective weight in thousandths, slow start included; 0 for an unknown index. */
POINTSMAN_IMPORT("weight") int32_t pointsman_weight(int32_t index);
POINTSMAN_IMPORT("weights") int32_t pointsman_weights(uint32_t *buf, uint32_t cap);
/* Weight in thousandths as the operator configured it. */
POINTSMAN_IMPORT("configured_weight") int32_t pointsman_configured_weight(int32_t index);
/* POINTSMAN_FLAG_* of a backend; 0 for an unknown index. */
POINTSMAN_IMPORT("flags") int32_t pointsman_flags(int32_t index);
POINTSMAN_IMPORT("all_flags") int32_t pointsman_all_flags(uint32_t *buf, uint32_t cap);

/* ---- Live numbers, over all workers ---- */

#define POINTSMAN_STAT_IN_FLIGHT 0
#define POINTSMAN_STAT_QUEUED 1
#define POINTSMAN_STAT_REQUESTS 2
#define POINTSMAN_STAT_FAILURES 3
#define POINTSMAN_STAT_LATENCY_EWMA_US 4
#define POINTSMAN_STAT_PEAK_EWMA_US 5
#define POINTSMAN_STAT_ERROR_RATE_PPM 6
#define POINTSMAN_STAT_REPORTED_LOAD_PPM 7
#define POINTSMAN_STAT_MS_SINCE_FAILURE 8
#define POINTSMAN_STAT_KINDS 9

/* One number of one backend; 0 for an unknown index or kind. */
POINTSMAN_IMPORT("stat") int64_t pointsman_stat(int32_t kind, int32_t index);
/* The same number of all backends. */
POINTSMAN_IMPORT("stats") int32_t pointsman_stats(int32_t kind, uint64_t *buf, uint32_t cap);

/* ---- The request, in pick and observe ---- */

#define POINTSMAN_REQUEST_FIELD_METHOD 0
#define POINTSMAN_REQUEST_FIELD_SCHEME 1
#define POINTSMAN_REQUEST_FIELD_AUTHORITY 2
#define POINTSMAN_REQUEST_FIELD_PATH 3
#define POINTSMAN_REQUEST_FIELD_QUERY 4
/* "HTTP/1.0", "HTTP/1.1" or "HTTP/2", as the client speaks to the proxy; absent in a proxy that is older than this field. */
#define POINTSMAN_REQUEST_FIELD_PROTOCOL 5
/* What the route is called that the request takes; absent if it has no name, and in a proxy that is older than this field. */
#define POINTSMAN_REQUEST_FIELD_ROUTE 6

#define POINTSMAN_HASH_SOURCE_CLIENT_IP 0
#define POINTSMAN_HASH_SOURCE_HEADER 1
#define POINTSMAN_HASH_SOURCE_COOKIE 2
#define POINTSMAN_HASH_SOURCE_PATH 3
#define POINTSMAN_HASH_SOURCE_QUERY 4

POINTSMAN_IMPORT("request_text") int32_t pointsman_request_text(int32_t field, void *buf, uint32_t cap);
/* First value of a header; case does not matter in the name. */
POINTSMAN_IMPORT("header") int32_t pointsman_header(const char *name, uint32_t name_len, void *buf, uint32_t cap);
/* Writes the client's address as 16 bytes (IPv4 mapped into IPv6) and answers 4 or 6. */
POINTSMAN_IMPORT("client_ip") int32_t pointsman_client_ip(uint8_t buf[16]);
/* Stable hash of a part of the request; 0 if it has no such part. */
POINTSMAN_IMPORT("hash") int64_t pointsman_hash(int32_t source, const char *name, uint32_t name_len);
/* 0 for the first attempt, 1 for the first retry and so on. */
POINTSMAN_IMPORT("attempt") int32_t pointsman_attempt(void);
/* 1 if this request may not use the backend again: it was tried, or found full. */
POINTSMAN_IMPORT("tried") int32_t pointsman_tried(int32_t index);

/* ---- Cells: 64-bit atomic numbers that all workers share and that outlive a swap ---- */

#define POINTSMAN_CELL_SCOPE_POOL 0
#define POINTSMAN_CELL_SCOPE_BACKEND 1
#define POINTSMAN_CELL_SCOPE_POOL_SLOTS 16
#define POINTSMAN_CELL_SCOPE_BACKEND_SLOTS 8

POINTSMAN_IMPORT("cell_get") int64_t pointsman_cell_get(int32_t scope, int32_t index, int32_t slot);
POINTSMAN_IMPORT("cell_set") void pointsman_cell_set(int32_t scope, int32_t index, int32_t slot, int64_t value);
/* Adds (wrapping) and answers the value before. */
POINTSMAN_IMPORT("cell_add") int64_t pointsman_cell_add(int32_t scope, int32_t index, int32_t slot, int64_t delta);
/* Sets if the value is `expected`; answers the value before. */
POINTSMAN_IMPORT("cell_cas")
int64_t pointsman_cell_cas(int32_t scope, int32_t index, int32_t slot, int64_t expected, int64_t value);

/* ---- Time, chance, log ---- */

#define POINTSMAN_LOG_LEVEL_DEBUG 0
#define POINTSMAN_LOG_LEVEL_INFO 1
#define POINTSMAN_LOG_LEVEL_WARN 2
#define POINTSMAN_LOG_LEVEL_ERROR 3
#define POINTSMAN_LOG_LEVEL_PANIC 4

/* Monotonic time in microseconds from an arbitrary start; coarse. */
POINTSMAN_IMPORT("now_us") int64_t pointsman_now_us(void);
/* 64 random bits. */
POINTSMAN_IMPORT("random") int64_t pointsman_random(void);
POINTSMAN_IMPORT("log") void pointsman_log(int32_t level, const char *text, uint32_t len);
/* Asks for pointsman_tick every `ms` milliseconds; 0 = never. The least is POINTSMAN_LIMIT_TICK_MS. */
POINTSMAN_IMPORT("tick_every") void pointsman_tick_every(uint32_t ms);

/* ---- How a response ended, for pointsman_observe ---- */

#define POINTSMAN_OUTCOME_COMPLETE 0
#define POINTSMAN_OUTCOME_CLIENT_ABORT 1
#define POINTSMAN_OUTCOME_UPSTREAM_RESET 2
#define POINTSMAN_OUTCOME_TIMEOUT 3
#define POINTSMAN_OUTCOME_CONNECT_FAILURE 4

/* ---- Limits; a pool's configuration may set others for memory and call time ---- */

#define POINTSMAN_LIMIT_PLUGIN_BYTES 4194304
#define POINTSMAN_LIMIT_FILE_BYTES 33554432
#define POINTSMAN_LIMIT_FUNCTIONS 10000
#define POINTSMAN_LIMIT_FUNCTION_BYTES 65536
#define POINTSMAN_LIMIT_MEMORY_BYTES 16777216
#define POINTSMAN_LIMIT_TABLE_ELEMENTS 10000
#define POINTSMAN_LIMIT_TEXT_BYTES 1024
#define POINTSMAN_LIMIT_NAME_BYTES 1024
#define POINTSMAN_LIMIT_CALL_MS 5
#define POINTSMAN_LIMIT_TICK_MS 10

#endif
