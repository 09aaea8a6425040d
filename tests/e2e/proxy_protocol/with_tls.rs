//! A header comes before TLS, of which nothing is lost.

use std::io::Write;
use std::net::{Shutdown, TcpStream};

use harness::{Authority, Backend, DEADLINE, Leaf, Proxy, Setup, Tls, TlsClient};

use super::{EXPECTED, LOCAL, V1, V2, tells_client};

const TLS: &str = "[listener.tls]\ncertificates = [{ cert = 'site.crt', key = 'site.key' }]\n";

fn start(backend: &Backend) -> (Proxy, Tls) {
    let (authority, folder) = (Authority::new("root"), tempfile::tempdir().expect("a directory"));
    authority.issue(&Leaf::default()).write(folder.path(), "site");
    let listener = format!("{EXPECTED}\n{TLS}");
    let configuration = Setup { listener: &listener, ..Setup::default() }.configuration(&[backend.address()]);
    let proxy = Proxy::start_in_with_log(folder, "info,pointsman=debug", &configuration);
    (proxy, Tls::trusting(&authority))
}

fn socket(proxy: &Proxy) -> TcpStream {
    let socket = TcpStream::connect(proxy.address()).expect("a connection");
    socket.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    socket.set_nodelay(true).expect("no delay");
    socket
}

#[test]
fn a_hello_right_behind_a_header_is_whole() {
    let backend = tells_client();
    let (proxy, tls) = start(&backend);
    for header in [V1, V2] {
        for in_pieces in [false, true] {
            let mut session = tls.clone().afresh().session("test");
            let mut bytes = header.to_vec();
            session.write_tls(&mut bytes).expect("a hello");
            let mut socket = socket(&proxy);
            if in_pieces {
                bytes.iter().for_each(|byte| socket.write_all(&[*byte]).expect("the proxy waits for more"));
            } else {
                socket.write_all(&bytes).expect("the proxy takes it");
            }
            while session.is_handshaking() {
                session.complete_io(&mut socket).expect("a handshake");
            }
            let mut client = TlsClient::over(session, socket);
            assert_eq!(client.get("/").text(), "192.0.2.1");
        }
    }
}

#[test]
fn tls_without_a_header_is_closed() {
    let backend = tells_client();
    let (proxy, tls) = start(&backend);
    tls.try_connect(proxy.address(), "test").expect_err("no header");
    let line = proxy.log.wait_for("proxy-header-refused");
    assert!(line.has(&[("reason", "missing")]), "{line}");
    assert_eq!(backend.count(), 0);
}

#[test]
fn a_check_of_a_load_balancer_is_no_failed_handshake() {
    let backend = tells_client();
    let (proxy, _) = start(&backend);
    let end = |header: &[u8]| {
        let mut socket = socket(&proxy);
        socket.write_all(header).expect("the proxy takes it");
        socket.shutdown(Shutdown::Write).expect("an open socket");
        let _ = std::io::copy(&mut socket, &mut std::io::sink());
    };
    for _ in 0..3 {
        end(LOCAL);
    }
    end(V1);
    // That of the client, which came last, is one; it is named by the address in the header.
    let line = proxy.log.wait_for("handshake-failed");
    assert!(line.has(&[("reason", "closed"), ("peer", "192.0.2.1:56324")]), "{line}");
    assert_eq!(proxy.log.events("handshake-failed").len(), 1);
    assert_eq!(proxy.log.events("proxy-header-refused").len(), 0);
}
