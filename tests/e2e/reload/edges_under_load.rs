//! Reloads that change what stands before and around the pick, of which no request sees a half.

use std::fmt::Write as _;
use std::net::SocketAddr;

use harness::{Backend, Client, Proxy, Running, keep_busy};

const CONNECTIONS: usize = 16;

/// The backend of a service, which says which service it is and which step's rules the request has passed.
fn service(name: &'static str) -> Backend {
    Backend::start(move |exchange| {
        exchange.read_body();
        let steps = exchange.request.values("x-step").join("|");
        exchange.send(format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nX-Asked-At: {steps}\r\nX-Old: 1\r\n\r\n{name}",
            name.len()
        ));
    })
}

/// The configuration at a step: from each to the next, routes come, go and change places, and with them their rules, limits, splits and
/// redirects.
fn configuration(step: usize, a: &Backend, b: &Backend) -> String {
    let mut text =
        "workers = 2\n[[listener]]\naddress = \"127.0.0.1:0\"\nkeepalive_requests = 1000000000\n".to_owned();
    // Whoever is counted is counted through all steps.
    text += "[limit.kept]\nkey = \"header:x-user\"\nrate = \"1/d\"\nburst = 5\n";
    if step.is_multiple_of(2) {
        text += "[limit.never]\nkey = \"client\"\nrate = \"1000000/s\"\nconcurrency = 100000\n";
    }
    let rules = format!(
        "request_headers = {{ set = {{ x-step = \"{step}\" }} }}\n\
         response_headers = {{ set = {{ x-step = \"{step}\" }}, remove = [\"x-old\"] }}\n"
    );
    let a_pools = if step % 3 == 1 { "split = { pools = { a = 1, more-a = 2 } }" } else { "pool = \"a\"" };
    let limits = if step.is_multiple_of(2) { "limits = [\"never\"]\n" } else { "" };
    let mut routes = vec![
        format!("[[route]]\nprefix = \"/a\"\n{a_pools}\n{limits}{rules}"),
        format!("[[route]]\nname = \"b{step}\"\nprefix = \"/b\"\npool = \"b\"\n{rules}"),
        format!("[[route]]\nprefix = \"/kept\"\nlimits = [\"kept\"]\npool = \"a\"\n{rules}"),
    ];
    routes.push(match step % 4 {
        0 => format!("[[route]]\nexact = \"/moved\"\nredirect = {{ path = \"/a/{step}\" }}\n{}", &rules[rules.find("response").expect("rules")..]),
        1 => format!("[[route]]\nexact = \"/moved\"\npool = \"b\"\n{rules}"),
        2 => format!("[[route]]\nprefix = \"/moved\"\nredirect = {{ status = 307, replace_prefix = \"/b/{step}\" }}\n{}", &rules[rules.find("response").expect("rules")..]),
        _ => format!("[[route]]\nregex = '^/mov(ed)$'\nsplit = {{ pools = {{ a = 1, b = 0 }} }}\n{rules}"),
    });
    let count = routes.len();
    routes.rotate_left(step % count);
    if step % 5 > 2 {
        routes.insert(
            step % 3,
            format!("[[route]]\nhost = \"nobody.test\"\nredirect = \"https://{step}.test\"\n"),
        );
    }
    text += &routes.concat();
    for (name, backend) in [("a", a), ("more-a", a), ("b", b)] {
        write!(text, "[pool.{name}]\nbackends = [\"{}\"]\n", backend.address()).expect("room");
        if step % 7 > 3 {
            text += "request_headers = { add = { x-pool = \"{pool}\" } }\n";
        }
    }
    text
}

/// Sends requests until it is told to stop: each is answered by its service, and by one configuration from head to head.
fn send(address: SocketAddr, running: &Running) -> usize {
    let mut client = Client::connect(address);
    let mut sent = 0;
    while running.goes_on() {
        for (target, service) in [("/a/x", "a"), ("/b", "b")] {
            let response = client.get(target);
            assert_eq!(
                (response.status(), response.text().as_str()),
                (200, service),
                "{target} {response:?}"
            );
            assert!(response.header("x-step").is_some(), "{response:?}");
            assert_eq!(response.header("x-step"), response.header("x-asked-at"), "{target} {response:?}");
            assert_eq!(response.header("x-old"), None, "{target} {response:?}");
        }
        let moved = client.get("/moved");
        let step: usize = moved.header("x-step").and_then(|step| step.parse().ok()).expect("a step");
        let (location, text) = (moved.header("location"), moved.text());
        match step % 4 {
            0 => assert_eq!((moved.status(), location), (302, Some(&*format!("/a/{step}"))), "{moved:?}"),
            1 => assert_eq!((moved.status(), &*text), (200, "b"), "{moved:?}"),
            2 => assert_eq!((moved.status(), location), (307, Some(&*format!("/b/{step}"))), "{moved:?}"),
            _ => assert_eq!((moved.status(), &*text), (200, "a"), "{moved:?}"),
        }
        sent += 3;
    }
    sent
}

#[test]
fn routes_rules_limits_splits_and_redirects_change_and_no_request_is_lost() {
    let (a, b) = (service("a"), service("b"));
    let proxy = Proxy::start(&configuration(0, &a, &b));
    let address = proxy.address();
    let mut passed = [0; 2];
    let during = || {
        for step in 1..=24 {
            proxy.reload(&configuration(step, &a, &b));
            // Not one for all steps: on a busy machine they take longer than a silent client is waited for.
            let mut client = proxy.client();
            for (user, passed) in passed.iter_mut().enumerate() {
                let response = client.get_with("/kept", &format!("X-User: {user}\r\n"));
                assert_eq!(response.header("x-step"), Some(&*step.to_string()), "{response:?}");
                *passed += usize::from(response.status() == 200);
            }
        }
    };
    let (sent, ()) = keep_busy(0..CONNECTIONS, |_, running| send(address, running), during);
    println!("{} requests", sent.iter().sum::<usize>());
    assert_eq!(passed, [5, 5], "the limit goes on through all of them");
}
