//! Sessions go on where they began, and nowhere else.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};

use harness::{Cryptography, Issued, Then, TlsBackend, respond, wait_until};

use super::{TLS, good, start, trusted};

/// No request is given a second chance.
const ONE_TRY: &str = "retry = { attempts = 0 }\n";

/// A backend that closes after each response.
fn backend(certificate: &Issued, cryptography: Cryptography) -> TlsBackend {
    TlsBackend::start_with(certificate, cryptography, |_, reader| {
        respond(reader, "good");
        Then::Close
    })
}

#[test]
fn backends_of_one_name_need_not_have_the_same_cryptography() {
    let (authority, folder) = trusted();
    let certificate = good(&authority);
    // The ticket of the first is of no use with the suite of the second, which asks for another key share: then rustls withdraws the
    // ticket that it has offered, which servers refuse (`missing_extension`).
    let first = backend(&certificate, Cryptography::Aes256X25519);
    let second = backend(&certificate, Cryptography::Aes128P256);
    let proxy = start(folder, &format!("{ONE_TRY}{TLS}"), &[first.address(), second.address()]);
    let mut client = proxy.client();
    for turn in 1..=6 {
        assert_eq!(client.get("/").text(), "good", "request {turn}");
        wait_until("the backend has closed", || first.ended() + second.ended() == turn);
    }
    assert_eq!((first.resumed(), second.resumed()), (2, 2), "each goes on from its own");
}

#[test]
fn a_session_that_fails_is_given_up_at_once() {
    let (authority, folder) = trusted();
    let certificate = good(&authority);
    let first = backend(&certificate, Cryptography::Aes256X25519);
    let second = backend(&certificate, Cryptography::Aes128P256);
    let proxy = start(folder, &format!("{ONE_TRY}{TLS}"), &[in_turn([first.address(), second.address()])]);
    let mut client = proxy.client();
    for turn in 1..=6 {
        assert_eq!(client.get("/").text(), "good", "request {turn}");
        wait_until("the backend has closed", || first.ended() + second.ended() == turn);
    }
}

/// The address of a balancer of connections, which leads to these addresses in turn.
fn in_turn(addresses: [SocketAddr; 2]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let own = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for (client, address) in listener.incoming().map_while(Result::ok).zip(addresses.into_iter().cycle())
        {
            let Ok(backend) = TcpStream::connect(address) else { return };
            pass(&client, &backend);
            pass(&backend, &client);
        }
    });
    own
}

/// Passes bytes on, on a thread of its own, until their end.
fn pass(from: &TcpStream, to: &TcpStream) {
    let (mut from, mut to) = (from.try_clone().expect("a socket"), to.try_clone().expect("a socket"));
    std::thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
}
