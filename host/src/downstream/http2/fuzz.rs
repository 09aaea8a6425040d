//! Fuzz target of the frames: no cut changes what is seen of them, and it is what a plain reading of all of them says. `h2` finds no
//! request whose head wasn't seen.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use pointsman_core::clock::Moment;
use tokio::io::AsyncWriteExt;

use super::fault::GateFault;
use super::frame_kind::FrameKind;
use super::frames::{Frames, Owed};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];

/// A client's frames. The first byte says how they are cut, the second one how often they come, and whether SETTINGS come before.
pub(crate) fn frames(input: &[u8]) {
    let &[size, times, ref frames @ ..] = input else { return };
    let settings = if times & 1 == 0 { SETTINGS } else { &[] };
    // Floods are longer than inputs.
    let mut bytes = [PREFACE, settings].concat();
    bytes.extend(frames.repeat(1 << (times >> 1 & 7)));

    let (whole, fault) = follow(&bytes, usize::MAX);
    let (in_pieces, same_fault) = follow(&bytes, usize::from(size).max(1));
    assert_eq!(fault, same_fault, "in pieces of {size}");
    let plain = Plain::read(&bytes[PREFACE.len()..]);
    assert_eq!(fault, plain.fault, "read plainly");
    if fault.is_none() {
        assert_eq!(format!("{whole:?}"), format!("{in_pieces:?}"), "in pieces of {size}");
        assert_eq!(whole.is_within_frame(), plain.is_open, "whether a frame is open");
        let is_owed = matches!(whole.owed(), Owed::Rest(_));
        assert_eq!(is_owed, plain.is_owed, "whether something is owed");
        let requests = requests(&bytes);
        assert!(requests <= plain.heads, "{requests} requests of {} heads", plain.heads);
    }
}

/// What is seen of a connection, in pieces of at most `size`.
fn follow(bytes: &[u8], size: usize) -> (Frames, Option<GateFault>) {
    let mut frames = Frames::default();
    let fault = bytes.chunks(size.min(bytes.len())).find_map(|piece| frames.advance(piece, Moment(0)).err());
    (frames, fault)
}

/// The same, as one would read all of it at once.
#[derive(Default)]
struct Plain {
    fault: Option<GateFault>,
    is_open: bool,
    is_owed: bool,
    /// Header blocks that have ended.
    heads: usize,
}

impl Plain {
    fn read(mut bytes: &[u8]) -> Self {
        let mut plain = Self::default();
        let (mut is_first, mut idle, mut continuations) = (true, 0, None);
        while let [high, middle, low, kind, flags, _, _, _, _, rest @ ..] = bytes {
            let length = u32::from_be_bytes([0, *high, *middle, *low]) as usize;
            let kind = FrameKind::of(*kind);
            if is_first && (kind != FrameKind::Settings || flags & 1 != 0) {
                plain.fault = Some(GateFault::NoSettings);
                return plain;
            }
            match kind {
                FrameKind::Headers => continuations = Some(0),
                FrameKind::Continuation => continuations = Some(continuations.map_or(1, |before| before + 1)),
                FrameKind::Data if length > 0 || flags & 1 != 0 => {}
                _ => idle += 1,
            }
            if idle > 10_000 {
                plain.fault = Some(GateFault::Flood(kind));
                return plain;
            }
            if continuations > Some(256) {
                plain.fault = Some(GateFault::Continuations);
                return plain;
            }
            let is_block = matches!(kind, FrameKind::Headers | FrameKind::Continuation);
            let Some(next) = rest.get(length..) else {
                plain.is_open = true;
                plain.is_owed = !is_first && (kind != FrameKind::Data || continuations.is_some());
                return plain;
            };
            if is_block && flags & 4 != 0 {
                continuations = None;
                plain.heads += 1;
            }
            is_first = false;
            bytes = next;
        }
        plain.is_open = !bytes.is_empty() || continuations.is_some();
        plain.is_owed = !is_first && plain.is_open;
        plain
    }
}

/// How many requests `h2` finds.
fn requests(bytes: &[u8]) -> usize {
    let (mut client, server) = tokio::io::duplex(bytes.len());
    now(client.write_all(bytes)).expect("room for all").expect("a server");
    let Some(Ok(mut connection)) = now(h2::server::handshake(server)) else { return 0 };
    let mut requests: Vec<(_, h2::server::SendResponse<Bytes>)> = Vec::new();
    while let Some(Some(Ok(request))) = now(connection.accept()) {
        requests.push(request);
    }
    requests.len()
}

/// The output of a future that has nothing to wait for.
fn now<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}
