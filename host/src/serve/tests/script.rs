//! Tests as lists of steps.

use std::time::Duration;

use super::world::{Limits, World, address, run};
use crate::testing::MemoryStream;

/// The request and the response of most tests.
pub(super) const GET: &str = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
pub(super) const ONE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1";
pub(super) const OK: &str = "HTTP/1.1 200 OK";

/// What [`Step::Served`] stands for.
const SERVED: [Step; 4] = [Step::Send(GET), Step::Asked("GET /a "), Step::Answer(ONE), Step::Gets(OK, "1")];

/// One thing that happens, or that must have happened.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    /// The client sends a request, a backend gets it and answers, and the client gets that.
    Served,
    /// The client sends.
    Send(&'static str),
    /// The client sends this byte many times.
    SendMany(u8, usize),
    /// A backend gets something that starts like this, and has no more to come.
    Asked(&'static str),
    /// The backend that was asked last has got exactly this.
    AskedExactly(&'static str),
    /// The backend that was asked last sends.
    Answer(&'static str),
    /// The backend that was asked last closes its connection.
    BackendCloses,
    /// No backend has got anything new.
    NothingAsked,
    /// The client gets a response with this status line, and these bytes after its head.
    Gets(&'static str, &'static str),
    /// The client gets exactly this, and nothing after it.
    GetsExactly(&'static str),
    /// The head of the last response that the client got has this field.
    With(&'static str),
    /// It has not.
    Without(&'static str),
    /// The client has got nothing more, and the connection is open.
    Waits,
    /// The connection has ended, and nothing was left to read.
    Closed,
    /// The connection was reset.
    Reset,
    /// The client sends nothing else.
    ShutDown,
    /// The client takes no more than this before the proxy has to wait.
    Room(usize),
    /// So many milliseconds pass.
    Pass(u64),
    /// A drain is near.
    Leave,
    /// Connections are to come to their end.
    Drain,
    /// Backend refuses connections.
    Refuse(u8),
    /// Backend takes connections again.
    Accept(u8),
    /// This many requests are in flight at the backends.
    InFlight(u64),
}

/// The state of a test.
struct Play {
    world: World,
    client: MemoryStream,
    received: Vec<u8>,
    head: String,
    backends: Vec<(Vec<u8>, MemoryStream)>,
    /// Which connection was asked last.
    asked: usize,
}

/// Plays the steps with one client.
#[track_caller]
pub(super) fn check(name: &str, limits: Limits, steps: &[Step]) {
    run(async {
        let world = World::new(limits);
        let client = world.connect();
        let mut play =
            Play { world, client, received: Vec::new(), head: String::new(), backends: Vec::new(), asked: 0 };
        let steps = steps.iter().flat_map(|step| match step {
            Step::Served => &SERVED[..],
            step => std::slice::from_ref(step),
        });
        for (number, step) in steps.enumerate() {
            play.world.settle().await;
            play.collect();
            if let Err(found) = play.step(*step).await {
                panic!("{name}: step {number}, {step:?}: {found}");
            }
        }
    });
}

fn text(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

impl Play {
    /// Takes what has come at the client's and the backends' ends.
    fn collect(&mut self) {
        self.received.extend(self.client.receive());
        while let Some((_, stream)) = self.world.net.accept() {
            self.backends.push((Vec::new(), stream));
        }
        for (got, stream) in &mut self.backends {
            got.extend(stream.receive());
        }
    }

    async fn step(&mut self, step: Step) -> Result<(), String> {
        match step {
            Step::Send(bytes) => self.client.send(bytes.as_bytes()),
            Step::SendMany(byte, count) => self.client.send(&vec![byte; count]),
            Step::ShutDown => self.client.shut_down(),
            Step::Room(room) => self.client.set_room(room),
            Step::Pass(milliseconds) => self.world.pass(Duration::from_millis(milliseconds)).await,
            Step::Leave => self.world.drain.leave(),
            Step::Drain => self.world.drain.start(),
            Step::Refuse(backend) => self.world.net.refuse(address(backend), true),
            Step::Accept(backend) => self.world.net.refuse(address(backend), false),
            Step::Answer(bytes) => self.last_asked()?.1.send(bytes.as_bytes()),
            Step::BackendCloses => {
                self.last_asked()?;
                self.backends.remove(self.asked);
            }
            Step::Asked(_) | Step::AskedExactly(_) | Step::NothingAsked | Step::InFlight(_) => {
                return self.at_the_backends(step);
            }
            _ => return self.at_the_client(step),
        }
        Ok(())
    }

    fn last_asked(&mut self) -> Result<&mut (Vec<u8>, MemoryStream), String> {
        self.backends.get_mut(self.asked).ok_or_else(|| "no backend was asked".into())
    }

    fn at_the_backends(&mut self, step: Step) -> Result<(), String> {
        if let Step::InFlight(expected) = step {
            let in_flight = self.world.in_flight();
            return if in_flight == expected { Ok(()) } else { Err(format!("{in_flight} are in flight")) };
        }
        let asked = self.backends.iter().position(|(got, _)| !got.is_empty());
        match (step, asked) {
            (Step::NothingAsked, None) => return Ok(()),
            (Step::NothingAsked, Some(place)) => {
                return Err(format!("a backend has got {}", text(&self.backends[place].0)));
            }
            (_, None) => return Err("no backend was asked".into()),
            (_, Some(place)) => self.asked = place,
        }
        let got = std::mem::take(&mut self.backends[self.asked].0);
        let as_expected = match step {
            Step::AskedExactly(expected) => got == expected.as_bytes(),
            Step::Asked(expected) => got.starts_with(expected.as_bytes()),
            _ => true,
        };
        if as_expected { Ok(()) } else { Err(format!("it has got {}", text(&got))) }
    }

    fn at_the_client(&mut self, step: Step) -> Result<(), String> {
        let met = match step {
            Step::Gets(status, body) => {
                let Some(end) = self.received.windows(4).position(|four| four == b"\r\n\r\n") else {
                    return Err(format!("there is no response but {}", text(&self.received)));
                };
                self.head = String::from_utf8_lossy(&self.received[..end + 2]).to_lowercase();
                let first = self.received[..end].split(|&byte| byte == b'\r').next().unwrap_or_default();
                let rest = &self.received[end + 4..];
                let met = first == status.as_bytes() && rest.starts_with(body.as_bytes());
                if met {
                    self.received.drain(..end + 4 + body.len());
                }
                met
            }
            Step::GetsExactly(bytes) if self.received == bytes.as_bytes() => {
                self.received.clear();
                true
            }
            Step::With(field) => self.head.contains(&format!("\r\n{field}\r\n")),
            Step::Without(name) => !self.head.contains(&format!("\r\n{name}:")),
            Step::Waits => self.received.is_empty() && !self.client.has_ended(),
            Step::Closed => self.received.is_empty() && self.client.has_ended() && !self.client.is_reset(),
            Step::Reset => self.client.is_reset(),
            _ => false,
        };
        if met {
            return Ok(());
        }
        let (ended, reset) = (self.client.has_ended(), self.client.is_reset());
        Err(format!("ended: {ended}, reset: {reset}, head: {:?}, more: {}", self.head, text(&self.received)))
    }
}
