//! What axe-core finds wrong with the page. It is fetched by npm once, and the test skipped aloud where that can't be done.

use std::fs;
use std::path::Path;
use std::process::Command;

use harness::Backend;
use serde_json::Value;

use super::browser::Browser;
use super::reading::proxy;

/// The package, at a version whose findings are known.
const PACKAGE: &str = "axe-core@4.14.1";

/// Runs axe and answers what it found to be serious.
const RUN: &str = "axe.run().then(({ violations, passes }) => ({ passes: passes.length, serious: violations \
                   .filter(({ impact }) => impact === 'serious' || impact === 'critical') \
                   .map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => html + failureSummary).join('; ')}`) }))";

#[test]
fn axe_finds_nothing_serious() {
    let Some(mut browser) = Browser::start() else { return };
    let Some(axe) = axe() else {
        eprintln!("skipped: npm isn't installed, or can't fetch {PACKAGE}");
        return;
    };
    let backends = [(); 2].map(|()| Backend::start(|exchange| exchange.respond("hello")));
    let proxy = proxy(backends.each_ref().map(Backend::address));
    browser.open(&format!("http://{}/", proxy.admin()), 1280);
    browser.wait_for_text("#sentence", "All well.");
    browser.value(&axe);
    let check = |browser: &mut Browser| {
        let found = browser.value(RUN);
        assert_eq!(found["serious"], Value::Array(vec![]));
        assert!(found["passes"].as_u64() > Some(10), "{found}");
    };
    for theme in ["light", "dark"] {
        browser.value(&format!("document.documentElement.dataset.theme = '{theme}'"));
        check(&mut browser);
    }
    browser.value("document.querySelector('[aria-label=\"Weight of b0\"]').click()");
    browser.wait_for_text("dialog[open] h2", "Weight of b0");
    check(&mut browser);
}

/// The script, which is kept among what was built.
fn axe() -> Option<String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("axe-core");
    let script = folder.join("package/axe.min.js");
    if !script.exists() {
        fetch(&folder, &script)?;
    }
    // An expression that is worth little: what a script ends with is sent back.
    fs::read_to_string(script).ok().map(|script| format!("{script}; 0"))
}

fn fetch(folder: &Path, script: &Path) -> Option<()> {
    fs::create_dir_all(folder).ok()?;
    let mut npm = Command::new("npm");
    let packed = npm.args(["pack", "--silent", PACKAGE]).current_dir(folder).output().ok()?;
    let archive = String::from_utf8(packed.stdout).ok()?;
    let unpacked = Command::new("tar").args(["-xzf", archive.trim()]).current_dir(folder).status().ok()?;
    (unpacked.success() && script.exists()).then_some(())
}
