//! What a policy learns of the responses to its picks.

use std::fs;

use super::proxy;
use crate::harness::{Backend, guest};

#[test]
#[ignore = "the proxy hands no request to `observe` (host/src/upstream/progress.rs)"]
fn the_request_can_be_asked_for_in_observe() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("p.wasm");
    let plugin = guest(
        r#"(data (i32.const 0) "x-user") (data (i32.const 16) "header seen in observe")
        (func (export "pointsman_observe") (param i32 i32 i32 i64 i64)
            (if (i32.eq (call $header (i32.const 0) (i32.const 6) (i32.const 64) (i32.const 16)) (i32.const 3))
                (then (call $log (i32.const 3) (i32.const 16) (i32.const 22)))))"#,
    );
    fs::write(&file, plugin).expect("a plugin");
    let backend = Backend::named("a");
    let proxy = proxy(&format!("{{ file = \"{}\" }}", file.display()), &[(&backend, "")], "");
    assert_eq!(proxy.client().get_with("/", "X-User: ada\r\n").text(), "a");
    proxy.wait_for_log("policy says: header seen in observe");
}
