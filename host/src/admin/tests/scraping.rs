//! Scrapes of many backends, and what is asked meanwhile (envoy#16425).

use futures_util::FutureExt;

use super::*;

#[tokio::test]
async fn probes_wait_for_no_scrape_of_a_thousand_backends() {
    let api = Api::sized(&Api::open_to_all(), 1_000);
    let mut scrapes = [(); 3].map(|()| Box::pin(api.get("/metrics")));
    for scrape in &mut scrapes {
        assert!(scrape.now_or_never().is_none(), "a scrape is made beside the event loop");
    }
    // One is being written, and two wait for their turn: whoever asks for health gets it at once, without a single wait.
    for path in ["/ready", "/live", "/ready"] {
        let answered = api.get(path).now_or_never().expect("an answer at once");
        assert_eq!(answered.status, StatusCode::OK, "{path}");
    }
    for scrape in scrapes {
        let answered = scrape.await;
        assert_eq!(answered.status, StatusCode::OK);
        assert!(answered.kind.starts_with("text/plain"), "{}", answered.kind);
    }
}
