//! What is changed from the page, by clicking or by keyboard alone: drain, weight, swap, roll back.

use harness::{Backend, wait_until};
use serde_json::json;

use super::browser::Browser;
use super::reading::proxy;

#[test]
fn backends_and_policies_are_steered_by_the_page() {
    let Some(mut browser) = Browser::start() else { return };
    let backends = [(); 2].map(|()| Backend::start(|exchange| exchange.respond("hello")));
    let proxy = proxy(backends.each_ref().map(Backend::address));
    browser.open(&format!("http://{}/", proxy.admin()), 1280);
    browser.wait_for_text("#sentence", "All well.");

    // By keyboard alone.
    browser.press("Tab");
    browser.press("Enter");
    browser.tab_to("Drain b0");
    browser.press("Enter");
    browser.tab_to("Drain");
    browser.press("Enter");
    browser.wait_for_text("dialog[open] .answer.good", "b0 drains.");
    browser.press("Enter");
    browser.wait_for_text(".backends tbody tr:nth-child(1) .state", "draining");

    click(&mut browser, "[aria-label='Weight of b0']");
    browser.value("document.querySelector('dialog input').value = '2.5'");
    click(&mut browser, "dialog .primary");
    browser.wait_for_text("dialog[open] .answer.good", "b0 weighs 2.5.");
    click(&mut browser, "dialog .choices button");
    browser.wait_for_text(".backends tbody tr:nth-child(1) .weight", "2.5");

    let before = version(&mut browser);
    swap(&mut browser, &proxy.path("other.wasm"), b"no plugin");
    browser.wait_for_text("dialog[open] .answer.bad", "the file is text");
    browser.press("Escape");
    let least_conn = pointsman_policy::bundled("least-conn").expect("a bundled policy");
    swap(&mut browser, &proxy.path("least-conn.wasm"), least_conn);
    browser.wait_for_text("dialog[open] .answer.good", "serves in the place of");
    click(&mut browser, "dialog .choices button");
    wait_until("another version serves", || version(&mut browser) != before);

    wait_until("there is something to go back to", || {
        browser.value("!document.querySelector('[aria-label^=\"Roll back\"]').disabled") == true
    });
    click(&mut browser, "[aria-label^='Roll back']");
    click(&mut browser, "dialog .primary");
    browser.wait_for_text("dialog[open] .answer.good", "serves");
    click(&mut browser, "dialog .choices button");
    wait_until("the version before serves", || version(&mut browser) == before);
    let errors = proxy.log.errors();
    assert_eq!(errors.iter().map(|line| line.event()).collect::<Vec<_>>(), ["policy-swap-refused"]);
}

fn click(browser: &mut Browser, selector: &str) {
    browser.value(&format!("document.querySelector({}).click()", json!(selector)));
}

/// The version that the page shows.
fn version(browser: &mut Browser) -> String {
    let text = browser.text(".policy .version");
    text.split(['@', ',']).nth(1).unwrap_or_default().to_owned()
}

/// Chooses a file with this content in the dialog, and confirms.
fn swap(browser: &mut Browser, file: &std::path::Path, content: &[u8]) {
    std::fs::write(file, content).expect("a file");
    click(browser, "[aria-label^='Swap']");
    let document = browser.call("DOM.getDocument", json!({}));
    let find = json!({ "nodeId": document["root"]["nodeId"], "selector": "dialog input[type=file]" });
    let input = browser.call("DOM.querySelector", find);
    let files = json!({ "nodeId": input["nodeId"], "files": [file] });
    browser.call("DOM.setFileInputFiles", files);
    click(browser, "dialog .primary");
}
