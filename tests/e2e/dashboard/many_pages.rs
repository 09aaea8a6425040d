//! Many pages at once: a browser has six connections to a host, and none of the pages may keep one to itself.

use std::time::{Duration, Instant};

use harness::{Backend, Client, wait_until};

use super::browser::Browser;
use super::reading::proxy;

const PAGES: usize = 8;

/// How often a page has been answered.
const ANSWERS: &str = "performance.getEntriesByType('resource').filter(({ name, responseEnd }) => name.includes('/api/v1/overview') && responseEnd > 0).length";

#[test]
fn eight_pages_are_all_answered_and_so_is_a_probe() {
    let Some(mut browser) = Browser::start() else { return };
    let backends = [(); 2].map(|()| Backend::start(|exchange| exchange.respond("hello")));
    let proxy = proxy(backends.each_ref().map(Backend::address));
    let url = format!("http://{}/", proxy.admin());
    let pages = [(); PAGES].map(|()| {
        let page = browser.open_page();
        browser.open(&url, 1280);
        page
    });
    let mut probe = Client::connect(proxy.admin());
    let mut longest = Duration::ZERO;
    for page in &pages {
        browser.drive(page);
        browser.wait_for_text("#sentence", "All well.");
    }
    // Once all are there, each of them goes on.
    for page in &pages {
        browser.drive(page);
        let answers = |browser: &mut Browser| browser.value(ANSWERS).as_u64().expect("a number");
        let before = answers(&mut browser);
        wait_until("the page is answered again and again", || {
            let asked = Instant::now();
            let ready = probe.get("/ready");
            longest = longest.max(asked.elapsed());
            assert_eq!((ready.status(), ready.text().as_str()), (200, "ready\n"));
            answers(&mut browser) >= before + 3
        });
        assert_eq!(browser.text("#link-text"), "live", "no page has lost the proxy");
    }
    assert_eq!(browser.complaints(), Vec::<serde_json::Value>::new());
    eprintln!("/ready beside {PAGES} pages: {longest:?} at most");
}
