//! What guests write into the host's log.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;

/// Lines that a guest makes the host log while it is called once.
pub(super) fn logged(pick: &str, data: &str) -> Vec<String> {
    logged_up_to(tracing::Level::INFO, pick, data)
}

/// The same, up to a level.
fn logged_up_to(most: tracing::Level, pick: &str, data: &str) -> Vec<String> {
    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);
    impl std::io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    // Writing lines takes its time in a debug build; how much isn't what is tested.
    let settings = PolicySettings { deadline: Duration::from_secs(10), ..PolicySettings::default() };
    let bench = Bench::new(pool("api", &["a"]), settings);
    let content = guest(&format!(
        r#"{data} (func (export "pointsman_pick") (result i64) (local i32) {pick} {ABSTAIN})"#
    ));
    let mut instance = WorkerInstance::new(bench.build(&content).unwrap());
    let sink = Sink::default();
    let writer = sink.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(most)
        .with_ansi(false)
        .without_time()
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::with_default(subscriber, || instance.pick(&request()).unwrap().unwrap());
    let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn log_lines_are_harmless_and_name_their_origin() {
    let lines = logged(
        "(call $log (i32.const 2) (i32.const 8) (i32.const 9)) (call $log (i32.const 0) (i32.const 8) (i32.const 9))",
        r#"(data (i32.const 8) "odd\nERROR")"#,
    );
    assert_eq!(lines.len(), 1, "debug lines are off: {lines:?}");
    assert!(lines[0].trim_start().starts_with("WARN"), "{lines:?}");
    assert!(lines[0].contains(r#"policy says: odd\nERROR event="policy-logged" pool="#), "{lines:?}");
    assert!(lines[0].contains(r#"pool="api""#) && lines[0].contains("version="), "{lines:?}");
}

#[test]
fn a_flood_of_log_lines_is_cut_short() {
    let flood = "(loop $l (call $log (i32.const 1) (i32.const 0) (i32.const 60000))
        (br_if $l (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 1000))))";
    let lines = logged(flood, r#"(data (i32.const 0) "x")"#);
    assert_eq!(lines.len(), 20);
    // A zero byte takes five characters when it is escaped.
    assert!(lines.iter().all(|line| line.len() < 6 * 1024));
}

#[test]
fn what_there_is_not_is_told_to_authors() {
    let drop = |call: &str| format!("(drop {call})");
    for (call, expected) in [
        ("(call $weight (i32.const 7))", "`weight` for backend 7, which"),
        ("(call $configured_weight (i32.const -1))", "`configured_weight` for backend -1, which"),
        ("(call $flags (i32.const 1))", "`flags` for backend 1, which"),
        ("(call $stat (i32.const 0) (i32.const 1))", "`stat` for backend 1, which"),
        ("(call $stat (i32.const 99) (i32.const 0))", "`stat` for the kind of number 99, which"),
        (
            "(call $stats (i32.const 9) (i32.const 0) (i32.const 0))",
            "`stats` for the kind of number 9, which",
        ),
        ("(call $tried (i32.const 1))", "`tried` for backend 1, which"),
        ("(call $hash (i32.const 5) (i32.const 0) (i32.const 0))", "`hash` for source 5, which"),
        (
            "(call $request_text (i32.const 7) (i32.const 0) (i32.const 0))",
            "`request_text` for field 7, which",
        ),
        (
            "(call $backend_text (i32.const 0) (i32.const 3) (i32.const 0) (i32.const 0))",
            "`backend_text` for field 3, which",
        ),
        (
            "(call $backend_text (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0))",
            "`backend_text` for backend 1, which",
        ),
        (
            "(call $backend_label (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))",
            "`backend_label` for backend 1, which",
        ),
        (
            "(call $cell_get (i32.const 2) (i32.const 0) (i32.const 0))",
            "`cell_get` for a cell of the scope 2, which",
        ),
        ("(call $cell_get (i32.const 0) (i32.const 0) (i32.const 16))", "`cell_get` for cell 16, which"),
        (
            "(call $cell_add (i32.const 1) (i32.const 1) (i32.const 0) (i64.const 1))",
            "`cell_add` for backend 1, which",
        ),
        (
            "(call $cell_cas (i32.const 1) (i32.const 0) (i32.const 8) (i64.const 0) (i64.const 1))",
            "`cell_cas` for cell 8, which",
        ),
    ] {
        let lines = logged_up_to(tracing::Level::DEBUG, &drop(call), "");
        assert!(
            lines.len() == 1 && lines[0].contains(&format!("policy asks {expected}")),
            "{call}: {lines:?}"
        );
        assert_eq!(logged(&drop(call), ""), [""; 0], "it is for authors");
    }
    let right = "(drop (call $stat (i32.const 8) (i32.const 0))) (drop (call $tried (i32.const 0)))";
    assert_eq!(logged_up_to(tracing::Level::DEBUG, right, ""), [""; 0]);
}
