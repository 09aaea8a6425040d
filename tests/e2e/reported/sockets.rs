//! Backends on Unix sockets.

use std::io::{BufReader, Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use harness::{Latch, Proxy, Request, wait_until};

/// The configuration of a proxy whose only backend is `app.sock` in this folder, with these lines of its pool.
fn configuration(folder: &Path, pool: &str) -> String {
    let path = folder.join("app.sock");
    format!(
        "workers = 1\n[[listener]]\naddress = \"127.0.0.1:0\"\n[pool.app]\nbackends = [\"unix:{}\"]\n{pool}\n",
        path.display()
    )
}

fn start(pool: &str) -> Proxy {
    let folder = tempfile::tempdir().expect("a directory");
    let text = configuration(folder.path(), pool);
    Proxy::start_in(folder, &text)
}

/// Answers all requests of a connection with a text. A connection that changes the protocol echoes.
fn serve(stream: UnixStream, text: &str) {
    let mut reader = BufReader::new(stream);
    while let Ok(Some(mut request)) = Request::read_head(&mut reader) {
        request.read_body(&mut reader);
        let answer = if request.header("upgrade").is_some() {
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n".to_owned()
        } else {
            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len())
        };
        if reader.get_mut().write_all(answer.as_bytes()).is_err() {
            return;
        }
        if request.header("upgrade").is_some() {
            let mut bytes = [0; 1000];
            while let Ok(read @ 1..) = reader.read(&mut bytes) {
                let _ = reader.get_mut().write_all(&bytes[..read]);
            }
            return;
        }
    }
}

/// A backend on a socket of its own, until the process ends.
fn listen(path: &Path, text: &'static str) {
    let listener = UnixListener::bind(path).expect("a socket");
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || serve(stream, text));
        }
    });
}

#[test]
fn a_backend_that_is_slow_to_accept_is_waited_for() {
    // "connect() to unix:… failed (11: Resource temporarily unavailable)", as many have found in nginx's log: the system lets nobody wait
    // in front of a Unix socket whose queue is full, and the client got a 502.
    let proxy = start("connect_timeout = \"60s\"\nretry = { attempts = 0 }");
    let path = proxy.path("app.sock");
    let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).expect("a socket");
    socket.bind(&socket2::SockAddr::unix(&path).expect("a path")).expect("a name");
    socket.listen(1).expect("a queue");
    let mut waiting = Vec::new();
    loop {
        let next =
            socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).expect("a socket");
        next.set_nonblocking(true).expect("a socket");
        match next.connect(&socket2::SockAddr::unix(&path).expect("a path")) {
            Ok(()) => waiting.push(next),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
            Err(error) => panic!("{error}"),
        }
    }
    let mut client = proxy.client();
    client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1\r\n\r\nx");
    let (served, listener) = (Latch::default(), UnixListener::from(std::os::fd::OwnedFd::from(socket)));
    let serves = served.clone();
    std::thread::spawn(move || {
        serves.wait();
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || serve(stream, "at last"));
        }
    });
    // Nothing tells when the proxy has found the queue full; without waiting it would have failed by then.
    harness::sleep(std::time::Duration::from_millis(100));
    served.open();
    let response = client.response("POST");
    assert_eq!((response.status(), response.text().as_str()), (200, "at last"));
    drop(waiting);

    // For as long as a connection may take.
    let listener =
        socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).expect("a socket");
    std::fs::remove_file(&path).expect("a file");
    listener.bind(&socket2::SockAddr::unix(&path).expect("a path")).expect("a name");
    listener.listen(0).expect("a queue");
    let _first = UnixStream::connect(&path).expect("one finds room");
    proxy.reload(&configuration(
        path.parent().expect("a folder"),
        "connect_timeout = \"200ms\"\nretry = { attempts = 0 }\nidle_connections = 0",
    ));
    wait_until("connections of before have gone", || {
        let response = proxy.client().post("/", b"x");
        (response.status(), response.error_label()) == (504, Some("connect-timeout"))
    });
}

#[test]
fn a_backend_that_has_made_its_socket_anew_is_found_again() {
    let proxy = start("ejection = { enabled = false }");
    let path = proxy.path("app.sock");
    let mut client = proxy.client();
    let absent = client.get("/");
    assert_eq!((absent.status(), absent.error_label()), (503, Some("connect-failed")), "{}", absent.text());
    listen(&path, "first");
    assert_eq!(client.get("/").text(), "first");
    std::fs::remove_file(&path).expect("a file");
    listen(&path, "second");
    // Connections to the one before go on while it keeps them; new ones lead to where the name leads.
    assert_eq!(client.get("/").text(), "first");
    client.send("GET /ws HTTP/1.1\r\nHost: test\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
    assert_eq!(client.response("GET").status(), 101);
    assert_eq!(proxy.client().get("/").text(), "second");
    // caddyserver/caddy 7656: tunnels over a socket.
    client.send("both ways");
    assert_eq!(client.read_exactly(9), b"both ways");
    std::fs::remove_file(&path).expect("a file");
    std::fs::write(&path, "no socket").expect("a file");
    assert_eq!(client.stream().peer_addr().expect("a peer"), proxy.address());
}
