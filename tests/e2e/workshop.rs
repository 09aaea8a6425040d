//! What authors of policies try them with.

mod scaffold;
mod scenarios;
mod simulate;

use std::fs;

use harness::Proxy;

/// A folder with these files.
fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, content) in files {
        fs::write(folder.path().join(name), content).expect("a file");
    }
    folder
}

/// A plugin whose picks are this.
fn plugin(pick: &str) -> Vec<u8> {
    harness::guest(&format!("(func (export \"pointsman_pick\") (result i64) {pick})"))
}

/// Exit code, standard output and standard error.
fn pointsman(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Proxy::run_to_end(arguments, "");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}
