//! Random clients against a model: however requests are cut up and mixed, each gets its own response, in order, or its refusal,
//! and nothing is in flight or open afterwards.

use std::time::Duration;

use proptest::prelude::*;

use super::world::{Limits, World, run};
use crate::testing::MemoryStream;

/// A request of a client.
#[derive(Debug, Clone, Copy)]
enum Request {
    Get,
    Post(u8),
    Chunked(u8),
    /// Asks for another protocol, which the backends decline.
    Upgrade,
    /// Is refused; nothing that follows is served.
    Broken,
}

/// What a client does next.
#[derive(Debug, Clone, Copy)]
enum Operation {
    /// Sends this many of the bytes that it has left to send.
    Send(u8),
    /// Lets backends answer what they have got.
    Answer,
    /// Lets time pass: all of it in a case is less than any timeout.
    Pass(u16),
}

fn request() -> impl Strategy<Value = Request> {
    prop_oneof![
        4 => Just(Request::Get),
        2 => any::<u8>().prop_map(Request::Post),
        2 => any::<u8>().prop_map(Request::Chunked),
        1 => Just(Request::Upgrade),
        1 => Just(Request::Broken),
    ]
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        6 => any::<u8>().prop_map(Operation::Send),
        3 => Just(Operation::Answer),
        1 => (0..200_u16).prop_map(Operation::Pass),
    ]
}

impl Request {
    fn bytes(self, number: usize) -> Vec<u8> {
        let head = format!("/{number} HTTP/1.1\r\nHost: h\r\n");
        match self {
            Self::Get => format!("GET {head}\r\n").into_bytes(),
            Self::Post(length) => {
                let mut bytes = format!("POST {head}Content-Length: {length}\r\n\r\n").into_bytes();
                bytes.extend(std::iter::repeat_n(b'x', length.into()));
                bytes
            }
            Self::Chunked(length) => {
                let body = "y".repeat(usize::from(length) + 1);
                format!(
                    "POST {head}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
                    body.len()
                )
                .into_bytes()
            }
            Self::Upgrade => format!("GET {head}Connection: upgrade\r\nUpgrade: x\r\n\r\n").into_bytes(),
            Self::Broken => format!("GET {head}No colon\r\n\r\n").into_bytes(),
        }
    }
}

/// A backend's connection that answers each whole request with the number in its path.
struct Answering {
    stream: MemoryStream,
    got: Vec<u8>,
}

impl Answering {
    fn answer(&mut self) {
        self.got.extend(self.stream.receive());
        let Some(end) = self.got.windows(4).position(|four| four == b"\r\n\r\n") else { return };
        let head = String::from_utf8_lossy(&self.got[..end]).to_lowercase();
        let body = &self.got[end + 4..];
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
        let whole = match length {
            Some(length) => body.len() >= length.parse::<usize>().expect("a length"),
            None if head.contains("transfer-encoding") => body.ends_with(b"0\r\n\r\n"),
            None => true,
        };
        if whole {
            let number = head.split(' ').nth(1).expect("a path").trim_start_matches('/').to_owned();
            let response = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{number}", number.len());
            self.stream.send(response.as_bytes());
            self.got.clear();
        }
    }
}

/// Statuses and bodies of all responses that a client has got.
fn responses(mut bytes: &[u8]) -> Vec<(u16, String)> {
    let mut found = Vec::new();
    while let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
        let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
        let status = head.split(' ').nth(1).expect("a status").parse().expect("a number");
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
        let length: usize = length.expect("all responses here have one").parse().expect("a number");
        bytes = &bytes[end + 4..];
        found.push((status, String::from_utf8_lossy(&bytes[..length]).into_owned()));
        bytes = &bytes[length..];
    }
    assert!(bytes.is_empty(), "half a response: {}", bytes.escape_ascii());
    found
}

async fn play(requests: &[Request], operations: &[Operation]) {
    let world = World::new(Limits::default());
    let client = world.connect();
    let mut to_send: Vec<u8> =
        requests.iter().enumerate().flat_map(|(number, request)| request.bytes(number)).collect();
    let (mut backends, mut received) = (Vec::<Answering>::new(), Vec::new());
    // What is left is sent and answered in the end.
    let sends = std::iter::repeat_n(Operation::Send(u8::MAX), to_send.len() / 256 + 1);
    let rest = sends.chain(std::iter::repeat_n(Operation::Answer, requests.len() + 1));
    for operation in operations.iter().copied().chain(rest) {
        match operation {
            Operation::Send(count) => {
                let step = to_send.len().min(1 + usize::from(count));
                client.send(&to_send.drain(..step).collect::<Vec<u8>>());
            }
            Operation::Answer => {
                world.settle().await;
                while let Some((_, stream)) = world.net.accept() {
                    backends.push(Answering { stream, got: Vec::new() });
                }
                backends.iter_mut().for_each(Answering::answer);
            }
            Operation::Pass(milliseconds) => world.pass(Duration::from_millis(milliseconds.into())).await,
        }
        world.settle().await;
        received.extend(client.receive());
    }
    let mut expected: Vec<(u16, String)> = Vec::new();
    for (number, request) in requests.iter().enumerate() {
        if matches!(request, Request::Broken) {
            expected.push((400, "malformed request head\n".into()));
            break;
        }
        expected.push((200, number.to_string()));
    }
    assert!(to_send.is_empty(), "the script is too short");
    assert_eq!(responses(&received), expected);
    assert_eq!(world.in_flight(), 0);
    drop(client);
    world.pass(Duration::from_millis(1_200)).await;
    assert_eq!(world.drain.connections(), 0, "connections that nobody has");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn each_request_gets_its_own_response(
        requests in prop::collection::vec(request(), 1..6),
        operations in prop::collection::vec(operation(), 0..40),
    ) {
        run(play(&requests, &operations));
    }
}
