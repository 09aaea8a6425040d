//! Routes whose backends are asked for another path, over real connections, while the routes change.

use harness::{Backend, Client, Http2Backend, Http2Client, Proxy, keep_busy};
use http::Request;

/// Says what it was asked for.
fn telling() -> Backend {
    Backend::start(|exchange| {
        exchange.read_body();
        let told = |name: &str| exchange.request.values(name).join(",");
        let text = format!(
            "{} uri={} prefix={}",
            exchange.request.target(),
            told("x-forwarded-uri"),
            told("x-forwarded-prefix")
        );
        exchange.respond(&text);
    })
}

/// Without an end of connections, which a fast machine gets to under load.
fn config(routes: &str, backend: &Backend) -> String {
    format!(
        "workers = 2\n[[listener]]\naddress = \"127.0.0.1:0\"\nkeepalive_requests = 1000000000\n{routes}\n[pool.web]\nbackends = [\"{}\"]\n",
        backend.address()
    )
}

const ROUTES: &str = r#"
[[route]]
prefix = "/strip"
pool = "web"
rewrite = { strip_prefix = "/strip" }

[[route]]
prefix = "/old"
pool = "web"
rewrite = { replace_prefix = "/new/place" }

[[route]]
regex = '^/loans/([0-9]+)/(?<what>[a-z ]+)$'
pool = "web"
rewrite = { path = "/print/${what}/$1", query = { add = "loan=$1" } }

[[route]]
exact = "/page"
pool = "web"
rewrite = { path = "/one%20page", query = "drop" }

[[route]]
pool = "web"
"#;

/// What clients ask for, and what the backend tells of it.
const ASKED: [(&str, &str); 10] = [
    ("/strip/a/b?x=1&y=%2F", "/a/b?x=1&y=%2F uri=/strip/a/b?x=1&y=%2F prefix=/strip"),
    ("/strip", "/ uri=/strip prefix=/strip"),
    ("/strip/a%2Fb", "/a%2Fb uri=/strip/a%2Fb prefix=/strip"),
    ("/stripped", "/stripped uri= prefix="),
    ("/old/a?x", "/new/place/a?x uri=/old/a?x prefix="),
    ("/old", "/new/place uri=/old prefix="),
    ("/loans/17/all%20of%20it?z", "/print/all%20of%20it/17?loan=17&z uri=/loans/17/all%20of%20it?z prefix="),
    ("/loans/x/all", "/loans/x/all uri= prefix="),
    ("/page?x", "/one%20page uri=/page?x prefix="),
    ("/other?x", "/other?x uri= prefix="),
];

#[test]
fn backends_are_asked_for_another_path_and_told_the_clients() {
    let backend = telling();
    let proxy = Proxy::start(&config(ROUTES, &backend));
    let mut client = proxy.client();
    for (target, told) in ASKED {
        assert_eq!(client.get(target).text(), told, "{target}");
        // What a stranger says of it is removed.
        let lies = "X-Forwarded-Prefix: /evil\r\nX-Forwarded-Uri: /evil\r\n";
        assert_eq!(client.get_with(target, lies).text(), told, "{target}");
        assert_eq!(client.post(target, b"a body").text(), told, "{target}");
    }
    let http2 = Http2Client::connect(proxy.address()).expect("a connection");
    let asked = ASKED.map(|(target, _)| (target, &b""[..]));
    for (response, (target, told)) in http2.ask_all(&asked).into_iter().zip(ASKED) {
        let response = response.expect("a response");
        assert_eq!(String::from_utf8_lossy(response.body()), told, "{target}");
    }
    assert_eq!(backend.count(), 4 * ASKED.len());
}

#[test]
fn calls_of_grpc_go_to_the_rewritten_path() {
    let backend = Http2Backend::named("message");
    let text = format!(
        "workers = 1\n[[listener]]\naddress = \"127.0.0.1:0\"\n\
         [[route]]\nprefix = \"/team/a\"\nprotocol = \"grpc\"\npool = \"calls\"\nrewrite = {{ strip_prefix = \"/team/a\" }}\n\
         [[route]]\nregex = '^/old\\.(?<service>[A-Za-z]+)/(?<method>[A-Za-z]+)$'\npool = \"calls\"\n\
         rewrite = {{ path = \"/new.${{service}}/${{method}}\" }}\n\
         [pool.calls]\nprotocol = \"h2\"\nbackends = [\"{}\"]\n",
        backend.address()
    );
    let proxy = Proxy::start(&text);
    let client = Http2Client::connect(proxy.address()).expect("a connection");
    for (target, asked, prefix) in
        [("/team/a/pkg.Calls/Do", "/pkg.Calls/Do", Some("/team/a")), ("/old.Calls/Do", "/new.Calls/Do", None)]
    {
        let request = Request::post(format!("http://test{target}"))
            .header("content-type", "application/grpc+proto")
            .header("te", "trailers")
            .body(())
            .expect("a request");
        let response = client.send(request).expect("a response");
        assert_eq!((response.status().as_u16(), &**response.body()), (200, &b"message"[..]), "{target}");
        let head = backend.heads().pop().expect("a request");
        let field = |name: &str| head.headers().get(name).map(|value| value.to_str().expect("a text"));
        assert_eq!((head.uri().path(), head.uri().query()), (asked, None));
        assert_eq!((field("x-forwarded-uri"), field("x-forwarded-prefix")), (Some(target), prefix));
        assert_eq!((field("te"), field("content-type")), (Some("trailers"), Some("application/grpc+proto")));
    }
}

#[test]
fn reloads_that_change_a_rewrite_lose_no_request() {
    let backend = telling();
    let route = |rewrite: &str| format!("[[route]]\nprefix = \"/a\"\npool = \"web\"\n{rewrite}\n");
    let variants = [
        (route("rewrite = { strip_prefix = \"/a\" }"), "/x?q=1 uri=/a/x?q=1 prefix=/a"),
        (route("rewrite = { replace_prefix = \"/b\" }"), "/b/x?q=1 uri=/a/x?q=1 prefix="),
        (route("rewrite = \"/c\""), "/c?q=1 uri=/a/x?q=1 prefix="),
        (route(""), "/a/x?q=1 uri= prefix="),
    ];
    let proxy = Proxy::start(&config(&variants[0].0, &backend));
    let address = proxy.address();
    let work = |is_http2: bool, running: &harness::Running| {
        let (mut client, http2) =
            (Client::connect(address), Http2Client::connect(address).expect("a connection"));
        let mut count = 0_usize;
        while running.goes_on() {
            let text = if is_http2 {
                let response = http2.ask_all(&[("/a/x?q=1", b"")]).remove(0).expect("a response");
                assert_eq!(response.status().as_u16(), 200);
                String::from_utf8_lossy(response.body()).into_owned()
            } else {
                let response = client.get("/a/x?q=1");
                assert!(response.status() == 200 && response.whole, "{response:?}");
                assert_eq!(response.header("connection"), None, "{response:?}");
                response.text()
            };
            // All of one configuration, whichever that is.
            assert!(variants.iter().any(|(_, told)| *told == text), "{text}");
            count += 1;
        }
        count
    };
    let (counts, asked) = keep_busy([false, true, false, true], work, || {
        let mut client = proxy.client();
        let mut asked = 0;
        for (routes, told) in variants[1..].iter().cycle().take(20).chain([&variants[0]]) {
            proxy.reload(&config(routes, &backend));
            assert_eq!(client.get("/a/x?q=1").text(), *told);
            asked += 1;
        }
        asked
    });
    assert_eq!(backend.count(), counts.iter().sum::<usize>() + asked, "each was asked for once");
    assert!(proxy.log.errors().is_empty(), "{:?}", proxy.log.errors());
}
