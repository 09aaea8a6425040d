//! The PROXY protocol, towards backends: each connection names the client that it serves.

use std::io::{BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use harness::{Client, Proxy, Request, Setup, wait_until};

use super::{EXPECTED, LOCAL, V1, V2};

const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";

/// A backend that wants headers, and answers with the number of the connection; in the other protocol with what it gets.
struct Named {
    address: SocketAddr,
    connections: Arc<Mutex<Vec<Connection>>>,
}

struct Connection {
    header: Vec<u8>,
    requests: usize,
    /// `None` once it is closed.
    socket: Option<TcpStream>,
}

impl Named {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let connections = Arc::<Mutex<Vec<Connection>>>::default();
        let all = Arc::clone(&connections);
        std::thread::spawn(move || {
            for socket in listener.incoming().map(|socket| socket.expect("a connection")) {
                let all = Arc::clone(&all);
                std::thread::spawn(move || serve(socket, &all));
            }
        });
        Self { address, connections }
    }

    fn headers(&self) -> Vec<Vec<u8>> {
        self.connections.lock().expect("no panic").iter().map(|one| one.header.clone()).collect()
    }

    fn open(&self) -> usize {
        self.connections.lock().expect("no panic").iter().filter(|one| one.socket.is_some()).count()
    }

    fn close_all(&self) {
        for one in self.connections.lock().expect("no panic").iter() {
            let _ = one.socket.as_ref().map(|socket| socket.shutdown(std::net::Shutdown::Both));
        }
        wait_until("all are closed", || self.open() == 0);
    }
}

fn serve(socket: TcpStream, all: &Mutex<Vec<Connection>>) {
    let copy = socket.try_clone().expect("a copy");
    let mut reader = BufReader::new(socket);
    let header = header(&mut reader).unwrap_or_default();
    let number = {
        let mut all = all.lock().expect("no panic");
        all.push(Connection { header, requests: 0, socket: Some(copy) });
        all.len() - 1
    };
    while let Ok(Some(mut request)) = Request::read_head(&mut reader) {
        request.read_body(&mut reader);
        all.lock().expect("no panic")[number].requests += 1;
        if request.header("upgrade").is_some() {
            let _ = reader.get_mut().write_all(SWITCHED.as_bytes());
            let mut writer = reader.get_ref().try_clone().expect("a copy");
            let _ = std::io::copy(&mut reader, &mut writer);
            break;
        }
        let body = number.to_string();
        let response = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let _ = reader.get_mut().write_all(response.as_bytes());
    }
    all.lock().expect("no panic")[number].socket = None;
}

/// The header that a connection begins with, to its last byte; without one, what stands in its place.
fn header(reader: &mut impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![0; 16];
    reader.read_exact(&mut bytes)?;
    let mut next = [0];
    if bytes.starts_with(b"PROXY ") {
        while !bytes.ends_with(b"\r\n") {
            reader.read_exact(&mut next)?;
            bytes.push(next[0]);
        }
    } else if bytes.starts_with(b"\r\n\r\n") {
        let mut block = vec![0; usize::from(u16::from_be_bytes([bytes[14], bytes[15]]))];
        reader.read_exact(&mut block)?;
        bytes.extend(block);
    }
    Ok(bytes)
}

fn setup<'a>(listener: &'a str, pool: &'a str) -> Setup<'a> {
    Setup { workers: 1, listener, pool, ..Setup::default() }
}

/// The header of version 1 or 2 that names a client on this machine.
fn naming(version: u8, client: &Client, local: SocketAddr) -> Vec<u8> {
    let port = client.stream().local_addr().expect("an address").port();
    if version == 1 {
        return format!("PROXY TCP4 127.0.0.1 127.0.0.1 {port} {}\r\n", local.port()).into_bytes();
    }
    let ports = [port.to_be_bytes(), local.port().to_be_bytes()].concat();
    [&b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\x7f\x00\x00\x01\x7f\x00\x00\x01"[..], &ports].concat()
}

#[test]
fn each_client_is_served_on_a_connection_that_names_it() {
    for version in [1, 2] {
        let backend = Named::start();
        let pool = format!("proxy_protocol = 'v{version}'");
        let proxy = setup("", &pool).start_at(&[backend.address]);
        let mut clients = [proxy.client(), proxy.client()];
        for round in 0..5 {
            for (number, client) in clients.iter_mut().enumerate() {
                assert_eq!(client.get("/").text(), number.to_string(), "round {round}");
                assert_eq!(client.post("/", b"body").text(), number.to_string(), "round {round}");
            }
        }
        let named = clients.each_ref().map(|client| naming(version, client, proxy.address()));
        assert_eq!(backend.headers(), named);
        let [first, _second] = clients;
        drop(first);
        wait_until("it ends with its client", || backend.open() == 1);
        assert_eq!(proxy.client().get("/").text(), "2", "nobody else is served on it");
    }
}

#[test]
fn the_client_is_the_one_that_a_proxy_in_front_names() {
    for (version, header) in [("v1", V1), ("v2", V2)] {
        let backend = Named::start();
        let pool = format!("proxy_protocol = '{version}'");
        let proxy = setup(EXPECTED, &pool).start_at(&[backend.address]);
        let mut client = proxy.client();
        assert_eq!(client.send(header).get("/").text(), "0");
        let port = proxy.address().port();
        let v1 = format!("PROXY TCP4 192.0.2.1 127.0.0.1 56324 {port}\r\n").into_bytes();
        let v2 = [&V2[..20], &[127, 0, 0, 1, 0xdc, 0x04], &port.to_be_bytes()].concat();
        assert_eq!(backend.headers(), [if version == "v1" { v1 } else { v2 }]);
        // The ends of a connection are of one family.
        let mut client = proxy.client();
        client.send("PROXY TCP6 2001:db8::1 2001:db8::2 7 443\r\n");
        assert_eq!(client.get("/").text(), "1");
        let header = backend.headers().remove(1);
        if version == "v1" {
            let expected = format!("PROXY TCP6 2001:db8::1 ::ffff:127.0.0.1 7 {port}\r\n");
            assert_eq!(String::from_utf8_lossy(&header), expected);
        } else {
            let source = b"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01";
            let own = b"\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\x01";
            let ports = [&[0, 7][..], &port.to_be_bytes()].concat();
            let expected = [&V2[..12], b"\x21\x21\x00\x24", source, own, &ports].concat();
            assert_eq!(header, expected);
        }
    }
}

#[test]
fn a_listener_on_all_addresses_tells_the_one_that_was_connected_to() {
    let backend = Named::start();
    let configuration = setup("", "proxy_protocol = 'v2'").configuration(&[backend.address]);
    let proxy = Proxy::start(&configuration.replace("127.0.0.1:0", "0.0.0.0:0"));
    let local = SocketAddr::new([127, 0, 0, 1].into(), proxy.address().port());
    let mut client = Client::connect(local);
    assert_eq!(client.get("/").text(), "0");
    assert_eq!(backend.headers(), [naming(2, &client, local)]);
}

#[test]
fn the_policy_chooses_for_each_request_and_each_backend_keeps_one_connection_of_the_client() {
    let backends = [(); 3].map(|()| Named::start());
    let addresses = backends.each_ref().map(|backend| backend.address);
    let proxy = setup("", "proxy_protocol = 'v1'").start_at(&addresses);
    let mut client = proxy.client();
    for _ in 0..9 {
        assert_eq!(client.get("/").text(), "0");
    }
    for backend in &backends {
        let connections = backend.connections.lock().expect("no panic");
        assert_eq!((connections.len(), connections[0].requests), (1, 3));
        assert_eq!(connections[0].header, naming(1, &client, proxy.address()));
    }
}

#[test]
fn a_connection_that_the_backend_has_closed_is_replaced_by_one_that_names_the_same_client() {
    let backend = Named::start();
    let proxy = setup("", "proxy_protocol = 'v2'").start_at(&[backend.address]);
    let mut client = proxy.client();
    for round in 0..4 {
        let response = if round % 2 == 0 { client.get("/") } else { client.post("/", b"body") };
        assert_eq!((response.status(), response.text()), (200, round.to_string()));
        backend.close_all();
    }
    let named = naming(2, &client, proxy.address());
    assert_eq!(backend.headers(), vec![named; 4]);
}

#[test]
fn a_tunnel_begins_with_a_header_as_well() {
    let backend = Named::start();
    let proxy = setup("", "proxy_protocol = 'v2'").start_at(&[backend.address]);
    let mut client = proxy.client();
    client.send("GET / HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
    assert_eq!(client.response("GET").status(), 101);
    client.send("there and back");
    assert_eq!(client.read_exactly(14), b"there and back");
    assert_eq!(backend.headers(), [naming(2, &client, proxy.address())]);
}

#[test]
fn an_idle_one_is_closed_in_time_and_gives_way_to_others() {
    let backend = Named::start();
    let pool = "proxy_protocol = 'v2'\nidle_connection_timeout = '200ms'";
    let proxy = setup("", pool).start_at(&[backend.address]);
    let mut client = proxy.client();
    assert_eq!(client.get("/").text(), "0");
    wait_until("it is closed", || backend.open() == 0);
    assert_eq!(client.get("/").text(), "1");

    let backend = Named::start();
    let proxy = setup("", "proxy_protocol = 'v2'\nmax_connections = 1").start_at(&[backend.address]);
    let mut clients = [proxy.client(), proxy.client()];
    for round in 0..3 {
        for (number, client) in clients.iter_mut().enumerate() {
            assert_eq!(client.get("/").text(), (2 * round + number).to_string());
        }
    }
}

#[test]
fn connections_from_before_a_reload_name_nobody_and_are_not_used() {
    let backend = Named::start();
    let configuration = |pool| setup("", pool).configuration(&[backend.address]);
    let proxy = Proxy::start(&configuration(""));
    let mut before = proxy.client();
    // It takes the first line for a header.
    assert_eq!(before.get("/").text(), "0");
    proxy.reload(&configuration("proxy_protocol = 'v1'"));
    let mut client = proxy.client();
    for (number, client) in [&mut client, &mut before].into_iter().enumerate() {
        assert_eq!(client.get("/").text(), (number + 1).to_string());
        assert_eq!(backend.headers()[number + 1], naming(1, client, proxy.address()));
    }
    // What names a client stays its own, whatever comes.
    proxy.reload(&configuration(""));
    assert_eq!(client.get("/").text(), "1");
    assert_eq!(before.get("/").text(), "2");
    assert_eq!(proxy.client().get("/").text(), "3");
}

#[test]
fn health_checks_say_that_they_are_nobodys() {
    for (version, kind) in [(1, "tcp"), (1, "http"), (2, "tcp"), (2, "http")] {
        let backend = Named::start();
        let check = format!("health_check = {{ type = '{kind}', interval = '50ms' }}");
        let pool = format!("proxy_protocol = 'v{version}'\n{check}");
        let proxy = setup("", &pool).start_at(&[backend.address]);
        wait_until("two checks", || backend.headers().len() >= 2);
        for header in backend.headers() {
            if version == 2 {
                assert_eq!(header, LOCAL);
                continue;
            }
            let line = String::from_utf8(header).expect("text");
            let port = line.split(' ').nth(4).expect("a port").to_owned();
            let expected = format!("PROXY TCP4 127.0.0.1 127.0.0.1 {port} {}\r\n", backend.address.port());
            assert_eq!(line, expected);
        }
        assert_eq!(proxy.client().get("/").status(), 200);
    }
}
