//! A backend that can't be reached, or that doesn't answer.

use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use harness::{Backend, Client, Proxy, Setup, nobody, own_address, sleep};

#[test]
fn a_backend_that_comes_back_is_used_at_once() {
    let backend = Backend::start_on(own_address(), |exchange| exchange.respond("first"));
    let address = backend.address();
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    let mut client = proxy.client();
    assert_eq!(client.get("/").text(), "first");
    drop(backend);
    for _ in 0..3 {
        let began = Instant::now();
        let response = client.post("/", b"");
        assert_eq!((response.status(), response.error_label()), (503, Some("connect-failed")));
        assert!(began.elapsed() < Duration::from_secs(1), "not at once: {:?}", began.elapsed());
    }
    let _second = Backend::start_on(address, |exchange| exchange.respond("second"));
    assert_eq!(client.get("/").text(), "second");
}

#[test]
fn an_answer_before_the_end_of_the_request_closes_the_connection() {
    let backend = Backend::start(|exchange| {
        exchange.respond("early");
        exchange.wait_for_close();
    });
    let dead = nobody();
    let config = format!(
        "[[listener]]\naddress = \"127.0.0.1:0\"\n[[route]]\npath = \"/dead\"\npool = \"dead\"\n[[route]]\n\
         path = \"/early\"\npool = \"early\"\n[pool.dead]\nbackends = [\"{dead}\"]\n[pool.early]\n\
         backends = [\"{}\"]\n",
        backend.address()
    );
    let proxy = Proxy::start(&config);
    for (path, status) in [("/early", 200), ("/dead", 503), ("/nowhere", 404)] {
        let mut client = proxy.client();
        client.send(format!(
            "POST {path} HTTP/1.1\r\nHost: test\r\nContent-Length: 100000\r\n\r\nthe first part"
        ));
        let response = client.response("POST");
        assert_eq!((response.status(), response.header("connection")), (status, Some("close")), "{path}");
        // It may say the rest, and will have been heard out.
        client.send("and some more");
        assert!(client.is_closed(), "{path}");
    }
}

/// An address whose connections are never completed: its queue is full.
struct BlackHole {
    listener: TcpListener,
    _queue: Vec<TcpStream>,
}

impl BlackHole {
    fn open() -> Self {
        let socket =
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
        socket.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a port");
        socket.listen(0).expect("a listener");
        let listener = TcpListener::from(socket);
        let address = listener.local_addr().expect("an address");
        let patience = Duration::from_millis(300);
        let queue = std::iter::from_fn(|| TcpStream::connect_timeout(&address, patience).ok()).collect();
        Self { listener, _queue: queue }
    }
}

#[test]
fn a_connection_that_is_never_made_is_given_up() {
    let hole = BlackHole::open();
    let address = hole.listener.local_addr().expect("an address");
    let proxy = Proxy::start(&format!(
        "[[listener]]\naddress = \"127.0.0.1:0\"\n[pool.test]\nbackends = [\"{address}\"]\nconnect_timeout = \"200ms\"\n"
    ));
    let response = proxy.client().get("/");
    assert_eq!((response.status(), response.error_label()), (504, Some("connect-timeout")));
}

fn timed_out(client: &mut Client, method: &str) {
    let response = client.response(method);
    assert_eq!((response.status(), response.error_label()), (504, Some("response-timeout")));
}

#[test]
fn a_backend_that_never_answers_is_given_up() {
    let backend = Backend::start(|exchange| match exchange.request.target() {
        "/good" => exchange.respond("good"),
        "/head" => {
            exchange.send("HTTP/1.1 200 OK\r\nX: ");
            exchange.wait_for_close();
        }
        _ => exchange.wait_for_close(),
    });
    let proxy = Setup { pool: "response_timeout = \"1s\"", ..Setup::default() }.start(&[&backend]);
    for request in [
        "GET /silent HTTP/1.1\r\nHost: test\r\n\r\n",
        "GET /head HTTP/1.1\r\nHost: test\r\n\r\n",
        "POST /silent HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello",
    ] {
        let mut client = proxy.client();
        client.send(request);
        timed_out(&mut client, "GET");
        // The request isn't sent again, and the connection isn't used again.
        assert_eq!(proxy.client().get("/good").text(), "good", "after {request}");
    }
    assert_eq!(backend.count(), 6);
}

#[test]
fn the_time_that_a_client_takes_is_not_the_backends() {
    let backend = Backend::named("backend");
    let proxy = Setup { pool: "response_timeout = \"1s\"", ..Setup::default() }.start(&[&backend]);
    let mut client = proxy.client();
    client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n\r\n1");
    backend.wait_for_requests(1);
    // Longer than the backend may take.
    sleep(Duration::from_millis(1500));
    client.send("2");
    assert_eq!(client.response("POST").text(), "backend");
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let backends = [0, 1, 2].map(|_| {
        Backend::start(|exchange| {
            exchange.read_body();
            let body = String::from_utf8_lossy(&exchange.request.body).into_owned();
            let seen = format!("{} {body}", exchange.request.target());
            exchange.respond(&seen);
        })
    });
    let proxy = Proxy::with_pool("\"round-robin\"", &backends.each_ref(), "");
    let mut client = proxy.client();
    let mut requests = String::new();
    for number in 0..100 {
        requests += &match number % 3 {
            0 => format!("GET /{number} HTTP/1.1\r\nHost: test\r\n\r\n"),
            1 => format!("POST /{number} HTTP/1.1\r\nHost: test\r\nContent-Length: 3\r\n\r\nabc"),
            _ => format!(
                "POST /{number} HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
            ),
        };
    }
    client.send(requests);
    for number in 0..100 {
        let body = if number % 3 == 0 { "" } else { "abc" };
        assert_eq!(client.response("GET").text(), format!("/{number} {body}"));
    }
}
