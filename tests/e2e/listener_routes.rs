//! Routes for what comes in by one listener.

use std::net::SocketAddr;

use harness::{Backend, Client, Proxy};

/// Listeners at two addresses, of which the second has this name, with routes and two pools.
fn text(name: &str, routes: &str, [one, two]: [&Backend; 2]) -> String {
    format!(
        "workers = 1\n[[listener]]\naddress = \"127.0.0.1:0\"\n[[listener]]\n{name}\naddress = \"127.0.0.2:0\"\n{routes}\n\
         [pool.one]\nbackends = [\"{}\"]\n[pool.two]\nbackends = [\"{}\"]\n",
        one.address(),
        two.address()
    )
}

fn ask(client: &mut Client) -> String {
    let response = client.get("/");
    if response.status() == 200 { response.text() } else { response.status().to_string() }
}

#[test]
fn a_route_is_for_a_listener_whatever_that_is_called() {
    let (one, two) = (Backend::named("one"), Backend::named("two"));
    let both = [&one, &two];
    let inside = |listener: &str| {
        format!(
            "[[route]]\nlistener = \"{listener}\"\npool = \"two\"\n\
             [[route]]\nnot = {{ listener = \"{listener}\" }}\nhost = \"*.example.com\"\npool = \"one\""
        )
    };
    let proxy = Proxy::start(&text("name = \"inside\"", &inside("inside"), both));
    let [outer, inner]: [SocketAddr; 2] = proxy.addresses().try_into().expect("two listeners");
    let (mut outside, mut within) = (Client::connect(outer), Client::connect(inner));
    assert_eq!((ask(&mut outside), ask(&mut within)), ("404".to_owned(), "two".to_owned()));
    for host in ["a.example.com", "b.example.com"] {
        outside.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert_eq!(outside.response("GET").text(), "one");
        within.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert_eq!(within.response("GET").text(), "two");
    }
    // Connections stay those of their listener, by whatever name that goes.
    proxy.reload(&text("name = \"internal\"", &inside("internal"), both));
    assert_eq!((ask(&mut outside), ask(&mut within)), ("404".to_owned(), "two".to_owned()));
    proxy.reload(&text("", &inside("127.0.0.2:0"), both));
    assert_eq!((ask(&mut outside), ask(&mut within)), ("404".to_owned(), "two".to_owned()));
    proxy.reload(&text("", &inside("127.0.0.1:0"), both));
    assert_eq!((ask(&mut outside), ask(&mut within)), ("two".to_owned(), "404".to_owned()));
}
