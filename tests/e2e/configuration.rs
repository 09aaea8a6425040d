//! A configuration that can't be served is refused before anything is bound, with every fault at its line.

use harness::{Backend, Proxy};

const GOOD: &str = "[[listener]]\naddress = \"127.0.0.1:0\"\n[pool.api]\nbackends = [\"127.0.0.1:1\"]\n";

/// `check` and `run` both refuse this, each fault on a line of its own that begins and goes on like these.
fn check(config: &str, faults: &[(&str, &str)]) {
    for command in ["check", "run"] {
        let output = Proxy::run_to_end(&[command], config);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{command}: {told}");
        assert!(output.stdout.is_empty(), "{command}: {output:?}");
        // A fault that comes late follows what was logged before.
        let lines: Vec<&str> = told.lines().filter(|line| !line.contains(" event=\"")).collect();
        assert_eq!(lines.len(), faults.len(), "{command}: {told}");
        for (line, (begins, has)) in lines.iter().zip(faults) {
            let line = line.strip_prefix("pointsman: ").unwrap_or(line);
            assert!(line.starts_with(begins) && line.contains(has), "{command}: {begins} ... {has}:\n{told}");
        }
    }
}

#[test]
fn unknown_keys_and_wrong_values_are_named_with_their_line() {
    check(&format!("worker = 2\n{GOOD}"), &[("pointsman.toml:1: worker: ", "workers")]);
    check(&format!("workers = \"two\"\n{GOOD}"), &[("pointsman.toml:1: workers: ", "")]);
    check(&format!("workers = 0\n{GOOD}"), &[("pointsman.toml:1: workers: ", "1")]);
    check(&format!("{GOOD}connect_timeout = 5\n"), &[("pointsman.toml:5: pool.api.connect_timeout: ", "\"")]);
    check(
        &format!("{GOOD}connect_timeout = \"5 parsecs\"\n"),
        &[("pointsman.toml:5: pool.api.connect_timeout: ", "")],
    );
    check(&GOOD.replace("127.0.0.1:0", "nowhere"), &[("pointsman.toml:2: listener[0].address: ", "nowhere")]);
    check(
        &GOOD.replace("127.0.0.1:1", "127.0.0.1"),
        &[("pointsman.toml:4: pool.api.backends[0]", "127.0.0.1")],
    );
    check(&format!("{GOOD}= 1\n"), &[("pointsman.toml:5", "")]);
}

#[test]
fn what_does_not_fit_together_is_named_with_its_line() {
    let route = format!("{GOOD}[[route]]\npath = \"/\"\npool = \"web\"\n");
    check(&route, &[("pointsman.toml:7: route[0].pool: ", "web")]);
    check("[[listener]]\naddress = \"127.0.0.1:0\"\n", &[("pointsman.toml: ", "pool")]);
    check("[pool.api]\nbackends = [\"127.0.0.1:1\"]\n", &[("pointsman.toml: ", "listener")]);
    check(&GOOD.replace("[\"127.0.0.1:1\"]", "[]"), &[("pointsman.toml:4: pool.api.backends: ", "")]);
    let twice = "[{ name = \"b\", address = \"127.0.0.1:1\" }, { name = \"b\", address = \"127.0.0.1:2\" }]";
    check(&GOOD.replace("[\"127.0.0.1:1\"]", twice), &[("pointsman.toml:4: pool.api.backends[1]: ", "b")]);
    let same = "[\"127.0.0.1:1\", \"127.0.0.1:1\"]";
    check(
        &GOOD.replace("[\"127.0.0.1:1\"]", same),
        &[("pointsman.toml:4: pool.api.backends[1]", "127.0.0.1:1")],
    );
}

#[test]
fn plugins_that_cannot_be_had_are_named_with_their_line() {
    let file = "policy = { file = \"missing.wasm\" }\n";
    check(&format!("{GOOD}{file}"), &[("pointsman.toml:5: pool.api.policy: ", "missing.wasm")]);
    // The configuration is a file, and no plugin.
    let garbage = "policy = { file = \"pointsman.toml\" }\n";
    check(&format!("{GOOD}{garbage}"), &[("pointsman.toml:5: pool.api.policy: ", "")]);
    check(&format!("{GOOD}policy = \"no-such\"\n"), &[("pointsman.toml:5: pool.api.policy", "no-such")]);
    let two =
        format!("{GOOD}{file}[pool.web]\nbackends = [\"127.0.0.1:1\"]\n{file}[[route]]\npool = \"api\"\n");
    check(&two, &[("pointsman.toml:5: pool.api.policy: ", ""), ("pointsman.toml:8: pool.web.policy: ", "")]);
}

#[test]
fn all_faults_are_reported_at_once() {
    check(
        "worker = 2\n[[listener]]\naddress = \"x\"\nsend_timeout = 1\n[pool.api]\nbackends = []\n[[route]]\n\
         pool = \"web\"\n",
        &[
            ("pointsman.toml:1: worker: ", ""),
            ("pointsman.toml:3: listener[0].address: ", ""),
            ("pointsman.toml:4: listener[0].send_timeout: ", ""),
            ("pointsman.toml:6: pool.api.backends: ", ""),
            ("pointsman.toml:8: route[0].pool: ", "web"),
        ],
    );
}

#[test]
fn a_file_that_is_not_there_is_named() {
    for command in ["check", "run"] {
        let output = Proxy::run_to_end(&[command, "--config", "elsewhere.toml"], GOOD);
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&output.stderr).contains("elsewhere.toml"), "{output:?}");
    }
}

#[test]
fn an_address_in_use_is_named() {
    let backend = Backend::named("backend");
    // One that shares the port, and one that doesn't.
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    for taken in [proxy.address(), backend.address()] {
        let taken = taken.to_string();
        for config in [GOOD.replace("127.0.0.1:0", &taken), format!("{GOOD}[admin]\naddress = \"{taken}\"\n")]
        {
            let output = Proxy::run_to_end(&["run"], &config);
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(1), "{told}");
            assert!(told.contains(&taken) && told.contains("in use"), "{told}");
        }
    }
    assert_eq!(proxy.client().get("/").status(), 200);
}

#[test]
fn a_good_file_is_said_to_be_good() {
    let output = Proxy::run_to_end(&["check"], GOOD);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(told, "pointsman.toml: ok (1 listener, 1 pool, 1 backend)\n");
    assert!(output.stderr.is_empty(), "{output:?}");
}

#[test]
fn places_that_a_start_cannot_use_are_named_with_their_line() {
    // The configuration itself is the file that is there already, open to all and no socket.
    let admin = "[admin]\naddress = \"127.0.0.1:0\"\n";
    for (token, has) in [
        ("nonesuch", "nonesuch: cannot read it: No such file or directory (os error 2)"),
        ("pointsman.toml", "mode 644"),
    ] {
        let token = format!("{GOOD}{admin}token_file = \"{token}\"\n");
        check(&token, &[("pointsman.toml:7: admin.token_file: ", has)]);
    }
    for (folder, has) in [("pointsman.toml", "pointsman.toml"), ("pointsman.toml/below", "pointsman.toml")] {
        check(&format!("state_dir = \"{folder}\"\n{GOOD}"), &[("pointsman.toml:1: state_dir: ", has)]);
    }
    for (path, has) in [
        ("nonesuch/a.sock", "make the folder"),
        ("pointsman.toml", "no socket"),
        ("pointsman.toml/a.sock", "Not a directory"),
    ] {
        let text = format!("{GOOD}[admin]\naddress = \"unix:{path}\"\n");
        check(&text, &[("pointsman.toml:6: admin.address: cannot listen on unix:", has)]);
    }
    let text = GOOD.replace("127.0.0.1:0", "unix:/nonesuch/a.sock");
    check(&text, &[("pointsman.toml:2: listener[0].address: cannot listen on unix:", "make the folder")]);
    let text = format!("{GOOD}[access_log]\npath = \".\"\n");
    check(&text, &[("pointsman.toml:6: access_log.path: ", "is a folder")]);
}

#[test]
fn check_names_what_is_wrong_with_places_certificates_and_plugins_at_once() {
    let config = format!(
        "state_dir = \"pointsman.toml\"\n{GOOD}policy = {{ file = \"missing.wasm\" }}\n\
         [admin]\naddress = \"unix:nonesuch/a.sock\"\n"
    );
    let output = Proxy::run_to_end(&["check"], &config);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    let keys: Vec<&str> = told.lines().filter_map(|line| line.split(": ").nth(1)).collect();
    assert_eq!(keys, ["state_dir", "pool.api.policy", "admin.address"], "{told}");
}
