//! Routes by all that they can demand, over real connections, and routes that lead to several pools.

use harness::{Backend, Client, Proxy};

/// A proxy with these routes to the pools `one` and `two`, whose backends answer with the names of the pools.
fn proxy(routes: &str) -> (Proxy, [Backend; 2]) {
    let (one, two) = (Backend::named("one"), Backend::named("two"));
    let text = format!(
        "workers = 1\n[[listener]]\naddress = \"127.0.0.1:0\"\ntrusted_proxies = [\"127.0.0.1\"]\n{routes}\n\
         [pool.one]\nbackends = [\"{}\"]\n[pool.two]\nbackends = [\"{}\"]\n",
        one.address(),
        two.address()
    );
    (Proxy::start(&text), [one, two])
}

/// What answers a request of these lines: a pool's name, or the status.
fn ask(client: &mut Client, request: &str) -> String {
    client.send(request);
    let response = client.response("GET");
    if response.status() == 200 { response.text() } else { response.status().to_string() }
}

#[test]
fn a_route_looks_at_all_of_a_request() {
    let (proxy, _backends) = proxy(
        "[[route]]\nname = \"uploads\"\nhost = [\"a.test\", \"*.b.test\"]\nmethod = [\"POST\", \"PUT\"]\nnot = { client = \"192.0.2.0/24\" }\npool = \"two\"\n\
         [[route]]\nregex = \"^/u/[0-9]+$\"\nheader = { x-api = { prefix = \"v2\" }, x-off = false }\npool = \"two\"\n\
         [[route]]\nsuffix = \".php\"\nquery = { lang = [\"de\", \"fr\"] }\ncookie.group = \"b\"\npool = \"two\"\n\
         [[route]]\nprotocol = \"websocket\"\npool = \"two\"\n\
         [[route]]\nprefix = \"/\"\nnot = { exact = \"/none\" }\npool = \"one\"",
    );
    let mut client = Client::connect(proxy.address());
    for (request, answer) in [
        ("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\n\r\n", "two"),
        ("POST / HTTP/1.1\r\nHost: x.B.test:80\r\nContent-Length: 0\r\n\r\n", "two"),
        ("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", "one"),
        ("POST / HTTP/1.1\r\nHost: b.test\r\nContent-Length: 0\r\n\r\n", "one"),
        ("POST / HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: 192.0.2.9\r\nContent-Length: 0\r\n\r\n", "one"),
        ("GET /u/12 HTTP/1.1\r\nHost: a\r\nX-Api: v1\r\nX-Api: v2.1\r\n\r\n", "two"),
        ("GET /u/12 HTTP/1.1\r\nHost: a\r\nX-Api: v2\r\nX-Off: 1\r\n\r\n", "one"),
        ("GET /u/1x HTTP/1.1\r\nHost: a\r\nX-Api: v2\r\n\r\n", "one"),
        ("GET //x/../u/%31 HTTP/1.1\r\nHost: a\r\nX-Api: v2\r\n\r\n", "two"),
        ("GET /x.php?a&lang=%64e HTTP/1.1\r\nHost: a\r\nCookie: a=1; group=b\r\n\r\n", "two"),
        ("GET /x.php?lang=it HTTP/1.1\r\nHost: a\r\nCookie: group=b\r\n\r\n", "one"),
        ("GET /x.php?lang=de HTTP/1.1\r\nHost: a\r\nCookie: groupb=b\r\n\r\n", "one"),
        ("GET /chat HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: WebSocket\r\n\r\n", "two"),
        ("GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: WebSocket\r\n\r\n", "one"),
        ("GET /none HTTP/1.1\r\nHost: a\r\n\r\n", "404"),
    ] {
        assert_eq!(ask(&mut client, request), answer, "{request}");
    }
}

#[test]
fn a_split_goes_by_weight_key_and_cookie() {
    let (proxy, _backends) = proxy(
        "[[route]]\nprefix = \"/all\"\nsplit = { pools = { one = 0, two = 1 } }\n\
         [[route]]\nprefix = \"/user\"\nsplit = { pools = { one = 1, two = 1 }, by = \"header:x-user\" }\n\
         [[route]]\nprefix = \"/sticky\"\nsplit = { pools = { one = 0, two = 1 }, cookie = { name = \"group\", max_age = \"1h\" } }",
    );
    let mut client = Client::connect(proxy.address());
    for _ in 0..20 {
        assert_eq!(client.get("/all").text(), "two");
    }
    let mut of_users = [0, 0];
    for user in 0..40 {
        let request = format!("GET /user HTTP/1.1\r\nHost: a\r\nX-User: {user}\r\n\r\n");
        let first = ask(&mut client, &request);
        assert_eq!(ask(&mut client, &request), first, "a user stays");
        of_users[usize::from(first == "two")] += 1;
    }
    assert!(of_users.iter().all(|&count| count >= 8), "{of_users:?}");

    let first = client.get("/sticky");
    assert_eq!(first.header("set-cookie"), Some("group=two; Path=/; HttpOnly; SameSite=Lax; Max-Age=3600"));
    assert_eq!(first.text(), "two");
    // Who was sent to a pool before stays with it, though nobody new is; a name that nothing is called says nothing.
    for (cookie, pool, is_new) in [("one", "one", false), ("two", "two", false), ("three", "two", true)] {
        client.send(format!("GET /sticky HTTP/1.1\r\nHost: a\r\nCookie: x=1; group={cookie}\r\n\r\n"));
        let response = client.response("GET");
        assert_eq!(response.header("set-cookie").is_some(), is_new, "{cookie}");
        assert_eq!(response.text(), pool, "{cookie}");
    }
}

#[test]
fn a_reload_changes_the_shares_of_a_split() {
    let (one, two) = (Backend::named("one"), Backend::named("two"));
    let text = |weights: &str| {
        format!(
            "workers = 2\n[[listener]]\naddress = \"127.0.0.1:0\"\n[[route]]\nsplit = {{ pools = {{ {weights} }} }}\n\
             [pool.one]\nbackends = [\"{}\"]\n[pool.two]\nbackends = [\"{}\"]\n",
            one.address(),
            two.address()
        )
    };
    let proxy = Proxy::start(&text("one = 1, two = 0"));
    let mut client = Client::connect(proxy.address());
    assert_eq!(client.get("/").text(), "one");
    proxy.reload(&text("one = 0, two = 1"));
    assert_eq!(client.get("/").text(), "two");
}
