//! `[[error_page]]`, `[[pool.NAME.error_page]]` and `intercept`.

use http::StatusCode;

use super::*;
use crate::config::{ErrorPageConfig, PageContent, StatusPattern};

#[test]
fn what_is_written_is_taken() {
    let config = good(&format!(
        "[[error_page]]\nstatus = '5xx'\nfile = 'errors/5xx.HTML'\n\
         [[error_page]]\nstatus = [404, '4xx']\ntype = 'application/problem+json; x=y'\ntext = '{{}}'\n\
         {LISTENER}{POOL}intercept = [599, '4xx']\n[[pool.a.error_page]]\nstatus = 599\ntext = 'x'"
    ));
    let shown = |page: &ErrorPageConfig| (page.media_type.clone(), page.content.clone());
    let all: Vec<_> = config.error_pages.iter().map(shown).collect();
    let text = |text: &str| PageContent::Text(text.into());
    assert_eq!(
        all,
        [
            ("text/html; charset=utf-8".into(), PageContent::File("errors/5xx.HTML".into(), 3)),
            ("application/problem+json; x=y".into(), text("{}")),
        ]
    );
    let one = |status| StatusPattern::One(StatusCode::from_u16(status).unwrap());
    assert_eq!(config.error_pages[1].statuses, [one(404), StatusPattern::Class(4)]);
    let pool = &config.pools[0];
    assert_eq!(shown(&pool.error_pages[0]), ("text/plain; charset=utf-8".into(), text("x")));
    assert_eq!(pool.intercept, [one(599), StatusPattern::Class(4)]);
}

#[test]
fn faults_say_what_to_write() {
    let page =
        |keys: &str, expected: &[&str]| check(&format!("[[error_page]]\n{keys}\n{LISTENER}{POOL}"), expected);
    page(
        "file = 'a.zip'",
        &[
            "1: error_page[0].status: is missing; write `status = \"5xx\"`",
            "2: error_page[0].file: the name of `a.zip` doesn't show its media type; write `type = \"…\"` beside it",
        ],
    );
    page(
        "status = 503",
        &["1: error_page[0].file: is missing; write `file = \"errors/5xx.html\"`, or `text = \"…\"`"],
    );
    page(
        "status = [200, '3xx', 1.5]\ntext = ''\ntype = 'text'",
        &[
            "2: error_page[0].status[0]: `200` is out of range; write a whole number from 400 to 599",
            "2: error_page[0].status[1]: `3xx` is no status of an error; write a status such as `503`, a class such as `\"5xx\"`, or a list of them",
            "2: error_page[0].status[2]: is a number with a fraction, not a status; write a status such as `503`, a class such as `\"5xx\"`, or a list of them",
            "3: error_page[0].text: is empty; write a text in the quotes, or leave the key out",
            "4: error_page[0].type: `text` is no media type; write one such as `\"text/html; charset=utf-8\"`",
        ],
    );
    page(
        "status = []\ntext = 'x'",
        &["2: error_page[0].status: is an empty list; write a value, or leave the key out"],
    );
    page(
        "status = 503\ntext = 'x'\nfile = 'x'",
        &["4: error_page[0].file: stands beside `text`; write one of them"],
    );
    page(
        "status = 503\ntext = 'x'\n[[error_page]]\nstatus = 503\ntext = 'y'",
        &[
            "4: error_page[1]: is for the same statuses and of the same type as one before it; remove one of them",
        ],
    );
    page(
        &format!("status = 503\ntext = '{}'", "x".repeat(65_537)),
        &["3: error_page[0].text: has 65537 bytes; write at most 65536, or a file"],
    );
    let many = "[[error_page]]\nstatus = 503\ntext = 'x'\n".repeat(65);
    check(&format!("{many}{LISTENER}{POOL}"), &["1: error_page: has 65 pages; write at most 64"]);
}

#[test]
fn what_is_intercepted_has_a_page() {
    const NONE: &str = "there is no page for one of these; add a `[[pool.NAME.error_page]]`, or an `[[error_page]]` for all pools";
    const PAGE: &str = "[[error_page]]\nstatus = '4xx'\ntext = 'x'\n";
    check(
        &format!("{PAGE}{LISTENER}{POOL}intercept = ['4xx', 502]"),
        &[&format!("8: pool.a.intercept: {NONE}")],
    );
    check(
        &format!("{PAGE}{LISTENER}{POOL}intercept = 302"),
        &["8: pool.a.intercept: `302` is out of range; write a whole number from 400 to 599"],
    );
    let routed = |target: &str, keys: &str| {
        format!(
            "{PAGE}{LISTENER}[[route]]\nprefix = '/a'\nintercept = [404, 503]\n{target}\n[[route]]\npool = 'a'\n\
             {POOL}[[pool.a.error_page]]\nstatus = 503\ntext = 'x'\n[pool.b]\nbackends = ['127.0.0.1:9']\n{keys}"
        )
    };
    let of_route = &format!("8: route[0].intercept: {NONE}");
    check(&routed("split = { pools = { a = 1, b = 1 } }", ""), &[of_route]);
    let config = good(&routed("pool = 'a'", ""));
    let found: Vec<_> = config.routes.iter().map(|route| route.intercept.as_ref().map(Vec::len)).collect();
    assert_eq!(found, [Some(2), None]);
    let off = routed("pool = 'a'", "").replace("intercept = [404, 503]", "intercept = []");
    assert_eq!(good(&off).routes[0].intercept, Some(Vec::new()));
    check(
        &routed("respond = 404", ""),
        &["8: route[0].intercept: has no effect: no pool has to do with these requests; leave it out"],
    );
}
