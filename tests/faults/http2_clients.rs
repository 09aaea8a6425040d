//! Clients of HTTP/2 that take nothing, or next to nothing: what they cost, and whom.

use std::collections::HashMap;
use std::io::{BufRead, Read};
use std::time::{Duration, Instant};

use harness::frames::{
    self, DATA, END_HEADERS, END_STREAM, HEADERS, PREFACE, RST_STREAM, SETTINGS, WINDOW_UPDATE, frame,
};
use harness::{Backend, Client, DEADLINE, Latch, Proxy, Setup, wait_until};

/// Streams of a connection.
const STREAMS: u32 = 100;

/// `GET http://test/`.
const GET: &[u8] = b"\x82\x86\x41\x04test\x84";

/// The windows of new streams in a client's settings.
fn windows(bytes: u32) -> Vec<u8> {
    frame(SETTINGS, 0, 0, &[&[0, 4][..], &bytes.to_be_bytes()].concat())
}

fn window_update(stream: u32, bytes: u32) -> Vec<u8> {
    frame(WINDOW_UPDATE, 0, stream, &bytes.to_be_bytes())
}

/// The streams that a client opens, one after the other.
fn streams() -> impl Iterator<Item = u32> {
    (0..STREAMS).map(|number| 1 + 2 * number)
}

/// A connection with windows of this size, on which nothing is asked.
fn connect(proxy: &Proxy, window: u32) -> Client {
    let mut client = proxy.client();
    client.send([&PREFACE[..24], &windows(window)].concat());
    client
}

/// Waits until the memory of the process doesn't grow any more; answers it.
fn settled_memory(proxy: &Proxy) -> u64 {
    let mut most = (0, Instant::now());
    wait_until("its memory is settled", || {
        let now = proxy.resident_memory();
        if now > most.0 {
            most = (now, Instant::now());
        }
        most.1.elapsed() > Duration::from_millis(200)
    });
    most.0
}

/// A proxy in front of a backend whose responses are of 10 MiB.
fn large_responses() -> (Proxy, Backend) {
    let backend = Backend::start(|exchange| {
        exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 10485760\r\n\r\n");
        let piece = [b'x'; 64 << 10];
        while exchange.try_send(piece).is_ok() {}
        exchange.keep_alive = false;
    });
    (Setup::default().start(&[&backend]), backend)
}

/// What connections cost on each of which so many large responses aren't read, bytes each.
fn unread(what: &str, responses: u32, connect: impl Fn(&Proxy) -> Client) -> u64 {
    let (proxy, backend) = large_responses();
    let connections = 200 / responses;
    // Whatever is made once is made now.
    let first = connect(&proxy);
    backend.wait_for_requests(responses as usize);
    let before = settled_memory(&proxy);
    let clients: Vec<Client> = (0..connections).map(|_| connect(&proxy)).collect();
    backend.wait_for_requests((responses * (1 + connections)) as usize);
    let each = settled_memory(&proxy).saturating_sub(before) / u64::from(connections);
    println!("{responses} unread responses, {what}: {each} bytes a connection");
    drop((first, clients));
    each
}

#[test]
fn large_responses_that_are_not_read_cost_little_memory() {
    let asking = |window: u32, connection_window: u32| {
        move |proxy: &Proxy| {
            let mut client = connect(proxy, window);
            client.send(window_update(0, connection_window));
            for stream in streams() {
                client.send(frame(HEADERS, END_STREAM | END_HEADERS, stream, GET));
            }
            client
        }
    };
    assert!(unread("no windows", STREAMS, asking(0, 1)) < 5 << 20);
    assert!(unread("windows as they are at first", STREAMS, asking(65_535, 1)) < 5 << 20);
    // Only the socket stands still then, be it at once or after buffers have grown.
    let open = asking(0x7fff_ffff, 0x7fff_0000);
    assert!(unread("open windows", STREAMS, open) < 5 << 20);
    let stopping = |proxy: &Proxy| {
        let mut client = open(proxy);
        let read = client.reader().by_ref().take(16 << 20).read_to_end(&mut Vec::new());
        assert_eq!(read.expect("bytes"), 16 << 20);
        client
    };
    assert!(unread("open windows, some of it read", STREAMS, stopping) < 8 << 20);
}

#[test]
fn heads_that_are_bombs_end_and_leave_nothing() {
    let backend = Backend::named("backend");
    // One worker: each keeps what it once needed for a hundred such heads at a time.
    let proxy =
        Setup { workers: 1, listener: "send_timeout = \"1s\"", ..Setup::default() }.start(&[&backend]);
    // Fields of one byte each: 4,000 are over what h2 takes, 3,000 over the limit of the listener only.
    let bomb = |count: usize| [GET, b"\x40\x01a\x00", &[0xbe; 4_000][..count]].concat();
    let mut before = None;
    for _ in 0..3 {
        let mut client = connect(&proxy, 0);
        for stream in streams() {
            let count = if stream % 4 == 1 { 4_000 } else { 3_000 };
            client.send(frame(HEADERS, END_STREAM | END_HEADERS, stream, &bomb(count)));
        }
        let (mut answered, mut ended) = (0, 0);
        while ended < STREAMS {
            let frame = frames::next(client.reader()).expect("bytes").expect("a frame");
            if frame.kind == HEADERS {
                answered += 1;
                client.send(window_update(frame.stream, 1));
            }
            ended += u32::from(frame.ends_stream() || frame.kind == RST_STREAM);
        }
        assert_eq!(answered, STREAMS);
        let now = settled_memory(&proxy);
        let before = *before.get_or_insert(now);
        println!("{STREAMS} heads later: {now} bytes, {before} after the first of them");
        assert!(now < before + (2 << 20), "{now} bytes, {before} before");
    }
    assert_eq!(backend.count(), 0);
}

/// Sends bodies on these streams for as long as windows let it; the backends don't read them. Answers how many bytes have gone.
fn fill(client: &mut Client, streams: &[u32]) -> usize {
    const PIECE: i64 = 16 << 10;
    // As the listener has told by now.
    let mut connection = 1 << 20;
    let mut open: HashMap<u32, i64> = streams.iter().map(|stream| (*stream, 256 << 10)).collect();
    let mut sent = 0;
    client.stream().set_read_timeout(Some(Duration::from_millis(500))).expect("a timeout");
    loop {
        for (stream, window) in &mut open {
            while *window >= PIECE && connection >= PIECE {
                client.send(frame(DATA, 0, *stream, &[b'x'; PIECE as usize]));
                (*window, connection, sent) = (*window - PIECE, connection - PIECE, sent + PIECE as usize);
            }
        }
        if client.reader().fill_buf().is_err() {
            client.stream().set_read_timeout(Some(DEADLINE)).expect("a timeout");
            return sent;
        }
        let frame = frames::next(client.reader()).expect("bytes").expect("a frame");
        if frame.kind == WINDOW_UPDATE {
            let more = i64::from(u32::from_be_bytes(frame.payload.try_into().expect("four bytes")));
            match frame.stream {
                0 => connection += more,
                stream => *open.get_mut(&stream).expect("one of ours") += more,
            }
        }
    }
}

#[test]
fn uploads_that_stand_still_slow_no_other_request() {
    const UPLOADS: u32 = 20;
    let release = Latch::default();
    let opened = release.clone();
    let backend = Backend::start(move |exchange| {
        if exchange.request.method() == "POST" {
            opened.wait();
            exchange.wait_for_close();
        } else {
            exchange.respond("b");
        }
    });
    let proxy = Setup::default().start(&[&backend]);
    let mut client = connect(&proxy, 65_535);
    let mut next_stream = (1..).step_by(2);
    let times = |client: &mut Client, next_stream: &mut dyn Iterator<Item = u32>| {
        let mut times = Vec::new();
        for stream in next_stream.take(100) {
            let began = Instant::now();
            let frames = frames::ask(client, &frame(HEADERS, END_STREAM | END_HEADERS, stream, GET), stream);
            assert!(frames.iter().any(|frame| frame.kind == DATA), "{frames:?}");
            times.push(began.elapsed());
        }
        times.sort_unstable();
        times[times.len() / 2]
    };
    let alone = times(&mut client, &mut next_stream);
    let uploads: Vec<u32> = next_stream.by_ref().take(UPLOADS as usize).collect();
    for stream in &uploads {
        // `POST http://test/`.
        client.send(frame(HEADERS, END_HEADERS, *stream, b"\x83\x86\x41\x04test\x84"));
    }
    backend.wait_for_requests(100 + uploads.len());
    let sent = fill(&mut client, &uploads);
    let among = times(&mut client, &mut next_stream);
    println!("{sent} bytes sent, then nothing: {among:?} for a GET, {alone:?} before");
    release.open();
    // Others use this machine.
    assert!(among < 5 * alone + Duration::from_millis(5), "{among:?} instead of {alone:?}");
}
