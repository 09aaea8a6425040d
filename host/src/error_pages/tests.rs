use super::*;

/// The pages of a configuration whose pool `a` has these keys.
fn pages(all: &str, of_pool: &str) -> ErrorPages {
    let text = format!(
        "{all}[[listener]]\naddress = '127.0.0.1:0'\n[[route]]\npool = 'a'\nprefix = '/0'\n[[route]]\npool = 'a'\nprefix = '/1'\nintercept = '5xx'\n\
         [[route]]\npool = 'a'\nintercept = []\n[pool.b]\nbackends = ['127.0.0.1:9']\n\
         [pool.a]\nbackends = ['127.0.0.1:9']\n{of_pool}"
    );
    let config = Config::parse(&text, Path::new("test.toml")).expect("a configuration");
    ErrorPages::new(&config, |_| b"").expect("pages").for_worker()
}

/// A page that says this.
fn page(section: &str, status: &str, kind: &str, text: &str) -> String {
    format!("[[{section}]]\nstatus = {status}\ntype = '{kind}'\ntext = '{text}'\n")
}

/// What a client with this `Accept` gets.
fn got(pages: &ErrorPages, accept: Option<&'static str>, pool: Option<&str>, status: u16) -> Option<String> {
    let accept = accept.map(HeaderValue::from_static);
    let status = StatusCode::from_u16(status).unwrap();
    let chosen = pages.choose(accept.as_ref(), pool, status)?;
    let text = String::from_utf8(chosen.page.render(status, None).into()).unwrap();
    Some(format!("{text}{}", if chosen.varies { " varies" } else { "" }))
}

const BROWSER: Option<&str> = Some("text/html,application/xhtml+xml,*/*;q=0.8");
const SCRIPT: Option<&str> = Some("application/json");

#[test]
fn a_page_is_chosen_by_what_the_client_takes() {
    let all = [
        page("error_page", "\"5xx\"", "text/html", "h5"),
        page("error_page", "[503, \"4xx\"]", "application/json", "j"),
    ];
    let pages = pages(&all.concat(), "");
    let check = |accept, status, expected: Option<&str>| {
        assert_eq!(got(&pages, accept, None, status).as_deref(), expected, "{accept:?} {status}");
    };
    check(BROWSER, 502, Some("h5"));
    check(SCRIPT, 502, Some("h5"));
    check(BROWSER, 503, Some("h5 varies"));
    check(SCRIPT, 503, Some("j varies"));
    // Who takes all gets what is meant for this very status.
    check(Some("*/*"), 503, Some("j varies"));
    check(None, 503, Some("j varies"));
    check(Some("image/png"), 503, Some("j varies"));
    check(BROWSER, 404, Some("j"));
    check(BROWSER, 302, None);
}

#[test]
fn the_pages_of_a_pool_come_first() {
    let all = page("error_page", "502", "text/html", "all");
    let pages = pages(&all, &page("pool.a.error_page", "\"5xx\"", "application/json", "own"));
    let check = |accept, pool, status, expected: Option<&str>| {
        assert_eq!(got(&pages, accept, pool, status).as_deref(), expected, "{accept:?} {pool:?} {status}");
    };
    check(None, Some("a"), 502, Some("own varies"));
    // Of what the client takes at all.
    check(BROWSER, Some("a"), 502, Some("own varies"));
    check(Some("text/html"), Some("a"), 502, Some("all varies"));
    check(Some("text/html"), Some("a"), 503, Some("own"));
    check(SCRIPT, Some("b"), 502, Some("all"));
    check(SCRIPT, Some("b"), 503, None);
    check(SCRIPT, None, 502, Some("all"));
}

#[test]
fn only_what_has_a_page_is_intercepted() {
    let all = page("error_page", "503", "text/html", "all");
    let of_pool =
        format!("intercept = [404, '5xx']\n{}", page("pool.a.error_page", "404", "text/html", "own"));
    let pages = pages(&all, &of_pool);
    let intercepted = |route, pool| {
        let statuses = (100..600).map(|status| StatusCode::from_u16(status).unwrap());
        let all = statuses.filter(|status| pages.intercept(route, pool, *status));
        all.map(|status| status.as_u16()).collect::<Vec<_>>()
    };
    assert_eq!(intercepted(None, "a"), [404, 503]);
    assert_eq!(intercepted(Some(RouteIndex(0)), "a"), [404, 503]);
    assert_eq!(intercepted(None, "b"), [0_u16; 0]);
    // What a route says is for its requests, whatever their pool says.
    assert_eq!(intercepted(Some(RouteIndex(1)), "a"), [503]);
    assert_eq!(intercepted(Some(RouteIndex(1)), "b"), [503]);
    assert_eq!(intercepted(Some(RouteIndex(2)), "a"), [0_u16; 0]);
}

#[test]
fn several_lines_are_one_list() {
    let lines = |lines: &[&'static str]| {
        let fields = lines.iter().map(|line| (ACCEPT, HeaderValue::from_static(line)));
        accept(&fields.collect()).map(|value| value.to_str().unwrap().to_owned())
    };
    assert_eq!(lines(&[]), None);
    assert_eq!(lines(&["text/html"]).as_deref(), Some("text/html"));
    assert_eq!(lines(&["text/html", "", "a/b;q=0.1"]).as_deref(), Some("text/html,,a/b;q=0.1"));
}

#[test]
fn only_pages_of_several_types_depend_on_the_client() {
    let [html, json] = ["text/html", "application/json"].map(|kind| page("error_page", "503", kind, "x"));
    assert!(!pages(&html, "").depend_on_client());
    assert!(pages(&format!("{html}{json}"), "").depend_on_client());
    assert!(pages(&html, &page("pool.a.error_page", "502", "text/plain", "x")).depend_on_client());
}
