//! The units for systemd.

use std::path::Path;

use super::{check, folder, programs, seconds, text};

#[test]
fn the_service_ends_after_the_drain_and_runs_as_the_user_that_is_made() {
    let unit = text("systemd/pointsman.service");
    let value =
        |key: &str| unit.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).expect("the key");
    let reference = text("../config/reference.toml");
    assert!(value("TimeoutStopSec").parse::<u64>().expect("seconds") > seconds(&reference, "drain_timeout"));
    // What it runs is there on every system: the shell, and what the package brings.
    let programs = unit.lines().filter_map(|line| line.strip_prefix("Exec")?.split_once('='));
    for (key, command) in programs {
        assert!(
            command.starts_with("/usr/bin/pointsman ") || command.starts_with("/bin/sh "),
            "Exec{key}={command}"
        );
    }
    let user = text("systemd/pointsman.sysusers");
    assert!(user.lines().any(|line| line.starts_with(&format!("u {} ", value("User")))), "{user}");
}

/// Skipped where there is no systemd.
#[test]
fn systemd_takes_the_units() {
    // Whether the program is installed is no matter of the unit.
    let directory = tempfile::tempdir().expect("a directory");
    for name in ["pointsman.service", "pointsman.socket"] {
        let unit = text(&format!("systemd/{name}")).replace("/usr/bin/pointsman", "/bin/true");
        std::fs::write(directory.path().join(name), unit).expect("a unit");
    }
    let units = ["verify", "--man=no", "pointsman.service", "pointsman.socket"];
    let Some(checked) = programs::run(directory.path(), "systemd-analyze", &units) else { return };
    let said = programs::text(&checked);
    assert!(checked.status.success() && !said.contains("pointsman"), "{said}");
    let users = folder().join("systemd/pointsman.sysusers").canonicalize().expect("a file");
    let sysusers = ["--dry-run", users.to_str().expect("a name")];
    let Some(checked) = programs::run(directory.path(), "systemd-sysusers", &sysusers) else { return };
    assert!(checked.status.success(), "{}", programs::text(&checked));
}

/// The files of Debian's package that are in the repository; the others are made by `cargo xtask dist`.
#[test]
fn the_package_has_what_it_names_and_a_good_configuration() {
    check(&folder().join("debian/pointsman.toml"));
    let manifest: toml::Table = text("../host/Cargo.toml").parse().expect("a manifest");
    let package = &manifest["package"]["metadata"]["deb"];
    let assets =
        package["assets"].as_array().expect("assets").iter().map(|asset| asset[0].as_str().expect("a path"));
    for asset in assets.filter(|asset| !asset.starts_with("target/")) {
        // A pattern stands for the files of a folder.
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(asset.split('*').next().expect("a folder"));
        assert!(path.exists(), "{asset}");
    }
    for script in ["postinst", "postrm"] {
        let script = text(&format!("debian/{script}"));
        assert!(script.starts_with("#!/bin/sh\nset -e\n") && script.contains("\n#DEBHELPER#\n"), "{script}");
    }
}
