//! A WebSocket over HTTP/2 in a browser (Chromium, skipped aloud where it isn't installed).

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use harness::{Backend, Exchange, Proxy, wait_until};
use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

use super::over_tls;

/// What the browser shows. It tells what has come of it by a POST to `/told`.
const PAGE: &str = include_str!("browser.html");

/// What the page tells if all is well.
const TOLD: &str = "text: hello; binary: 1048576 bytes, the same; we close: 4001 mine, clean; they close: 4002 theirs, clean";

/// A browser, which goes away when it is dropped.
struct Browser {
    process: Child,
    profile: TempDir,
}

impl Browser {
    /// At this page; `None` if there is no browser.
    fn open(url: &str) -> Option<Self> {
        let profile = tempfile::tempdir().expect("a directory");
        let output = File::create(profile.path().join("output")).expect("a file");
        let mut command = Command::new("chromium");
        command.args(["--headless=new", "--no-sandbox", "--ignore-certificate-errors", "--no-proxy-server"]);
        command.args(["--disable-gpu", "--disable-dev-shm-usage", "--disable-extensions", "--no-first-run"]);
        command.args(["--disable-background-networking", "--disable-component-update"]);
        command.arg(format!("--user-data-dir={}", profile.path().display())).arg(url);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(output).process_group(0);
        match command.spawn() {
            Ok(process) => Some(Self { process, profile }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                eprintln!("skipped: chromium isn't installed");
                None
            }
            Err(error) => panic!("chromium: {error}"),
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // With all the processes that it has started.
        if let Some(group) = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.process.wait();
        if std::thread::panicking() {
            let said = std::fs::read_to_string(self.profile.path().join("output"));
            eprintln!("what chromium says: {}", said.unwrap_or_default());
        }
    }
}

/// A frame of a WebSocket, unmasked.
struct Frame {
    /// FIN and opcode.
    first: u8,
    payload: Vec<u8>,
}

const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;

impl Frame {
    /// A frame of a client, which has masked it.
    fn read(from: &mut impl Read) -> io::Result<Self> {
        let (mut head, mut mask) = ([0; 2], [0; 4]);
        from.read_exact(&mut head)?;
        let mut length = [0; 8];
        match head[1] & 0x7f {
            126 => from.read_exact(&mut length[6..])?,
            127 => from.read_exact(&mut length)?,
            short => length[7] = short,
        }
        from.read_exact(&mut mask)?;
        let mut payload = Vec::new();
        from.take(u64::from_be_bytes(length)).read_to_end(&mut payload)?;
        payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
        Ok(Self { first: head[0], payload })
    }

    /// As a server sends it.
    fn bytes(&self) -> Vec<u8> {
        let length = self.payload.len();
        let head = match length {
            0..=125 => vec![self.first, u8::try_from(length).expect("short")],
            126..=0xffff => {
                let length = u16::try_from(length).expect("two bytes");
                [&[self.first, 126][..], &length.to_be_bytes()].concat()
            }
            _ => [&[self.first, 127][..], &(length as u64).to_be_bytes()].concat(),
        };
        [head, self.payload.clone()].concat()
    }
}

/// Changes to a WebSocket and sends each frame back, a close too, after which it ends. To `bye` the answer is a close.
fn echo(exchange: &mut Exchange<'_>) {
    let key = exchange.request.header("sec-websocket-key").expect("a key").to_owned();
    let text = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let accept = BASE64_STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()));
    exchange.send(format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    ));
    exchange.keep_alive = false;
    while let Ok(mut frame) = Frame::read(exchange.reader) {
        if frame.first == TEXT && frame.payload == b"bye" {
            frame = Frame { first: CLOSE, payload: [&4002_u16.to_be_bytes()[..], b"theirs"].concat() };
            exchange.send(frame.bytes());
            // It is answered.
            let _ = Frame::read(exchange.reader);
            return;
        }
        if exchange.try_send(frame.bytes()).is_err() || frame.first == CLOSE {
            return;
        }
    }
}

fn backend() -> Backend {
    Backend::start(|exchange| match exchange.request.target() {
        "/" => exchange.send(format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n{PAGE}",
            PAGE.len()
        )),
        "/socket" => echo(exchange),
        _ => {
            exchange.read_body();
            exchange.respond("");
        }
    })
}

/// What the page has told.
fn told(proxy: &Proxy, backend: &Backend) -> Option<String> {
    let _browser = Browser::open(&format!("https://{}/", proxy.address()))?;
    let is_told = |request: &&harness::Request| request.target().starts_with("/told?");
    wait_until("the page tells what has come of it", || backend.requests().iter().any(|r| is_told(&r)));
    let requests = backend.requests();
    requests.iter().find(is_told).map(|request| request.target()["/told?".len()..].replace("%20", " "))
}

#[test]
fn a_page_talks_over_websockets() {
    let backend = backend();
    let (proxy, _) = over_tls(&backend, "");
    let Some(told) = told(&proxy, &backend) else { return };
    assert_eq!(told, TOLD);
    let sockets = backend.requests().into_iter().filter(|request| request.target() == "/socket");
    let over: Vec<_> = sockets.map(|request| request.header("via").map(str::to_owned)).collect();
    assert_eq!(over, vec![Some("2 pointsman".to_owned()); 2], "over HTTP/2");
    assert_eq!(proxy.log.errors(), []);
}
