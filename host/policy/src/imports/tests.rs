//! Every function of the contract, called by a guest.

mod cost;
mod log;
mod types;
mod wasi;

use http::Version;
use pointsman_core::backend::{BackendIndex, Completion};
use pointsman_core::request::RequestHead;
use pointsman_sdk::abi::{hash_source, stat};

use crate::instance::WorkerInstance;
use crate::observed_request::RequestAccess;
use crate::settings::PolicySettings;
use crate::testing::{ABSTAIN, Bench, guest, pool, request, with_cell};

/// Text at address 64 of every probe's memory.
const DATA: &str = r#"(data (i32.const 64) "gpu")(data (i32.const 80) "x-USER")(data (i32.const 96) "session")
    (data (i32.const 112) "id")(data (i32.const 128) "learnt.1")(data (i32.const 144) "\ff\fe")"#;

/// Runs an expression of type `i64` in a hook; returns its value and the guest's memory.
struct Probe {
    bench: Bench,
    head: RequestHead,
}

impl Probe {
    fn new() -> Self {
        let settings = PolicySettings { config: r#"{"tau":"10s"}"#.into(), ..Default::default() };
        Self { bench: Bench::new(pool("api", &["a", "-b", "c"]), settings), head: request() }
    }

    fn ask(&self, expression: &str) -> (i64, Vec<u8>) {
        let content = guest(&format!(
            r#"{DATA} (func (export "pointsman_pick") (result i64)
                (call $cell_set (i32.const 0) (i32.const 0) (i32.const 15) {expression}) {ABSTAIN})"#
        ));
        let mut instance = WorkerInstance::new(self.bench.build(&content).unwrap());
        instance.pick(&self.head).unwrap().unwrap();
        let value = with_cell(&self.bench.context.cells, 15, |cell| cell.get());
        (value, instance.memory())
    }

    fn number(&self, expression: &str) -> i64 {
        self.ask(expression).0
    }

    /// What a function wrote to a buffer of 100 bytes at 1024; `None` if there is no such thing.
    fn text(&self, call: &str, arguments: &str) -> Option<String> {
        let call = format!("(i64.extend_i32_s (call ${call} {arguments} (i32.const 1024) (i32.const 100)))");
        let (len, memory) = self.ask(&call);
        let len = usize::try_from(len).ok()?;
        Some(String::from_utf8_lossy(&memory[1024..1024 + len]).into_owned())
    }

    /// Numbers that a column function wrote.
    fn column<const N: usize>(&self, call: &str, arguments: &str, read: fn([u8; N]) -> u64) -> Vec<u64> {
        let call = format!("(i64.extend_i32_s (call ${call} {arguments} (i32.const 1024) (i32.const 100)))");
        let (len, memory) = self.ask(&call);
        memory[1024..1024 + len as usize].as_chunks::<N>().0.iter().map(|bytes| read(*bytes)).collect()
    }
}

fn u32s(bytes: [u8; 4]) -> u64 {
    u32::from_le_bytes(bytes).into()
}

#[test]
fn configuration() {
    let probe = Probe::new();
    assert_eq!(probe.text("config", "").as_deref(), Some(r#"{"tau":"10s"}"#));
    // Too little room: the length is returned, nothing is written.
    let (len, memory) = probe.ask("(i64.extend_i32_s (call $config (i32.const 1024) (i32.const 4)))");
    assert_eq!((len, &memory[1024..1030]), (13, [0; 6].as_slice()));
}

#[test]
fn topology() {
    let probe = Probe::new();
    assert_eq!(probe.number("(i64.extend_i32_s (call $backend_count))"), 3);
    for (index, field, expected) in [
        (0, 0, Some("a")),
        (2, 1, Some("127.0.0.1:8002")),
        (1, 2, Some("west")),
        (1, 3, None),
        (1, -1, None),
        (3, 0, None),
        (-1, 0, None),
    ] {
        let arguments = format!("(i32.const {index}) (i32.const {field})");
        assert_eq!(probe.text("backend_text", &arguments).as_deref(), expected, "{index} {field}");
    }
    for (index, key, expected) in [
        (0, "(i32.const 64) (i32.const 3)", Some("h200")),
        (0, "(i32.const 64) (i32.const 2)", None),
        (0, "(i32.const 144) (i32.const 2)", None),
        (3, "(i32.const 64) (i32.const 3)", None),
    ] {
        let label = probe.text("backend_label", &format!("(i32.const {index}) {key}"));
        assert_eq!(label.as_deref(), expected, "{index} {key}");
    }
    for (call, expected) in [
        ("weight", [1000, 2000, 3000, 0]),
        ("configured_weight", [1000, 2000, 3000, 0]),
        ("flags", [3, 6, 3, 0]),
    ] {
        for (index, expected) in [0, 1, 2, -1].into_iter().zip(expected) {
            let number = probe.number(&format!("(i64.extend_i32_s (call ${call} (i32.const {index})))"));
            assert_eq!(number, expected, "{call} {index}");
        }
    }
    assert_eq!(probe.column("weights", "", u32s), [1000, 2000, 3000]);
    assert_eq!(probe.column("all_flags", "", u32s), [3, 6, 3]);
}

#[test]
fn stats() {
    let probe = Probe::new();
    let topology = probe.bench.context.pool.topology();
    let busy = &topology.stats()[2];
    busy.begin();
    busy.begin();
    busy.complete(
        probe.bench.context.clock.now(),
        Completion { latency: std::time::Duration::from_millis(40), failed: false },
    );
    let never = u64::MAX;
    let expected = [
        (stat::IN_FLIGHT, [0, 0, 2]),
        (stat::QUEUED, [0, 0, 0]),
        (stat::REQUESTS, [0, 0, 2]),
        (stat::FAILURES, [0, 0, 0]),
        (stat::LATENCY_EWMA_US, [0, 0, 40_000]),
        (stat::ERROR_RATE_PPM, [0, 0, 0]),
        (stat::REPORTED_LOAD_PPM, [0, 0, 0]),
        (stat::MS_SINCE_FAILURE, [never; 3]),
    ];
    for (kind, expected) in expected {
        let column = probe.column("stats", &format!("(i32.const {kind})"), u64::from_le_bytes);
        assert_eq!(column, expected, "kind {kind}");
        for (index, expected) in expected.into_iter().enumerate() {
            let one = probe.number(&format!("(call $stat (i32.const {kind}) (i32.const {index}))"));
            assert_eq!(one.cast_unsigned(), expected, "kind {kind} of {index}");
        }
        assert_eq!(probe.number(&format!("(call $stat (i32.const {kind}) (i32.const 3))")), 0);
    }
    let peak = probe.number(&format!("(call $stat (i32.const {}) (i32.const 2))", stat::PEAK_EWMA_US));
    // Decays with τ = 10 s while this test runs.
    assert!((5_000..=40_000).contains(&peak), "{peak}");
    for kind in [stat::KINDS, -1] {
        assert_eq!(probe.number(&format!("(call $stat (i32.const {kind}) (i32.const 0))")), 0);
        assert_eq!(probe.text("stats", &format!("(i32.const {kind})")), None);
    }
}

#[test]
fn request_texts() {
    let mut probe = Probe::new();
    for (field, expected) in [
        (0, Some("POST")),
        (1, Some("http")),
        (2, Some("api.example.com:8080")),
        (3, Some("/v1/users")),
        (4, Some("id=7&id=8")),
        (5, Some("HTTP/1.1")),
        (6, None),
    ] {
        let text = probe.text("request_text", &format!("(i32.const {field})"));
        assert_eq!(text.as_deref(), expected, "field {field}");
    }
    for (version, expected) in [(Version::HTTP_10, "HTTP/1.0"), (Version::HTTP_2, "HTTP/2")] {
        probe.head.protocol = version;
        assert_eq!(probe.text("request_text", "(i32.const 5)").as_deref(), Some(expected));
    }
    assert_eq!(probe.text("header", "(i32.const 80) (i32.const 6)").as_deref(), Some("ada"));
    assert_eq!(probe.text("header", "(i32.const 80) (i32.const 5)"), None);
    assert_eq!(probe.text("header", "(i32.const 80) (i32.const 0)"), None);
    assert_eq!(probe.text("header", "(i32.const 144) (i32.const 2)"), None);

    let (family, memory) = probe.ask("(i64.extend_i32_s (call $client_ip (i32.const 1024)))");
    assert_eq!((family, &memory[1034..1040]), (4, [0xff, 0xff, 10, 0, 0, 7].as_slice()));
    probe.head.client = "2001:db8::1".parse().unwrap();
    assert_eq!(probe.number("(i64.extend_i32_s (call $client_ip (i32.const 1024)))"), 6);
}

#[test]
fn hashes_tell_parts_apart_and_know_what_is_absent() {
    let probe = Probe::new();
    let hash = |source: i32, name: &str| probe.number(&format!("(call $hash (i32.const {source}) {name})"));
    let none = "(i32.const 0) (i32.const 0)";
    let hashes = [
        hash(hash_source::CLIENT_IP, none),
        hash(hash_source::HEADER, "(i32.const 80) (i32.const 6)"),
        hash(hash_source::COOKIE, "(i32.const 96) (i32.const 7)"),
        hash(hash_source::PATH, none),
        hash(hash_source::QUERY, "(i32.const 112) (i32.const 2)"),
    ];
    for (i, one) in hashes.iter().enumerate() {
        assert!(*one != 0 && !hashes[..i].contains(one), "{hashes:?}");
    }
    assert_eq!(hash(hash_source::HEADER, "(i32.const 64) (i32.const 3)"), 0);
    assert_eq!(hash(hash_source::COOKIE, "(i32.const 64) (i32.const 3)"), 0);
    assert_eq!(hash(hash_source::QUERY, "(i32.const 64) (i32.const 3)"), 0);
    assert_eq!(hash(5, none), 0);
}

#[test]
fn attempts_and_what_was_tried() {
    let mut probe = Probe::new();
    probe.head.tried.attempt = 2;
    probe.head.tried.insert(BackendIndex(1));
    assert_eq!(probe.number("(i64.extend_i32_s (call $attempt))"), 2);
    let tried = [0, 1, 99, -1]
        .map(|index| probe.number(&format!("(i64.extend_i32_s (call $tried (i32.const {index})))")));
    assert_eq!(tried, [0, 1, 0, 0]);
}

#[test]
fn there_is_no_request_outside_pick_and_observe() {
    let bench = Bench::new(pool("api", &["a"]), PolicySettings::default());
    let look = |slot: i32| {
        format!(
            "(call $cell_set (i32.const 0) (i32.const 0) (i32.const {slot}) (i64.add
                (i64.extend_i32_s (call $request_text (i32.const 0) (i32.const 1024) (i32.const 100)))
                (call $hash (i32.const 3) (i32.const 0) (i32.const 0))))"
        )
    };
    let content = guest(&format!(
        r#"(func (export "pointsman_init") (result i32) {} (i32.const 0))
           (func (export "pointsman_tick") {})
           (func (export "pointsman_observe") (param i32 i32 i32 i64 i64) {})"#,
        look(0),
        look(1),
        look(2)
    ));
    let mut instance = WorkerInstance::new(bench.build(&content).unwrap());
    instance.tick().unwrap().unwrap();
    let seen = |slot| with_cell(&bench.context.cells, slot, |cell| cell.get());
    assert_eq!((seen(0), seen(1)), (-1, -1));
    instance.observe((0, 200, 0, 1, 2), None).unwrap().unwrap();
    assert_eq!(seen(2), -1, "observed without the request");
    instance.observe((0, 200, 0, 1, 2), Some(&request())).unwrap().unwrap();
    assert!(seen(2) != -1, "observed with the request");
    instance.tick().unwrap().unwrap();
    assert_eq!(seen(1), -1, "and gone again");
}

#[test]
fn cells_can_be_read_set_added_and_compared() {
    let probe = Probe::new();
    // Backend 2, slot 3: add 5 to 0, compare with 5 and set 9, read: 0, 5, 9.
    let number = probe.number(
        "(i64.add (i64.mul (i64.const 10000) (call $cell_add (i32.const 1) (i32.const 2) (i32.const 3) (i64.const 5)))
            (i64.add
                (i64.mul (i64.const 100)
                    (call $cell_cas (i32.const 1) (i32.const 2) (i32.const 3) (i64.const 5) (i64.const 9)))
                (call $cell_get (i32.const 1) (i32.const 2) (i32.const 3))))",
    );
    assert_eq!(number, 509);
    for unknown in ["(i32.const 2) (i32.const 0) (i32.const 0)", "(i32.const 1) (i32.const 3) (i32.const 0)"]
    {
        assert_eq!(probe.number(&format!("(call $cell_get {unknown})")), 0);
        assert_eq!(probe.number(&format!("(call $cell_add {unknown} (i64.const 1))")), 0);
        assert_eq!(probe.number(&format!("(call $cell_cas {unknown} (i64.const 0) (i64.const 1))")), 0);
    }
}

#[test]
fn schemas_keep_cells_apart() {
    let bench = Bench::new(pool("api", &["a"]), PolicySettings::default());
    let content = guest(&format!(
        r#"{DATA} (func (export "pointsman_init") (result i32)
            (call $state (i32.const 128) (i32.const 8))
            (call $cell_set (i32.const 0) (i32.const 0) (i32.const 0) (i64.const 42)) (i32.const 0))"#
    ));
    let _ = bench.build(&content).unwrap();
    assert_eq!(with_cell(&bench.context.cells, 0, |cell| cell.get()), 0);
    assert_eq!(format!("{:?}", bench.context.cells), r#"["learnt.1", ""]"#);
}

#[test]
fn time_and_chance() {
    let probe = Probe::new();
    assert!(probe.number("(call $now_us)") >= 0);
    // Within a call the time stands still: a guest can't measure what happens in it.
    assert_eq!(probe.number("(i64.sub (call $now_us) (call $now_us))"), 0);
    let drawn = probe.number("(call $random)");
    assert_eq!(probe.number("(call $random)"), drawn, "the same seed");
    assert_ne!(probe.number("(drop (call $random)) (call $random)"), drawn);
}

#[test]
fn ticks_are_asked_for_within_limits() {
    let bench = Bench::new(pool("api", &["a"]), PolicySettings::default());
    for (ms, expected) in [("0", None), ("1", Some(10)), ("250", Some(250))] {
        let content = guest(&format!(
            r#"(func (export "pointsman_tick"))
               (func (export "pointsman_init") (result i32) (call $tick_every (i32.const {ms})) (i32.const 0))"#
        ));
        let interval = bench.build(&content).unwrap().tick_every();
        assert_eq!(interval.map(|interval| interval.as_millis()), expected, "{ms}");
    }
}

#[test]
fn ranges_outside_the_memory_are_refused_by_every_function_that_takes_one() {
    let bench = Bench::new(pool("api", &["a"]), PolicySettings::default());
    // One page: 65,536 bytes.
    let calls = [
        ("config", "(drop (call $config (i32.const 65530) (i32.const 7)))"),
        ("config", "(drop (call $config (i32.const -1) (i32.const -1)))"),
        ("fail", "(call $fail (i32.const 65536) (i32.const 1))"),
        (
            "backend_text",
            "(drop (call $backend_text (i32.const 0) (i32.const 0) (i32.const 65537) (i32.const 0)))",
        ),
        (
            "backend_label",
            "(drop (call $backend_label (i32.const 0) (i32.const -8) (i32.const 8) (i32.const 0) (i32.const 0)))",
        ),
        (
            "backend_label",
            "(drop (call $backend_label (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 9) (i32.const -9)))",
        ),
        ("weights", "(drop (call $weights (i32.const 65535) (i32.const 4)))"),
        ("all_flags", "(drop (call $all_flags (i32.const 65535) (i32.const 4)))"),
        ("stats", "(drop (call $stats (i32.const 0) (i32.const 65535) (i32.const 8)))"),
        ("request_text", "(drop (call $request_text (i32.const 0) (i32.const 65535) (i32.const 8)))"),
        ("header", "(drop (call $header (i32.const 65535) (i32.const 8) (i32.const 0) (i32.const 0)))"),
        ("header", "(drop (call $header (i32.const 0) (i32.const 0) (i32.const 65535) (i32.const 8)))"),
        ("client_ip", "(drop (call $client_ip (i32.const 65521)))"),
        ("hash", "(drop (call $hash (i32.const 1) (i32.const 65535) (i32.const 2)))"),
        ("log", "(call $log (i32.const 1) (i32.const 65535) (i32.const 2))"),
    ];
    for (function, call) in calls {
        let content = guest(&format!(r#"(func (export "pointsman_pick") (result i64) {call} {ABSTAIN})"#));
        let mut instance = WorkerInstance::new(bench.build(&content).unwrap());
        let failed = instance.pick(&request()).unwrap().unwrap_err();
        assert_eq!(failed.fault.kind.label(), "host-refusal", "{call}: {}", failed.fault);
        assert!(
            failed.fault.message.as_str().starts_with(&format!("`{function}` was given ")),
            "{}",
            failed.fault
        );
        assert!(failed.fault.message.as_str().ends_with("memory ends at 65536"), "{}", failed.fault);
    }
    // The very end is inside.
    let content = guest(&format!(
        r#"(func (export "pointsman_pick") (result i64) (drop (call $config (i32.const 65536) (i32.const 0)))
            (drop (call $config (i32.const 65534) (i32.const 2))) {ABSTAIN})"#
    ));
    WorkerInstance::new(bench.build(&content).unwrap()).pick(&request()).unwrap().unwrap();
}

#[test]
fn state_is_named_in_init_only() {
    let bench = Bench::new(pool("api", &["a"]), PolicySettings::default());
    let content = guest(&format!(
        r#"(func (export "pointsman_pick") (result i64) (call $state (i32.const 0) (i32.const 0)) {ABSTAIN})"#
    ));
    let failed = WorkerInstance::new(bench.build(&content).unwrap()).pick(&request()).unwrap().unwrap_err();
    assert_eq!(failed.fault.message.as_str(), "`state` may be called in `init` only");
}

#[test]
fn what_a_guest_can_ask_for_is_known_by_its_imports() {
    let bench = Bench::new(pool("api", &["a"]), PolicySettings::default());
    let lean = wat::parse_str(format!(
        r#"(module (memory (export "memory") 1) (func (export "pointsman_init") (result i32) (i32.const 0))
            (func (export "pointsman_pick") (result i64) {ABSTAIN}))"#
    ))
    .unwrap();
    let version = bench.compile(&lean).unwrap();
    assert!(version.access == RequestAccess::Nothing && !version.uses_cells);
    let version = bench.compile(&guest("")).unwrap();
    assert!(version.access == RequestAccess::Whole && version.uses_cells);
}
