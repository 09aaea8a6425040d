//! The files in `deploy/` are what those who read them take them for: each is read by the program that it is for, or by a check of what it
//! says.

mod image;
mod kubernetes;
mod monitoring;
mod units;

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::programs;

/// The folder.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy")
}

/// A file's text.
fn text(path: &str) -> String {
    std::fs::read_to_string(folder().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A YAML file of one document.
fn yaml(path: &str) -> Value {
    serde_yaml_ng::from_str(&text(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The text at a path such as `/spec/name`.
#[track_caller]
fn at<'a>(document: &'a Value, pointer: &str) -> &'a str {
    let found = document.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_else(|| panic!("no text at {pointer} in {document:#}"))
}

/// `pointsman check` of a configuration file.
#[track_caller]
fn check(file: &Path) {
    let program = harness::Proxy::run_to_end(&["check", "--config", file.to_str().expect("a name")], "");
    assert!(program.status.success(), "{}", programs::text(&program));
}

/// A duration of a configuration, in seconds.
fn seconds(configuration: &str, key: &str) -> u64 {
    let line = configuration.lines().find_map(|line| line.trim().strip_prefix(key)?.trim().strip_prefix('='));
    let value = line.unwrap_or_else(|| panic!("no {key}")).trim().trim_matches('"');
    value.strip_suffix('s').and_then(|number| number.parse().ok()).expect("whole seconds")
}

#[test]
fn the_example_for_compose_is_good() {
    let file = folder().join("compose/pointsman.toml");
    check(&file);
    let compose = yaml("compose/compose.yaml");
    let configuration = text("compose/pointsman.toml");
    for service in ["one", "two"] {
        assert!(
            compose.pointer(&format!("/services/{service}/image")).is_some(),
            "there is no service {service}"
        );
        assert!(configuration.contains(&format!("address = \"{service}:80\"")), "{service} gets no requests");
    }
    let proxy = &compose["services"]["proxy"];
    assert!(
        folder()
            .join("compose")
            .join(at(proxy, "/build/context"))
            .join(at(proxy, "/build/dockerfile"))
            .is_file()
    );
    let grace =
        at(proxy, "/stop_grace_period").strip_suffix('s').and_then(|seconds| seconds.parse::<u64>().ok());
    assert!(grace > Some(seconds(&configuration, "drain_timeout")));
    let arguments = ["--builtin-schema", "vendor.compose-spec", "compose/compose.yaml"];
    if let Some(checked) = programs::run(&folder(), "check-jsonschema", &arguments) {
        assert!(checked.status.success(), "{}", programs::text(&checked));
    }
}
