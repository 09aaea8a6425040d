use std::sync::Arc;
use std::time::Duration;

use pointsman_core::clock::{Clock, ClockHands};
use tokio::io::AsyncWrite;

use super::*;
use crate::config::DownstreamLimits;
use crate::downstream::Scheme;
use crate::testing::{MemoryStream, WakeCount};

const SETTINGS: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const PING: &[u8] = b"\0\0\x08\x06\0\0\0\0\0\0\0\0\0\0\0\0\0";

/// A gate, and the client before it.
struct World {
    gate: Gate,
    client: MemoryStream,
    oversight: Rc<Oversight>,
    deadlines: Deadlines,
    hands: ClockHands,
    wakes: Arc<WakeCount>,
}

impl World {
    fn new(already_read: &'static [u8]) -> Self {
        let (clock, hands) = Clock::manual();
        let deadlines = Deadlines::new(clock);
        let limits =
            DownstreamLimits { send_timeout: Duration::from_secs(20), ..DownstreamLimits::default() };
        let address = ([127, 0, 0, 1], 80).into();
        let connection = ClientConnection::new(
            address,
            address.into(),
            Scheme::Http,
            Arc::new(limits),
            Arc::new([]),
            Rc::default(),
            &deadlines,
        );
        let (server, client) = MemoryStream::pair();
        let gate = Gate::new(
            Stream::Memory(server),
            Rc::new(connection),
            deadlines.clone(),
            Bytes::from_static(already_read),
            Rc::default(),
        );
        let oversight = gate.oversight();
        Self { gate, client, oversight, deadlines, hands, wakes: Arc::default() }
    }

    /// A connection that has begun well.
    fn greeted() -> Self {
        let mut world = Self::new(SETTINGS);
        assert_eq!(world.read(), Some(SETTINGS.to_vec()));
        world
    }

    /// What passes; `None` = nothing for now.
    fn read(&mut self) -> Option<Vec<u8>> {
        let mut space = vec![0; 4096];
        let mut buf = ReadBuf::new(&mut space);
        let waker = self.wakes.waker();
        let read = Pin::new(&mut self.gate).poll_read(&mut Context::from_waker(&waker), &mut buf);
        match read {
            Poll::Ready(read) => {
                read.expect("no error");
                Some(buf.filled().to_vec())
            }
            Poll::Pending => {
                assert!(buf.filled().is_empty());
                None
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let waker = self.wakes.waker();
        let mut cx = Context::from_waker(&waker);
        let written = Pin::new(&mut self.gate).poll_write(&mut cx, bytes);
        if written.is_ready() {
            assert!(Pin::new(&mut self.gate).poll_flush(&mut cx).is_ready());
        }
        written
    }

    fn shut_down(&mut self) -> bool {
        let waker = self.wakes.waker();
        Pin::new(&mut self.gate).poll_shutdown(&mut Context::from_waker(&waker)).is_ready()
    }

    fn pass(&self, span: Duration) {
        for _ in 0..span.as_millis() / 50 {
            self.hands.advance(Duration::from_millis(50));
            self.deadlines.sweep();
        }
    }

    /// After a fault it is told, who serves is woken, and nothing else passes.
    fn check_fault(&mut self, fault: GateFault) {
        assert_eq!(self.oversight.fault(), Some(fault));
        assert!(self.wakes.get() > 0);
        self.client.send(PING);
        assert_eq!(self.read(), None);
    }
}

#[test]
fn what_was_read_before_comes_first() {
    for cut in 0..SETTINGS.len() {
        let mut world = World::new(&SETTINGS[..cut]);
        world.client.send(&SETTINGS[cut..]);
        world.client.send(PING);
        let mut passed = Vec::new();
        while let Some(bytes) = world.read() {
            passed.extend(bytes);
        }
        assert_eq!(passed, [SETTINGS, PING].concat());
        assert!(!world.gate.frames.is_within_frame() && world.oversight.fault().is_none());
        world.pass(Duration::from_secs(100));
        assert_eq!(world.read(), None);
        assert_eq!(world.oversight.fault(), None, "it has nothing to send");
    }
}

#[test]
fn a_greeting_has_its_time() {
    for cut in 0..SETTINGS.len() {
        let mut world = World::new(b"");
        assert_eq!(world.read(), None);
        world.client.send(&SETTINGS[..cut]);
        if cut > 0 {
            assert!(world.read().is_some());
        }
        for _ in 0..2 {
            world.pass(Duration::from_millis(4_900));
            assert_eq!((world.read(), world.oversight.fault()), (None, None));
        }
        world.pass(Duration::from_millis(300));
        assert!(world.wakes.get() > 0);
        assert_eq!(world.read(), None);
        world.check_fault(GateFault::PrefaceTimeout);
    }
}

#[test]
fn a_header_block_has_its_time_however_it_drips() {
    let mut world = World::greeted();
    let drip = |world: &mut World, bytes: &[u8]| {
        world.client.send(bytes);
        assert!(world.read().is_some());
        world.pass(Duration::from_secs(3));
        assert_eq!((world.read(), world.oversight.fault()), (None, None));
        assert!(world.gate.frames.is_within_frame());
    };
    drip(&mut world, b"\0\0\x02");
    drip(&mut world, b"\x01\0\0\0\0\x01a");
    drip(&mut world, b"b");
    world.client.send(b"\0\0\0\x09\0\0\0\0\x01");
    world.pass(Duration::from_millis(1_200));
    assert!(world.read().is_some(), "what is there counts");
    assert_eq!(world.read(), None);
    world.check_fault(GateFault::HeaderTimeout);
}

#[test]
fn each_frame_has_its_own_time_and_a_body_has_others() {
    let mut world = World::greeted();
    for _ in 0..3 {
        for piece in PING.chunks(8) {
            world.client.send(piece);
            assert!(world.read().is_some());
            world.pass(Duration::from_secs(4));
            assert_eq!((world.read(), world.oversight.fault()), (None, None));
        }
    }
    world.client.send(b"\0\0\x02\0\0\0\0\0\x01a");
    assert!(world.read().is_some());
    world.pass(Duration::from_secs(100));
    assert_eq!((world.read(), world.oversight.fault()), (None, None));
    assert!(world.gate.frames.is_within_frame());
}

#[test]
fn a_flood_ends_where_it_goes_too_far() {
    let mut world = World::greeted();
    let mut passed = 0;
    for _ in 0..400 {
        world.client.send(&PING.repeat(100));
        while let Some(bytes) = world.read() {
            passed += bytes.len();
        }
        if world.oversight.fault().is_some() {
            break;
        }
    }
    assert!((9_000 * PING.len()..10_000 * PING.len()).contains(&passed), "{passed}");
    world.check_fault(GateFault::Flood(crate::downstream::http2::frame_kind::FrameKind::Ping));
    // What says so still goes out.
    assert!(matches!(world.write(b"GOAWAY"), Poll::Ready(Ok(6))));
    assert_eq!(world.client.receive(), b"GOAWAY");
}

#[test]
fn a_client_that_takes_nothing_is_gone_after_a_while() {
    let mut world = World::greeted();
    world.client.set_room(4);
    assert!(matches!(world.write(b"abcd"), Poll::Ready(Ok(4))));
    // Within the grace of `min_send_rate`, each time all was taken before.
    for _ in 0..3 {
        assert!(world.write(b"efgh").is_pending() && world.gate.sending.pace.is_waiting());
        world.pass(Duration::from_secs(9));
        assert!(world.write(b"efgh").is_pending());
        world.client.receive();
        assert!(matches!(world.write(b"efgh"), Poll::Ready(Ok(4))));
        assert!(!world.gate.sending.pace.is_waiting());
    }
    let mut check_end = |seconds: u64| {
        assert!(world.write(b"ijkl").is_pending());
        world.pass(Duration::from_secs(seconds - 1));
        assert!(world.write(b"ijkl").is_pending());
        let woken = world.wakes.get();
        world.pass(Duration::from_secs(2));
        assert!(world.wakes.get() > woken);
        let Poll::Ready(Err(error)) = world.write(b"ijkl") else { panic!("still waiting") };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        world.client.set_room(1 << 20);
        world.client.receive();
        assert!(matches!(world.write(&[0; 100_000]), Poll::Ready(Ok(100_000))));
        world.client.set_room(4);
    };
    check_end(10);
    // Once it has taken a lot it may be silent for `send_timeout`, and not longer.
    check_end(20);
    check_end(20);
}

#[test]
fn the_end_is_told_and_what_still_comes_is_taken_in() {
    let mut world = World::greeted();
    world.client.send(&PING.repeat(1_000));
    assert!(!world.shut_down());
    let World { client, .. } = &world;
    client.send(PING);
    client.shut_down();
    assert!(world.shut_down());
    let World { gate, client, .. } = world;
    drop(gate);
    assert!(!client.is_reset());

    let mut world = World::greeted();
    assert!(!world.shut_down());
    world.pass(Duration::from_millis(1_100));
    assert!(world.shut_down(), "a client that stays is left");

    let mut world = World::greeted();
    world.client.send(&vec![0; 300_000]);
    assert!(world.shut_down(), "nor is everything taken in");
}
