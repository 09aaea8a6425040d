//! What the page shows, and that it can be reached by keyboard alone.

use std::net::SocketAddr;

use harness::{Backend, Client, Proxy, wait_until};

use super::browser::Browser;

/// A backend's name that would be an element, were it taken for HTML.
pub(super) const ODD: &str = "<img/src=x/onerror=document.title=0>";

/// A proxy with an admin server and a pool of two backends, of which the second has the odd name.
pub(super) fn proxy(backends: [SocketAddr; 2]) -> Proxy {
    let [first, second] = backends;
    Proxy::start(&format!(
        "[admin]\naddress = \"127.0.0.1:0\"\nhosts = [\"test\"]\nexplain_from = [\"127.0.0.1\"]\n[[listener]]\naddress = \"127.0.0.1:0\"\n[pool.web]\n\
         backends = [{{ name = \"b0\", address = \"{first}\" }}, {{ name = \"{ODD}\", address = \"{second}\" }}]\n"
    ))
}

fn backend() -> Backend {
    Backend::start(|exchange| exchange.respond("hello"))
}

#[test]
fn the_page_says_how_things_are_and_when_it_is_cut_off() {
    let Some(mut browser) = Browser::start() else { return };
    let backends = [backend(), backend()];
    let mut proxy = proxy(backends.each_ref().map(Backend::address));
    browser.open(&format!("http://{}/", proxy.admin()), 1280);
    browser.wait_for_text("#sentence", "All well. 2 backends in 1 pool take requests.");
    // The policy's picks are told after a second at most.
    let mut client = proxy.client();
    (0..10).for_each(|_| assert_eq!(client.get("/").text(), "hello"));
    browser.wait_for_text("#numbers dd", ".");
    assert_eq!(browser.text(".backends tbody tr:nth-child(2) .name .value"), ODD);
    assert_eq!(browser.value("document.querySelectorAll('main img').length"), 0);
    assert!(browser.text("title").ends_with("Pointsman"));

    a_request_is_explained(&mut browser, &proxy);
    keyboard_leads_to_a_dialog_and_back(&mut browser);
    browser.resize(360);
    let fits = "document.documentElement.scrollWidth <= document.documentElement.clientWidth";
    assert_eq!(browser.value(fits), true, "nothing is to be scrolled sideways");
    assert_eq!(browser.complaints(), Vec::<serde_json::Value>::new());

    proxy.signal("KILL");
    proxy.wait_for_exit();
    browser.wait_for_text("#link", "The proxy can't be reached. Trying again in");
}

fn a_request_is_explained(browser: &mut Browser, proxy: &Proxy) {
    let response = proxy.client().get_with("/", "X-Pointsman-Explain: 1\r\n");
    let id = response.header("x-request-id").expect("an id");
    let path = format!("/api/v1/explanations/{id}");
    wait_until("it is kept", || Client::connect(proxy.admin()).get_with(&path, "").status() == 200);
    browser.value(&format!("document.querySelector('#explain input').value = '{id}'"));
    browser.value("document.querySelector('#explain form').requestSubmit()");
    browser.wait_for_text("#explain caption", "What the policy was told");
    let said = browser.text("#explain");
    assert!(said.contains("by route 0 (/), to pool web: 200 after") && said.contains("answered"), "{said}");
    assert!(said.contains("picked b0; b0 serves, by policy.") || said.contains(ODD), "{said}");
    browser.value("document.activeElement.blur()");
}

fn keyboard_leads_to_a_dialog_and_back(browser: &mut Browser) {
    browser.press("Tab");
    assert_eq!(browser.value("document.activeElement.textContent"), "Skip to the pools");
    browser.press("Enter");
    browser.tab_to("Drain b0");
    let outline = "getComputedStyle(document.activeElement).outlineStyle";
    assert_eq!(browser.value(outline), "solid", "the focus is seen");
    browser.press("Enter");
    assert_eq!(browser.text("dialog[open] h2"), "Drain b0?");
    assert!(browser.text("dialog[open]").contains("b0 gets nothing new."));
    for _ in 0..8 {
        browser.press("Tab");
        let outside = "document.activeElement !== document.body && !document.activeElement.closest('dialog')";
        assert_eq!(browser.value(outside), false, "the focus stays in the dialog");
    }
    browser.press("Escape");
    assert_eq!(browser.value("document.querySelectorAll('dialog[open]').length"), 0);
    assert_eq!(browser.value("document.activeElement.getAttribute('aria-label')"), "Drain b0");
}
