//! A configuration that comes from something else than a file, or whose file becomes something else.

use std::fs;
use std::process::Command;

use harness::{Backend, Proxy, Setup};

/// The program, started by a shell with this redirection or argument; `pointsman.toml` is in its folder.
fn by_shell(rest: &str) -> Command {
    let mut command = Command::new("bash");
    command.args(["-c", &format!("exec \"$0\" run {rest}")]).arg(harness::program());
    command
}

#[test]
fn a_configuration_from_a_pipe_is_read_once() {
    let backend = Backend::named("good");
    let config = Setup::default().configuration(&[backend.address()]);
    for rest in ["--config <(cat pointsman.toml)", "--config /dev/stdin < <(cat pointsman.toml)"] {
        let directory = tempfile::tempdir().expect("a directory");
        let mut proxy = Proxy::start_by(by_shell(rest), directory, &config);
        assert_eq!(proxy.client().get("/").text(), "good");
        assert_eq!(proxy.log.events("configuration-not-followed").len(), 1, "{rest}");
        proxy.signal("HUP");
        proxy.log.wait_for("reload-ignored");
        proxy.signal("USR2");
        let failed = proxy.log.wait_for("replacement-failed");
        assert!(failed.message().contains("the configuration was read once"), "why: {failed}");
        assert_eq!(proxy.client().get("/").text(), "good");
        assert_eq!(proxy.log.events("configuration-refused"), [], "{rest}");
        proxy.signal("TERM");
        assert!(proxy.wait_for_exit().success());
    }
}

#[test]
fn a_file_by_another_name_is_followed() {
    let backend = Backend::named("good");
    let config = Setup::default().configuration(&[backend.address()]);
    let directory = tempfile::tempdir().expect("a directory");
    let proxy = Proxy::start_by(by_shell("--config /dev/stdin < pointsman.toml"), directory, &config);
    assert_eq!(proxy.log.events("configuration-not-followed").len(), 0);
    fs::write(proxy.path("pointsman.toml"), format!("{config}idle_timeout = \"7s\"\n")).expect("a file");
    proxy.signal("HUP");
    proxy.log.wait_for("configuration-reloaded");
}

#[test]
fn what_is_no_file_is_refused_without_a_wait() {
    let backend = Backend::named("good");
    let proxy = Setup::default().start(&[&backend]);
    let config = fs::read_to_string(proxy.path("pointsman.toml")).expect("its configuration");
    let file = proxy.path("pointsman.toml");
    // A change may be noticed as well as told of, so the same may be said twice, and late.
    let refused = |reason: &str| {
        proxy.signal("HUP");
        proxy.log.wait_where("configuration-refused", |line| line.message().contains(reason));
        assert_eq!(proxy.client().get("/").text(), "good");
    };
    fs::remove_file(&file).expect("it is there");
    assert!(Command::new("mkfifo").arg(&file).status().expect("mkfifo").success());
    refused("is no longer a regular file");
    fs::remove_file(&file).expect("it is there");
    std::os::unix::fs::symlink("/dev/zero", &file).expect("a link");
    proxy.signal("HUP");
    assert_eq!(proxy.client().get("/").text(), "good");
    fs::remove_file(&file).expect("it is there");
    fs::create_dir(&file).expect("a folder");
    refused("is a directory");
    fs::remove_dir(&file).expect("it is there");
    // The thread that reloads has been there all the time.
    proxy.reload(&format!("{config}idle_timeout = \"7s\"\n"));
}
