//! Packages and calls that belong to one module.

use super::repository;

/// Whether a file is one of these, or below one of these folders.
fn is_in(file: &str, owners: &[&str]) -> bool {
    let path =
        ["host/core/src/", "host/src/"].iter().find_map(|folder| file.strip_prefix(folder)).unwrap_or(file);
    let path = path
        .strip_prefix("host/policy/src/")
        .map_or_else(|| path.to_owned(), |path| format!("policy/{path}"));
    let path = path
        .strip_prefix("host/workshop/src/")
        .map_or_else(|| path.clone(), |path| format!("workshop/{path}"));
    owners.iter().any(|owner| path.starts_with(owner))
}

#[test]
fn each_package_has_one_owner() {
    let owners: &[(&str, &[&str])] = &[
        ("wasmtime", &["policy"]),
        ("notify", &["control/watch"]),
        ("hickory_resolver", &["discovery/dns"]),
        ("toml", &["config", "workshop"]),
        ("instant_acme", &["acme"]),
        ("anyhow", &["app", "cli", "demo", "main"]),
        ("axum", &["admin", "dashboard"]),
        ("prometheus_client", &["metrics"]),
        ("utoipa", &["admin"]),
        ("utoipa_axum", &["admin"]),
        ("brotli", &["compression"]),
        ("flate2", &["compression"]),
        ("zstd_safe", &["compression", "workshop/scaffold/archive"]),
        ("clap", &["cli", "ctl"]),
        ("ratatui", &["ctl"]),
        ("unicode_width", &["ctl"]),
        ("clap_complete", &["cli/completions"]),
        ("clap_mangen", &["cli/man"]),
        ("crc", &["proxy_protocol"]),
        ("rustls", &["tls", "demo"]),
        ("aws_lc_rs", &["tls", "sticky/marks", "downstream/http2/websocket", "demo/certificate"]),
        (
            "h2",
            &[
                "serve/http2",
                "downstream/http2",
                "stream/of_http2",
                "stream/room",
                "upstream",
                "health",
                "demo",
            ],
        ),
        ("rustls_native_certs", &["tls"]),
        ("tokio_rustls", &["tls", "demo"]),
        ("x509_parser", &["tls"]),
    ];
    let mut wrong = Vec::new();
    for package in repository::crates().iter().filter(|package| package.folder.starts_with("host/")) {
        for (path, source) in &package.files {
            let file = format!("{}/{path}", package.folder);
            for (name, folders) in owners {
                if source.module.mentions(name) && !is_in(&file, folders) {
                    wrong.push(format!("{file} uses {name}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn only_the_control_side_compiles_and_instantiates() {
    let owners: [(&str, &[&str]); 3] = [
        ("Module::", &["policy/admission.rs"]),
        (".instantiate(", &["policy/instance.rs"]),
        ("Instance::build(", &["policy/admission/rehearsal.rs", "policy/supervisor.rs", "policy/testing.rs"]),
    ];
    for folder in ["host/src", "host/core/src", "host/policy/src", "host/workshop/src"] {
        for (path, text) in repository::texts(folder) {
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            for (call, files) in owners {
                let calls = code.contains(call) && !path.ends_with("tests.rs") && !path.ends_with("fuzz.rs");
                let file = format!("{folder}/{path}");
                assert!(!calls || is_in(&file, files), "{file} has a call of `{call}`");
            }
        }
    }
}
