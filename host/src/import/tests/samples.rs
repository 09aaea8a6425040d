//! The samples in `tests/import/`, each with the configuration and the list that come of it.
//!
//! `UPDATE_IMPORTS=1` writes what comes of them now; read the difference before it is committed.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::*;

const FOLDER: &str = "../tests/import";

const SAMPLES: [(Dialect, &str); 10] = [
    (Dialect::Nginx, "nginx/1-weighted.conf"),
    (Dialect::Nginx, "nginx/2-sites.conf"),
    (Dialect::Nginx, "nginx/3-variables.conf"),
    (Dialect::Nginx, "nginx/4-edge.conf"),
    (Dialect::Nginx, "nginx/5-crlf-odd.conf"),
    (Dialect::Haproxy, "haproxy/1-classic.cfg"),
    (Dialect::Haproxy, "haproxy/2-acl-routing.cfg"),
    (Dialect::Haproxy, "haproxy/3-limits-sticky.cfg"),
    (Dialect::Haproxy, "haproxy/4-tls-tcp.cfg"),
    (Dialect::Haproxy, "haproxy/5-dynamic.cfg"),
];

fn run(dialect: Dialect, name: &str) -> Imported {
    let options = Options { root: Some(PathBuf::from(FOLDER)), workers: 4, ..Options::default() };
    import(dialect, &Path::new(FOLDER).join(name), &options).unwrap_or_else(|fault| panic!("{fault}"))
}

/// The list as the command writes it, with names from the samples' folder.
fn list(imported: &Imported) -> String {
    let lines = imported.findings.iter().map(|finding| format!("{finding}\n")).collect::<String>();
    lines.replace(&format!("{FOLDER}/"), "")
}

#[test]
fn samples_become_what_is_written_beside_them() {
    let mut differences = Vec::new();
    for (dialect, name) in SAMPLES {
        let imported = run(dialect, name);
        if let Some(fault) = &imported.fault {
            differences.push(format!("{name}: the result isn't a configuration: {fault}"));
        }
        let text = imported.text.clone().unwrap_or_default().replace(&format!("{FOLDER}/"), "");
        let stem = name.rsplit_once('.').expect("an extension").0;
        for (kind, content) in [("toml", text), ("list", list(&imported))] {
            let path = PathBuf::from(FOLDER).join("expected").join(format!("{stem}.{kind}"));
            if std::env::var_os("UPDATE_IMPORTS").is_some() {
                fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
                fs::write(&path, &content).expect("a file");
            }
            let expected = fs::read_to_string(&path).unwrap_or_default();
            if expected != content {
                differences.push(format!("{} differs from what comes of {name}:\n{content}", path.display()));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// Nothing disappears.
#[test]
fn each_directive_is_carried_over_or_listed() {
    for (dialect, name) in SAMPLES {
        let Counts { directives, carried, listed } = run(dialect, name).counts;
        assert_eq!(directives, carried + listed, "{name}");
        assert!(directives > 20, "{name}: {directives}");
    }
}
