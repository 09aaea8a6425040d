//! A pool of a thousand backends on the page: of its rows only those exist that are seen, and an update costs little.

use std::fmt::Write;

use harness::{Backend, Proxy, wait_until};
use serde_json::{Value, json};

use super::browser::Browser;

const BACKENDS: usize = 1_000;

/// Most elements that the page may have: some 40 of a thousand rows, and what is around them.
const MOST_ELEMENTS: u64 = 3_000;

/// Most CPU time that the page may take for an update, all its tasks together, ms: about twice what it is on a machine that is busy.
const MOST_MS: f64 = 100.0;

fn proxy(backend: &Backend) -> Proxy {
    let mut backends = String::new();
    for number in 0..BACKENDS {
        // The whole of 127.0.0.0/8 is this machine.
        let (port, net, host) = (backend.address().port(), number / 250, number % 250 + 1);
        write!(backends, "{{ name = \"b{number:04}\", address = \"127.0.{net}.{host}:{port}\" }}, ")
            .expect("a string");
    }
    Proxy::start(&format!(
        "[admin]\naddress = \"127.0.0.1:0\"\nhosts = [\"test\"]\n[[listener]]\naddress = \"127.0.0.1:0\"\n\
         [pool.web]\nbackends = [{backends}]\n"
    ))
}

#[test]
fn a_thousand_backends_are_shown_without_lag() {
    let Some(mut browser) = Browser::start() else { return };
    let backend = Backend::start_on(([0, 0, 0, 0], 0).into(), |exchange| exchange.respond("hello"));
    let proxy = proxy(&backend);
    browser.open(&format!("http://{}/", proxy.admin()), 1280);
    browser.wait_for_text("#sentence", "All well. 1,000 backends in 1 pool take requests.");
    browser.wait_for_text(".backends tbody .name .value", "b0000");
    let elements = browser.value("document.querySelectorAll('*').length").as_u64();
    assert!(elements < Some(MOST_ELEMENTS), "{elements:?}");
    assert_eq!(browser.value("document.querySelector('.backends').getAttribute('aria-rowcount')"), "1001");

    updates_are_short(&mut browser, &proxy);
    what_is_sought_is_found(&mut browser);
    the_last_row_is_reached(&mut browser);
    assert_eq!(browser.complaints(), Vec::<Value>::new());
}

/// Resolved after five updates. Nothing is asked of the page meanwhile, as that would cost its time, too.
const FIVE_UPDATES: &str = "new Promise((done) => { let left = 5; new PerformanceObserver((list) => { \
                            left -= list.getEntries().filter(({ name }) => name.includes('/overview')).length; \
                            if (left <= 0) done(); }).observe({ type: 'resource' }); })";

/// Updates after requests, by the CPU time of the page's thread: what else runs on the machine doesn't count.
fn updates_are_short(browser: &mut Browser, proxy: &Proxy) {
    browser.call("Performance.enable", json!({ "timeDomain": "threadTicks" }));
    let mut client = proxy.client();
    let mut rounds = Vec::new();
    // Of several rounds the best: what a cold cache adds isn't the page's doing.
    while rounds.len() < 3 && rounds.last().is_none_or(|update| *update >= MOST_MS) {
        (0..50).for_each(|_| assert_eq!(client.get("/").text(), "hello"));
        let before = busy_ms(browser);
        browser.value(FIVE_UPDATES);
        rounds.push((busy_ms(browser) - before) / 5.0);
    }
    eprintln!("an update with {BACKENDS} backends, ms of CPU time: {rounds:.1?}");
    assert!(rounds.last().is_some_and(|update| *update < MOST_MS), "{rounds:?}");
}

/// For how long the page's thread has been busy so far, ms of CPU time.
fn busy_ms(browser: &mut Browser) -> f64 {
    let metrics = browser.call("Performance.getMetrics", json!({}));
    let metrics = metrics["metrics"].as_array().expect("a list");
    let busy = metrics.iter().find(|metric| metric["name"] == "TaskDuration").expect("it is measured");
    busy["value"].as_f64().expect("a number") * 1_000.0
}

fn what_is_sought_is_found(browser: &mut Browser) {
    let seek = |browser: &mut Browser, text: &str| {
        browser.value(&format!(
            "(() => {{ const search = document.querySelector('#search'); search.value = {}; \
             search.dispatchEvent(new Event('input', {{ bubbles: true }})); }})()",
            json!(text)
        ));
    };
    let names = "[...document.querySelectorAll('.backends tbody .name .value')].map((name) => name.textContent).join(' ')";
    seek(browser, "B0777");
    assert_eq!(browser.value(names), "b0777");
    seek(browser, "b09 web");
    assert_eq!(browser.value("document.querySelector('.backends').getAttribute('aria-rowcount')"), "101");
    seek(browser, "nonesuch");
    assert_eq!(browser.text("#pool-list > .nothing"), "No backend matches.");
    seek(browser, "");
    browser.value("document.querySelector('#attention').click()");
    assert_eq!(browser.text("#pool-list > .nothing"), "Nothing needs attention.");
    browser.value("document.querySelector('#attention').click()");
    assert!(browser.value(names).as_str().is_some_and(|names| names.starts_with("b0000 b0001")));
}

fn the_last_row_is_reached(browser: &mut Browser) {
    browser.value("document.querySelector('.pool .scroll').scrollTop = 1e9");
    wait_until("the last row is there", || {
        // Rows that were never seen have no height yet, by which it goes on.
        browser.value("document.querySelector('.pool .scroll').scrollTop = 1e9");
        let last = "[...document.querySelectorAll('.backends tbody .name .value')].at(-1).textContent";
        browser.value(last) == "b0999"
    });
    let rows = browser.value("document.querySelectorAll('.backends tbody tr').length").as_u64();
    assert!(rows < Some(80), "{rows:?}");
}
