//! Bodies stream: their size costs neither memory nor anyone else's patience.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use harness::{Backend, Latch, Proxy, wait_until};

const MIB: u64 = 1024 * 1024;
const LARGE: u64 = 100 * MIB;
/// What a proxy may need more while a body of any size passes.
const FLAT: u64 = 16 * MIB;
/// More than all buffers of the sockets between a client and a backend take.
const STUCK: u64 = 64 * MIB;

/// Fails if the proxy's memory grows beyond what it was when this was made.
struct Memory<'a> {
    proxy: &'a Proxy,
    before: u64,
}

impl<'a> Memory<'a> {
    fn of(proxy: &'a Proxy) -> Self {
        assert_eq!(proxy.client().post("/", b"warm").status(), 200);
        Self { proxy, before: proxy.resident_memory() }
    }

    fn check(&self) {
        let now = self.proxy.resident_memory();
        assert!(now < self.before + FLAT, "grew from {} to {} KiB", self.before / 1024, now / 1024);
    }
}

/// Waits until a count no longer changes, and returns it.
fn settled(count: &AtomicU64) -> u64 {
    let (mut last, mut since) = (u64::MAX, Instant::now());
    wait_until("the count settles", || {
        let now = count.load(Ordering::Relaxed);
        if now != last {
            (last, since) = (now, Instant::now());
        }
        since.elapsed() > Duration::from_millis(400)
    });
    last
}

/// A backend that sends a body of this size, in blocks that are counted, and takes in any body.
fn sending(head: &'static str, size: u64, sent: &Arc<AtomicU64>) -> Backend {
    let sent = Arc::clone(sent);
    Backend::start(move |exchange| {
        exchange.read_body();
        if exchange.request.method() == "POST" {
            return exchange.respond("ok");
        }
        let chunked = head.contains("chunked");
        exchange.send(head);
        let block = vec![b'~'; 64 * 1024];
        for _ in 0..size / block.len() as u64 {
            let framed = if chunked { [b"10000\r\n", &block[..], b"\r\n"].concat() } else { block.clone() };
            if exchange.try_send(framed).is_err() {
                exchange.keep_alive = false;
                return;
            }
            sent.fetch_add(block.len() as u64, Ordering::Relaxed);
        }
        if chunked {
            exchange.send("0\r\n\r\n");
        }
    })
}

#[test]
fn a_large_upload_passes_in_flat_memory() {
    let backend = Backend::start(|exchange| {
        let bytes = exchange.request.discard_body(exchange.reader);
        exchange.respond(&bytes.to_string());
    });
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    let memory = Memory::of(&proxy);
    let mut client = proxy.client();
    client.send(format!("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: {LARGE}\r\n\r\n"));
    let block = vec![b'x'; MIB as usize];
    for _ in 0..LARGE / MIB {
        client.send(&block);
        memory.check();
    }
    assert_eq!(client.response("POST").text(), LARGE.to_string());
}

#[test]
fn a_large_download_passes_in_flat_memory() {
    for head in [
        "HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    ] {
        let backend = sending(head, LARGE, &Arc::default());
        let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
        let memory = Memory::of(&proxy);
        let mut client = proxy.client();
        client.send("GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
        let (mut block, mut total) = (vec![0; MIB as usize], 0);
        loop {
            let count = client.reader().read(&mut block).expect("bytes");
            if count == 0 {
                break;
            }
            // The head and the chunks' own lines are made of other characters.
            total += block[..count].iter().filter(|&&byte| byte == b'~').count() as u64;
            memory.check();
        }
        assert_eq!(total, LARGE, "{head}");
    }
}

#[test]
fn a_slow_reader_slows_the_backend_down() {
    let sent = Arc::<AtomicU64>::default();
    let backend = sending("HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n", 1024 * MIB, &sent);
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    let memory = Memory::of(&proxy);
    let mut client = proxy.client();
    client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    wait_until("the backend sends", || sent.load(Ordering::Relaxed) > 0);
    let stuck_at = settled(&sent);
    assert!(stuck_at < STUCK, "sent {} MiB to nobody", stuck_at / MIB);
    memory.check();
    client.read_exactly(STUCK as usize);
    wait_until("the backend goes on", || sent.load(Ordering::Relaxed) > stuck_at);
    memory.check();
}

#[test]
fn a_slow_backend_slows_the_client_down() {
    let backend = Backend::start(|exchange| match exchange.request.header("x-wait") {
        // Reads nothing for as long as the test lasts.
        Some(_) => Latch::default().wait(),
        None => {
            exchange.read_body();
            exchange.respond("ok");
        }
    });
    let proxy = Proxy::with_pool("\"round-robin\"", &[&backend], "");
    let memory = Memory::of(&proxy);
    let mut client = proxy.client();
    client.send("POST / HTTP/1.1\r\nHost: test\r\nX-Wait: 1\r\nContent-Length: 1073741824\r\n\r\n");
    let written = Arc::<AtomicU64>::default();
    let count = Arc::clone(&written);
    let mut writer = client.stream().try_clone().expect("a socket");
    std::thread::spawn(move || {
        while let Ok(bytes) = writer.write(&[b'x'; 64 * 1024]) {
            count.fetch_add(bytes as u64, Ordering::Relaxed);
        }
    });
    wait_until("the client sends", || written.load(Ordering::Relaxed) > 0);
    let stuck_at = settled(&written);
    assert!(stuck_at < STUCK, "took {} MiB for nobody", stuck_at / MIB);
    memory.check();
}
