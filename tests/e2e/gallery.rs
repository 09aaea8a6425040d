//! The gallery's policies in one proxy, each behind the route that its application needs.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use harness::{Backend, Proxy};

/// Builds the gallery where the bundled policies are built, so that the SDK is there already. `None` without the Wasm target.
fn built(directory: &Path) -> Option<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let target = Path::new(env!("CARGO_BIN_EXE_pointsman"))
        .ancestors()
        .nth(2)
        .expect("a target directory")
        .join("plugins");
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .current_dir(&root)
        .args(["build", "--quiet", "--offline", "--locked", "--lib", "--profile", "plugin"])
        .args(["--target", "wasm32-unknown-unknown", "--target-dir"])
        .arg(&target);
    for flags in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS"] {
        cargo.env_remove(flags);
    }
    let names = ["room-affinity", "user-affinity", "document-affinity"];
    let output = cargo.args(names.iter().flat_map(|name| ["--package", name])).output().expect("cargo");
    let complaint = String::from_utf8_lossy(&output.stderr);
    if complaint.contains("can't find crate for `core`") || complaint.contains("target may not be installed")
    {
        eprintln!("skipped: the compiler has no standard library for WebAssembly");
        return None;
    }
    assert!(output.status.success(), "{complaint}");
    for name in names {
        let file = format!("{}.wasm", name.replace('-', "_"));
        std::fs::copy(
            target.join("wasm32-unknown-unknown/plugin").join(file),
            directory.join(format!("{name}.wasm")),
        )
        .expect("the plugin");
    }
    Some(())
}

/// The cookbook's page in short, over the same backends. Of the first one `more` says more.
fn configuration(backends: &[Backend], more: &str) -> String {
    let list: Vec<String> = (0..)
        .zip(backends)
        .map(|(place, backend)| {
            let more = if place == 0 { more } else { "" };
            format!("{{ name = \"b{place}\", address = \"{}\"{more} }}", backend.address())
        })
        .collect();
    let pools = [("meetings", "room"), ("sync", "user"), ("office", "document")].map(|(pool, kind)| {
        format!(
            "[pool.{pool}]\npolicy = {{ file = \"{kind}-affinity.wasm\" }}\nbackends = [{}]\n",
            list.join(", ")
        )
    });
    format!(
        "workers = 2\n[[listener]]\naddress = \"127.0.0.1:0\"\n\
         [[route]]\nprefix = [\"/css\", \"/libs\"]\npool = \"meetings\"\npolicy = \"round-robin\"\n\
         [[route]]\nregex = '^/_matrix/client/(r0|v3)/(sync|login)$'\npool = \"sync\"\n\
         [[route]]\nquery = {{ WOPISrc = true }}\npool = \"office\"\n\
         [[route]]\npool = \"meetings\"\n{}",
        pools.concat()
    )
}

/// Requests of one kind, by its number: target and fields. All of one number belong together.
fn kin(number: usize) -> [Vec<(String, String)>; 3] {
    let plain = |target: String| (target, String::new());
    let document = format!("cloud.example.com%2Fwopi%2Ffiles%2F{number}");
    let sync = "/_matrix/client/v3/sync";
    [
        vec![
            plain(format!("/Room{number}")),
            plain(format!("/http-bind?room=room{number}")),
            plain(format!("/xmpp-websocket?room=%72oom{number}")),
        ],
        vec![
            (sync.to_owned(), format!("Authorization: Bearer syt_dXNlcg{number}_phone_1\r\n")),
            (format!("{sync}?timeout=0"), format!("Authorization: Bearer syt_dXNlcg{number}_laptop_2\r\n")),
            plain(format!("{sync}?access_token=syt_dXNlcg{number}_old_3")),
        ],
        vec![
            plain(format!("/cool/ws?WOPISrc=https%3A%2F%2F{document}&compat=/ws")),
            plain(format!(
                "/cool/https%3A%2F%2F{document}/ws?WOPISrc=https://{}",
                document.replace("%2F", "%2f")
            )),
        ],
    ]
}

/// The backend of each room, user and document, which all of its requests reach.
fn homes(proxy: &Proxy) -> Vec<[String; 3]> {
    let mut connections = [proxy.client(), proxy.client(), proxy.client()];
    let mut home = |requests: Vec<(String, String)>| {
        let answers: BTreeSet<String> = (connections.iter_mut().zip(&requests))
            .map(|(client, (target, fields))| client.get_with(target, fields).text())
            .collect();
        assert_eq!(answers.len(), 1, "{requests:?} reach {answers:?}");
        answers.into_iter().next().expect("one")
    };
    (0..30).map(|number| kin(number).map(&mut home)).collect()
}

#[test]
fn what_belongs_together_reaches_one_backend_and_only_what_was_on_one_that_leaves_moves() {
    let directory = tempfile::tempdir().expect("a directory");
    let Some(()) = built(directory.path()) else { return };
    let backends = ["a", "b", "c"].map(Backend::named);
    let proxy = Proxy::start_in(directory, &configuration(&backends, ""));
    let before = homes(&proxy);
    for kind in 0..3 {
        let seen: BTreeSet<&str> = before.iter().map(|homes| &*homes[kind]).collect();
        assert_eq!(seen.len(), 3, "{before:?}");
    }
    // What has no key goes round, and so do files.
    for target in ["/", "/libs/app.js", "/_matrix/client/v3/login"] {
        let mut client = proxy.client();
        let seen: BTreeSet<String> = (0..30).map(|_| client.get(target).text()).collect();
        assert!(seen.len() > 1, "{target}: {seen:?}");
    }

    proxy.reload(&configuration(&backends, ", draining = true"));
    for (was, is) in before.iter().flatten().zip(homes(&proxy).iter().flatten()) {
        assert!(is != "a" && (was == is || was == "a"), "{was} to {is}");
    }
    proxy.reload(&configuration(&backends, ""));
    assert_eq!(homes(&proxy), before, "they come back");
    assert!(proxy.log.events("policy-faulted").is_empty());
}
