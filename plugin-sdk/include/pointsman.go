// Package pointsman is the plugin contract of the Pointsman reverse proxy, ABI 1.0, for Go 1.24 and newer.
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
// 	package main
//
// 	import "example/pointsman"
//
// 	//go:wasmexport pointsman_init
// 	func start() int32 { return 0 }
//
// 	//go:wasmexport pointsman_pick
// 	func pick() int64 { return pointsman.Abstain }
//
// 	func main() {}
//
// 	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -ldflags="-s -w" -o mine.wasm .
//
// Optional exports: pointsman_topology(), pointsman_tick() and
// pointsman_observe(backend, status, outcome int32, headUs, totalUs int64). The collector runs inside picks: keep slices, and
// allocate nothing for a pick.
package pointsman

import "unsafe"

// Absent is what a function answers when the thing asked for does not exist.
const Absent int32 = -1

// WeightUnit is one configured unit of weight, in the thousandths in which weights are passed.
const WeightUnit int32 = 1000

// Abstain means: no opinion, the proxy's fallback picks.
const Abstain int64 = 0x1_0000_0000

// Backend sends the request to this backend.
func Backend(index int32) int64 { return pack(VerdictBackend, index) }

// Reject refuses the request with an HTTP status, 400 to 599.
func Reject(status int32) int64 { return pack(VerdictReject, status) }

func pack(kind, value int32) int64 { return int64(kind)<<32 | int64(uint32(value)) }

// Say writes a line into the proxy's log.
func Say(level int32, text string) {
	log(level, unsafe.Pointer(unsafe.StringData(text)), int32(len(text)))
}

// Refuse gives the reason for which pointsman_init answers something else than 0.
func Refuse(reason string) {
	fail(unsafe.Pointer(unsafe.StringData(reason)), int32(len(reason)))
}

// OpenState names the layout of the policy's cells, in pointsman_init.
func OpenState(name string) {
	state(unsafe.Pointer(unsafe.StringData(name)), int32(len(name)))
}

// Config is the pool's policy configuration table as JSON.
func Config() []byte {
	return texts(config)
}

// BackendText is a text of a backend; see the constants BackendField*.
func BackendText(index, field int32) []byte {
	return texts(func(buf unsafe.Pointer, room int32) int32 { return backendText(index, field, buf, room) })
}

// BackendLabel is a label of a backend, nil if it has none of this name.
func BackendLabel(index int32, key string) []byte {
	name := unsafe.Pointer(unsafe.StringData(key))
	return texts(func(buf unsafe.Pointer, room int32) int32 {
		return backendLabel(index, name, int32(len(key)), buf, room)
	})
}

// RequestText is a text of the request; see the constants RequestField*.
func RequestText(field int32) []byte {
	return texts(func(buf unsafe.Pointer, room int32) int32 { return requestText(field, buf, room) })
}

// Header is the first value of a header of the request, nil if it has none of this name.
func Header(name string) []byte {
	pointer := unsafe.Pointer(unsafe.StringData(name))
	return texts(func(buf unsafe.Pointer, room int32) int32 {
		return header(pointer, int32(len(name)), buf, room)
	})
}

// Hash is a stable hash of a part of the request, 0 if it has no such part; see the constants HashSource*.
func Hash(source int32, name string) int64 {
	return hash(source, unsafe.Pointer(unsafe.StringData(name)), int32(len(name)))
}

// ClientIP is the client's address as 16 bytes, IPv4 mapped into IPv6.
func ClientIP() (address [16]byte) {
	clientIP(unsafe.Pointer(&address))
	return
}

// Stats fills numbers with a live number of all backends; see the constants Stat*.
func Stats(kind int32, numbers []uint64) int32 {
	return stats(kind, unsafe.Pointer(unsafe.SliceData(numbers)), int32(8*len(numbers)))
}

// Weights fills numbers with the effective weights of all backends, in thousandths.
func Weights(numbers []uint32) int32 {
	return weights(unsafe.Pointer(unsafe.SliceData(numbers)), int32(4*len(numbers)))
}

// AllFlags fills numbers with the flags of all backends; see the constants Flag*.
func AllFlags(numbers []uint32) int32 {
	return allFlags(unsafe.Pointer(unsafe.SliceData(numbers)), int32(4*len(numbers)))
}

var room [1024]byte

// texts calls a function that fills a buffer. The result holds until the next call.
func texts(fill func(unsafe.Pointer, int32) int32) []byte {
	buffer := room[:]
	for {
		length := fill(unsafe.Pointer(unsafe.SliceData(buffer)), int32(len(buffer)))
		if length < 0 {
			return nil
		}
		if int(length) <= len(buffer) {
			return buffer[:length]
		}
		buffer = make([]byte, length)
	}
}

// config: the pool's policy configuration table as JSON; {} if there is none.
//
//go:wasmimport pointsman_1.0 config
func config(buf unsafe.Pointer, cap int32) int32

// fail: why init refuses, in words for the operator.
//
//go:wasmimport pointsman_1.0 fail
func fail(ptr unsafe.Pointer, len int32)

// state: names the layout of the policy's cells. Only in init. Cells of another name start from zero.
//
//go:wasmimport pointsman_1.0 state
func state(ptr unsafe.Pointer, len int32)

// BackendCount: number of backends in the topology.
//
//go:wasmimport pointsman_1.0 backend_count
func BackendCount() int32

// backendText: a text of a backend; see backend_field.
//
//go:wasmimport pointsman_1.0 backend_text
func backendText(index int32, field int32, buf unsafe.Pointer, cap int32) int32

// backendLabel: a label of a backend.
//
//go:wasmimport pointsman_1.0 backend_label
func backendLabel(index int32, keyPtr unsafe.Pointer, keyLen int32, buf unsafe.Pointer, cap int32) int32

// Weight: effective weight in thousandths (slow start included); 0 for an unknown index.
//
//go:wasmimport pointsman_1.0 weight
func Weight(index int32) int32

// weights: effective weights of all backends, as u32.
//
//go:wasmimport pointsman_1.0 weights
func weights(buf unsafe.Pointer, cap int32) int32

// ConfiguredWeight: configured weight in thousandths, which only the operator changes; 0 for an unknown index.
//
//go:wasmimport pointsman_1.0 configured_weight
func ConfiguredWeight(index int32) int32

// Flags: flags of a backend; 0 for an unknown index.
//
//go:wasmimport pointsman_1.0 flags
func Flags(index int32) int32

// allFlags: flags of all backends, as u32.
//
//go:wasmimport pointsman_1.0 all_flags
func allFlags(buf unsafe.Pointer, cap int32) int32

// Stat: one live number of one backend; see stat. 0 for an unknown index or kind.
//
//go:wasmimport pointsman_1.0 stat
func Stat(kind int32, index int32) int64

// stats: the same number of all backends, as u64; negative for an unknown kind.
//
//go:wasmimport pointsman_1.0 stats
func stats(kind int32, buf unsafe.Pointer, cap int32) int32

// requestText: a text of the request; see request_field.
//
//go:wasmimport pointsman_1.0 request_text
func requestText(field int32, buf unsafe.Pointer, cap int32) int32

// header: first value of a request header; names match without regard to case.
//
//go:wasmimport pointsman_1.0 header
func header(namePtr unsafe.Pointer, nameLen int32, buf unsafe.Pointer, cap int32) int32

// clientIP: writes the client's address as 16 bytes (IPv4 mapped into IPv6) and returns 4 or 6.
//
//go:wasmimport pointsman_1.0 client_ip
func clientIP(buf unsafe.Pointer) int32

// hash: stable 64-bit hash of a part of the request; see hash_source. 0 = the request has no such part; a real hash is never 0.
//
//go:wasmimport pointsman_1.0 hash
func hash(source int32, namePtr unsafe.Pointer, nameLen int32) int64

// Attempt: 0 for the first attempt of a request, 1 for the first retry and so on.
//
//go:wasmimport pointsman_1.0 attempt
func Attempt() int32

// Tried: 1 if this request may not use the backend again: it was tried, or found full.
//
//go:wasmimport pointsman_1.0 tried
func Tried(index int32) int32

// CellGet: the cell's value. An unknown cell reads 0 and keeps nothing.
//
//go:wasmimport pointsman_1.0 cell_get
func CellGet(scope int32, index int32, slot int32) int64

// CellSet: sets the cell.
//
//go:wasmimport pointsman_1.0 cell_set
func CellSet(scope int32, index int32, slot int32, value int64)

// CellAdd: adds (wrapping) and returns the value before.
//
//go:wasmimport pointsman_1.0 cell_add
func CellAdd(scope int32, index int32, slot int32, delta int64) int64

// CellCas: sets if the value is expected; returns the value before.
//
//go:wasmimport pointsman_1.0 cell_cas
func CellCas(scope int32, index int32, slot int32, expected int64, desired int64) int64

// NowUs: monotonic time in µs from an arbitrary start; coarse (steps of up to 1 ms).
//
//go:wasmimport pointsman_1.0 now_us
func NowUs() int64

// Random: 64 random bits from a generator that the host seeds.
//
//go:wasmimport pointsman_1.0 random
func Random() int64

// log: a line for the host's log; see log_level. Rate-limited.
//
//go:wasmimport pointsman_1.0 log
func log(level int32, ptr unsafe.Pointer, len int32)

// TickEvery: asks for pointsman_tick every ms milliseconds; 0 = never. The least is 10.
//
//go:wasmimport pointsman_1.0 tick_every
func TickEvery(ms int32)

// Texts of a backend, for import::BACKEND_TEXT.
const (
	// The backend's name, unique in its pool.
	BackendFieldName int32 = 0
	// The backend's address, as ip:port, or unix: and the path of a socket.
	BackendFieldAddress int32 = 1
	// The backend's zone; empty if none is configured.
	BackendFieldZone int32 = 2
)

// Flags of a backend, for import::FLAGS.
const (
	// May be picked: healthy (or the pool panics), not draining, and a backup only when nothing else is.
	FlagEligible int32 = 1
	// Passes its health checks.
	FlagHealthy int32 = 2
	// Finishes what runs and gets nothing new.
	FlagDraining int32 = 4
	// Serves only when no other backend is eligible.
	FlagBackup int32 = 8
	// At its limit at this moment. Live: it changes without a topology event.
	FlagFull int32 = 16
)

// Kinds of live numbers, for import::STAT.
const (
	// Requests in flight, over all workers.
	StatInFlight int32 = 0
	// Requests waiting because every backend is full; the same number for all of them.
	StatQueued int32 = 1
	// Requests sent since the backend was added.
	StatRequests int32 = 2
	// Of those, how many failed: no connection, no response, or a status of 500 and above.
	StatFailures int32 = 3
	// Moving average of the time to the response head, µs.
	StatLatencyEwmaUs int32 = 4
	// The same, jumping to each new peak and decaying from there, µs.
	StatPeakEwmaUs int32 = 5
	// Moving share of failures, parts per million.
	StatErrorRatePpm int32 = 6
	// Load that the backend reports of itself, parts per million; 0 if it reports none.
	StatReportedLoadPpm int32 = 7
	// Time since the last failure, ms; the greatest number if there was none.
	StatMsSinceFailure int32 = 8
	// Number of kinds.
	StatKinds int32 = 9
)

// Texts of the request, for import::REQUEST_TEXT.
const (
	// GET, POST …
	RequestFieldMethod int32 = 0
	// http or https, as the client spoke to the proxy.
	RequestFieldScheme int32 = 1
	// Host and port that the client asked for.
	RequestFieldAuthority int32 = 2
	// Path, without the query.
	RequestFieldPath int32 = 3
	// Query, without the question mark; absent if there is none.
	RequestFieldQuery int32 = 4
	// HTTP/1.0, HTTP/1.1 or HTTP/2, as the client speaks to the proxy. Absent in a proxy that is older than this field.
	RequestFieldProtocol int32 = 5
	// What the route is called that the request takes; absent if it has no name, and in a proxy that is older than this field.
	RequestFieldRoute int32 = 6
)

// What is hashed, for import::HASH.
const (
	// The client's address. The name is not looked at.
	HashSourceClientIp int32 = 0
	// The named header's first value.
	HashSourceHeader int32 = 1
	// The named cookie's value.
	HashSourceCookie int32 = 2
	// The path. The name is not looked at.
	HashSourcePath int32 = 3
	// The named query parameter's first value, as it was sent.
	HashSourceQuery int32 = 4
)

// Scopes of cells, for import::CELL_GET and its siblings.
const (
	// Cells of the pool; the index is ignored.
	CellScopePool int32 = 0
	// Cells of a backend, kept under its name.
	CellScopeBackend int32 = 1
	// Cells in the pool's scope.
	CellScopePoolSlots int32 = 16
	// Cells in each backend's scope.
	CellScopeBackendSlots int32 = 8
)

// Levels of log lines, for import::LOG.
const (
	// For the developers of the policy; off unless asked for.
	LogLevelDebug int32 = 0
	// Worth knowing.
	LogLevelInfo int32 = 1
	// Needs attention.
	LogLevelWarn int32 = 2
	// Something does not work.
	LogLevelError int32 = 3
	// The guest's last words before a trap. Kept with the fault that follows.
	LogLevelPanic int32 = 4
)

// How a response ended, for export::OBSERVE.
const (
	// The whole response was delivered.
	OutcomeComplete int32 = 0
	// The client left first. Says nothing about the backend.
	OutcomeClientAbort int32 = 1
	// The backend closed or reset the connection before the response was whole.
	OutcomeUpstreamReset int32 = 2
	// The backend was too slow.
	OutcomeTimeout int32 = 3
	// No connection to the backend.
	OutcomeConnectFailure int32 = 4
)

// A pick's answer: the kind in the high half, the value in the low half.
const (
	// The value is a backend index.
	VerdictBackend int32 = 0
	// No opinion: the host's fallback picks. The value is ignored.
	VerdictAbstain int32 = 1
	// Refuse the request. The value is the HTTP status, 400 to 599.
	VerdictReject int32 = 2
)

// Limits that the host puts on a plugin file and its instances. A pool's configuration may lower or raise those that say so.
const (
	// Greatest size of a plugin without its custom sections (names, debug information), bytes.
	LimitPluginBytes int32 = 4194304
	// Greatest size of a plugin file, custom sections included, bytes.
	LimitFileBytes int32 = 33554432
	// Most functions of a plugin.
	LimitFunctions int32 = 10000
	// Greatest size of one function, bytes of its body.
	LimitFunctionBytes int32 = 65536
	// Greatest linear memory, bytes. Configurable.
	LimitMemoryBytes int32 = 16777216
	// Most elements of the table.
	LimitTableElements int32 = 10000
	// Longest log line and refusal text, bytes; the rest is cut off.
	LimitTextBytes int32 = 1024
	// Longest name of a label, header, cookie or query value, bytes; a longer one names nothing.
	LimitNameBytes int32 = 1024
	// CPU time of one call into the guest, ms. Configurable.
	LimitCallMs int32 = 5
	// Least interval of ticks, ms.
	LimitTickMs int32 = 10
)
