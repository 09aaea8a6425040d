//! The end of a process, for connections that are in use and for ones that have hardly begun.

use std::time::{Duration, Instant};

use harness::frames::{
    self, ACK, DATA, END_HEADERS, END_STREAM, Frame, GOAWAY, HEADERS, PING, PREFACE, SETTINGS, frame,
};
use harness::{Backend, Client, Latch, Proxy, Setup};

use super::{OVER_TLS, in_clear, over_tls};

/// `GET http://test/`.
const GET: &[u8] = b"\x82\x86\x41\x04test\x84";

/// Far less than a drain may take, or a handshake.
const SOON: Duration = Duration::from_secs(8);

/// A backend that answers when it is let.
fn slow(release: &Latch) -> Backend {
    let release = release.clone();
    Backend::start(move |exchange| {
        exchange.read_body();
        release.wait();
        exchange.respond("b");
    })
}

/// Sends a GET and waits until the backend has it.
fn begin<S: std::io::Read + std::io::Write>(client: &mut Client<S>, stream: u32, backend: &Backend) {
    let before = backend.count();
    client.send(frame(HEADERS, END_STREAM | END_HEADERS, stream, GET));
    backend.wait_for_requests(before + 1);
}

/// The next frame of this kind.
fn next<S: std::io::Read + std::io::Write>(client: &mut Client<S>, kind: u8) -> Frame {
    loop {
        let frame = frames::next(client.reader()).expect("bytes").expect("another frame");
        if frame.kind == kind {
            return frame;
        }
    }
}

/// Goes through a drain, from its first word to the end of the connection.
fn is_drained<S: std::io::Read + std::io::Write>(client: &mut Client<S>, backend: &Backend, release: &Latch) {
    let first = next(client, GOAWAY);
    assert_eq!(first.payload, [0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0], "no more, please");
    let ping = next(client, PING);
    // A request that was on its way is served.
    begin(client, 3, backend);
    client.send(frame(PING, ACK, 0, &ping.payload));
    let last = next(client, GOAWAY);
    assert_eq!(last.payload, [0, 0, 0, 3, 0, 0, 0, 0], "3 was the last");
    release.open();
    let mut ended = Vec::new();
    while let Some(frame) = frames::next(client.reader()).expect("bytes") {
        if frame.kind == DATA {
            assert_eq!((frame.payload.as_slice(), frame.flags & END_STREAM), (&b"b"[..], END_STREAM));
            ended.push(frame.stream);
        }
    }
    ended.sort_unstable();
    assert_eq!(ended, [1, 3], "both are served to their ends");
}

#[test]
fn what_runs_in_clear_is_finished_after_two_goaways() {
    let release = Latch::default();
    let backend = slow(&release);
    let mut proxy = in_clear(&backend, "");
    let mut client = proxy.client();
    client.send(PREFACE);
    begin(&mut client, 1, &backend);
    // One that has sent half a preface, one with no settings, and one with no request.
    let mut others = [&PREFACE[..12], &PREFACE[..24], PREFACE].map(|sent| {
        let mut client = proxy.client();
        client.send(sent);
        client
    });
    assert_eq!(next(&mut others[2], SETTINGS).flags, 0);
    proxy.signal("TERM");
    is_drained(&mut client, &backend, &release);
    for other in &mut others {
        while frames::next(other.reader()).is_ok_and(|frame| frame.is_some()) {}
    }
    assert_eq!(proxy.wait_for_exit().code(), Some(0));
    assert_eq!(proxy.log.events("drain-timed-out"), []);
}

#[test]
fn what_runs_over_tls_is_too_and_handshakes_end_soon() {
    let release = Latch::default();
    let backend = slow(&release);
    let (mut proxy, tls) = over_tls(&backend, "");
    let tls = tls.offering(&["h2"]);
    let mut client = tls.connect(proxy.address(), "test");
    client.send(PREFACE);
    begin(&mut client, 1, &backend);
    // One that has sent nothing, one half a hello, and one that hasn't sent a preface.
    let mut silent = proxy.client();
    let mut hello = Vec::new();
    tls.session("test").write_tls(&mut hello).expect("a hello");
    let mut half = proxy.client();
    half.send(&hello[..hello.len() / 2]);
    let mut without_preface = tls.connect(proxy.address(), "test");
    let began = Instant::now();
    proxy.signal("TERM");
    is_drained(&mut client, &backend, &release);
    assert!(silent.is_closed() && half.is_closed());
    while frames::next(without_preface.reader()).is_ok_and(|frame| frame.is_some()) {}
    assert_eq!(proxy.wait_for_exit().code(), Some(0));
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    assert_eq!(proxy.log.events("drain-timed-out"), []);
}

#[test]
fn what_runs_on_a_listener_that_goes_is_finished() {
    let release = Latch::default();
    let backend = slow(&release);
    let configuration = |listener| Setup { listener, ..Setup::default() }.configuration(&[backend.address()]);
    let proxy = Proxy::start(&configuration("[[listener]]\naddress = \"127.0.0.2:0\""));
    let mut goes = Client::connect(proxy.addresses()[1]);
    let mut stays = proxy.client();
    for client in [&mut goes, &mut stays] {
        client.send(PREFACE);
        begin(client, 1, &backend);
    }
    proxy.reload(&configuration(""));
    is_drained(&mut goes, &backend, &release);
    // Nothing has happened to the other one.
    let frames = frames::ask(&mut stays, &frame(HEADERS, END_STREAM | END_HEADERS, 3, GET), 3);
    assert!(frames.iter().all(|frame| frame.kind != GOAWAY), "{frames:?}");
}

#[test]
fn what_runs_is_finished_when_clients_are_authenticated_in_another_way() {
    let release = Latch::default();
    let backend = slow(&release);
    let (proxy, tls) = over_tls(&backend, "");
    let tls = tls.offering(&["h2"]);
    let mut client = tls.connect(proxy.address(), "test");
    client.send(PREFACE);
    begin(&mut client, 1, &backend);
    let listener = &format!("{OVER_TLS}client_auth = {{ ca = 'ca.crt', mode = 'optional' }}\n");
    proxy.reload(&Setup { listener, ..Setup::default() }.configuration(&[backend.address()]));
    is_drained(&mut client, &backend, &release);
    let mut client = tls.connect(proxy.address(), "test");
    frames::ask(client.send(PREFACE), &frame(HEADERS, END_STREAM | END_HEADERS, 1, GET), 1);
}
