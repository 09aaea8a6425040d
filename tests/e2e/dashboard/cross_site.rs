//! What a page of another site may do to the admin server through a browser: nothing.

use harness::{Backend, Client};
use serde_json::json;

use super::browser::Browser;
use super::reading::proxy;

/// All ways in which a page can have requests sent, and what came of those that can tell.
const ATTEMPTS: &str = r#"(async () => {
    const told = [];
    const attempt = async (path, init) => {
        try { told.push((await fetch(admin + path, init)).type); } catch { told.push("refused"); }
    };
    const as = (type, init) => ({ headers: { "content-type": type }, ...init });
    await attempt("/api/v1/reload", as("text/plain", { method: "POST", mode: "no-cors", body: "{}" }));
    await attempt("/api/v1/overview", {});
    await attempt("/api/v1/reload", as("text/plain", { method: "POST", body: "{}" }));
    await attempt("/api/v1/reload", as("application/json", { method: "POST", body: "{}" }));
    await attempt("/api/v1/pools/web/backends/b0", as("application/json", { method: "PATCH", body: '{"draining": true}' }));
    await attempt("/api/v1/pools/web/policy", as("application/json", { method: "PUT", body: '{"name": "ip-hash"}' }));
    await attempt("/api/v1/overrides", { method: "DELETE" });
    const seen = (element, source) => new Promise((done) => {
        element.onload = element.onerror = done;
        element.src = admin + source;
        document.body.append(element);
    });
    await seen(new Image(), "/api/v1/pools/web/policy/rollback");
    await seen(document.createElement("script"), "/api/v1/overview");
    const frame = document.createElement("iframe");
    frame.name = "frame";
    document.body.append(frame);
    const form = document.createElement("form");
    Object.assign(form, { method: "post", enctype: "text/plain", action: admin + "/api/v1/reload", target: "frame" });
    form.innerHTML = `<input name='{"a":"' value='"}'>`;
    document.body.append(form);
    await new Promise((done) => { frame.onload = done; form.submit(); });
    return told.join(" ");
})()"#;

#[test]
fn a_page_of_another_site_changes_nothing_and_sees_nothing() {
    let Some(mut browser) = Browser::start() else { return };
    let backends = [(); 2].map(|()| Backend::start(|exchange| exchange.respond("hello")));
    let proxy = proxy(backends.each_ref().map(Backend::address));
    let state = || {
        let read = |path: &str| {
            let mut client = Client::connect(proxy.admin());
            client.send(format!("GET /api/v1/{path} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
            client.response("GET").text()
        };
        ["overrides", "configuration", "pools/web/policy/versions"].map(read)
    };
    let before = state();
    // The same machine by another name is another site, and by another port another origin.
    for site in ["localhost", "127.0.0.1"] {
        browser.open(&format!("http://{site}:{}/", backends[0].address().port()), 800);
        browser.wait_for_text("body", "hello");
        browser.value(&format!("admin = {}", json!(format!("http://{}", proxy.admin()))));
        assert_eq!(
            browser.value(ATTEMPTS),
            "opaque refused refused refused refused refused refused",
            "{site}"
        );
    }
    assert_eq!(state(), before);
    assert!(proxy.log.events("reload-asked").is_empty());
}
