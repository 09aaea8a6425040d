//! Clients that are sent to HTTPS, and told to stay there.

use harness::{Authority, Backend, Client, Leaf, Tls};

use super::{SITE, folder, start_in};

#[test]
fn a_listener_in_clear_sends_clients_to_the_one_with_tls() {
    let (authority, folder, backend) = (Authority::new("root"), folder(), Backend::named("b"));
    authority.issue(&Leaf::default()).write(folder.path(), "site");
    let listeners = format!("redirect = 'https'\n[[listener]]\naddress = '127.0.0.1:0'\n{SITE}");
    let proxy = start_in(folder, &backend, &listeners);
    let [clear, over_tls] = proxy.addresses()[..] else { panic!("two listeners") };
    let mut client = Client::connect(clear);
    for (request, location) in [
        ("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", "https://a.test/"),
        ("HEAD /x//../%2e?q=%zz&r HTTP/1.1\r\nHost: A.test:8080\r\n\r\n", "https://A.test/x//../%2e?q=%zz&r"),
        ("GET http://b.test:80/y HTTP/1.1\r\nHost: a.test\r\n\r\n", "https://b.test/y"),
        ("OPTIONS * HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "https://[::1]/"),
        (
            "DELETE //evil.test/ HTTP/1.1\r\nHost: a.test\r\nMax-Forwards: 0\r\n\r\n",
            "https://a.test//evil.test/",
        ),
    ] {
        client.send(request);
        let response = client.response(request.split(' ').next().expect("a method"));
        assert_eq!((response.status(), response.header("location")), (308, Some(location)), "{request}");
        assert_eq!(response.header("strict-transport-security"), None);
    }
    // A body isn't read, so the connection ends after it.
    client.send("POST /form HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhello");
    let response = client.response("POST");
    assert_eq!((response.status(), response.header("connection")), (308, Some("close")));
    assert!(client.is_closed());
    let mut old = Client::connect(clear);
    old.send("GET / HTTP/1.0\r\n\r\n");
    assert_eq!(old.response("GET").error_label(), Some("host"), "nobody knows where to");
    assert_eq!(backend.count(), 0);
    assert_eq!(Tls::trusting(&authority).connect(over_tls, "test").get("/").text(), "b");
}

#[test]
fn responses_over_tls_say_so_unless_the_backend_does() {
    let backend = Backend::start(|exchange| {
        let own =
            if exchange.request.target() == "/own" { "Strict-Transport-Security: max-age=0\r\n" } else { "" };
        exchange.send(format!("HTTP/1.1 200 OK\r\n{own}Content-Length: 0\r\n\r\n"));
    });
    let site = super::Site::start_with(&backend, "hsts = 'max-age=31536000; includeSubDomains'\n", |_| {});
    let mut client = site.tls.connect(site.proxy.address(), "test");
    let ours = Some("max-age=31536000; includeSubDomains");
    assert_eq!(client.get("/").header("strict-transport-security"), ours);
    assert_eq!(client.get("/own").header("strict-transport-security"), Some("max-age=0"));
    client.send("GET / HTTP/1.1\r\n\r\n");
    let refused = client.response("GET");
    assert_eq!((refused.status(), refused.header("strict-transport-security")), (400, ours));
}
