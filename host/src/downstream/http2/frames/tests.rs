use std::rc::Rc;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

const GREETING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A frame of this kind with a payload of zeros.
fn frame(kind: u8, flags: u8, length: usize) -> Vec<u8> {
    let [_, high, middle, low] = (length as u32).to_be_bytes();
    [&[high, middle, low, kind, flags, 0, 0, 0, 1][..], &vec![0; length]].concat()
}

/// What every client begins with.
fn greeting() -> Vec<u8> {
    [GREETING, &frame(4, 0, 6)].concat()
}

fn greeted() -> Frames {
    let mut frames = Frames::default();
    frames.advance(&greeting(), Moment(0)).expect("a greeting");
    frames
}

#[test]
fn streams_that_end_with_a_long_block_are_told() {
    const BLOCK: usize = 160;
    let blocks = Rc::new(LongBlocks::new(512, 256));
    let mut frames = Frames::of_client(Rc::clone(&blocks));
    frames.advance(GREETING, Moment(0)).expect("a preface");
    frames.advance(&frame(4, 0, 6), Moment(0)).expect("settings");
    let of = |stream: u8, mut bytes: Vec<u8>| {
        bytes[8] = stream;
        bytes
    };
    for bytes in [
        // As long as five eighths of the difference, or a byte less, in one frame or more, at the end of a stream or before.
        of(1, frame(1, END_HEADERS | END_STREAM, BLOCK)),
        of(3, frame(1, END_HEADERS | END_STREAM, BLOCK - 1)),
        of(5, frame(1, END_HEADERS, BLOCK)),
        of(7, frame(1, END_STREAM, BLOCK - 20)),
        of(7, frame(9, 0, 10)),
        of(7, frame(9, END_HEADERS, 10)),
        of(9, frame(1, END_STREAM, 10)),
        of(9, frame(9, END_HEADERS, 10)),
    ] {
        frames.advance(&bytes, Moment(0)).expect("frames");
    }
    let told: Vec<u32> = (0..12).filter(|stream| blocks.has(*stream)).collect();
    assert_eq!(told, [1, 7]);
    for _ in 0..300 {
        frames.advance(&of(11, frame(1, END_HEADERS | END_STREAM, BLOCK)), Moment(0)).expect("frames");
    }
    assert!(blocks.has(11) && !blocks.has(1), "what is remembered is bounded");
}

#[test]
fn what_is_owed_is_known_after_each_byte() {
    // Frames, and what is owed once their heads and once their last bytes have come.
    let rest = |ended| Owed::Rest(ended);
    let connection = [
        (frame(4, 0, 6), Owed::Greeting, Owed::Nothing),
        (frame(8, 0, 4), rest(1), Owed::Nothing),
        (frame(1, END_HEADERS | END_STREAM, 20), rest(2), Owed::Nothing),
        (frame(1, 0, 20), rest(3), rest(3)),
        (frame(9, 0, 20), rest(3), rest(3)),
        (frame(9, 0, 0), rest(3), rest(3)),
        (frame(9, END_HEADERS, 20), rest(3), Owed::Nothing),
        (frame(0, 0, 40), Owed::Nothing, Owed::Nothing),
        (frame(0, END_STREAM, 0), Owed::Nothing, Owed::Nothing),
        (frame(1, END_HEADERS, 0), Owed::Nothing, Owed::Nothing),
        (frame(1, 0, 0), rest(7), rest(7)),
        (frame(9, END_HEADERS, 0), Owed::Nothing, Owed::Nothing),
        (frame(4, ACK, 0), Owed::Nothing, Owed::Nothing),
        (frame(0x7f, 0xff, 300), rest(9), Owed::Nothing),
        (frame(6, 0, 8), rest(10), Owed::Nothing),
    ];
    let mut frames = Frames::default();
    for byte in GREETING {
        assert_eq!(frames.owed(), Owed::Greeting);
        assert!(frames.is_within_frame());
        frames.advance(&[*byte], Moment(0)).expect("a preface");
    }
    let mut before = Owed::Greeting;
    for (index, (bytes, after_head, after)) in connection.iter().enumerate() {
        for (at, byte) in bytes.iter().enumerate() {
            frames.advance(&[*byte], Moment(0)).expect("frames");
            let expected = match at + 1 {
                end if end == bytes.len() => *after,
                0..HEAD if before == Owed::Nothing => rest(frames.ended),
                0..HEAD => before,
                _ => *after_head,
            };
            assert_eq!(frames.owed(), expected, "after byte {at} of frame {index}");
            let is_open = at + 1 < bytes.len() || expected != Owed::Nothing;
            assert_eq!(frames.is_within_frame(), is_open, "after byte {at} of frame {index}");
        }
        before = *after;
    }
}

#[test]
fn the_first_frame_is_settings() {
    for kind in 0..=10 {
        for flags in [0, ACK] {
            let bytes = [GREETING, &frame(kind, flags, 0)].concat();
            let expected = if (kind, flags) == (4, 0) { Ok(()) } else { Err(GateFault::NoSettings) };
            assert_eq!(Frames::default().advance(&bytes, Moment(0)), expected, "{kind} {flags}");
        }
    }
}

#[test]
fn frames_that_move_nothing_run_out() {
    use FrameKind::*;
    for (bytes, kind) in [
        (frame(0, 0, 0), Some(Data)),
        (frame(2, 0, 5), Some(Priority)),
        (frame(3, 0, 4), Some(Reset)),
        (frame(4, 0, 0), Some(Settings)),
        (frame(4, ACK, 0), Some(Settings)),
        (frame(5, 0, 0), Some(Other)),
        (frame(6, 0, 8), Some(Ping)),
        (frame(6, ACK, 8), Some(Ping)),
        (frame(7, 0, 8), Some(Other)),
        (frame(8, 0, 4), Some(WindowUpdate)),
        (frame(0x10, 0, 0), Some(Other)),
        (frame(0, END_STREAM, 0), None),
        (frame(0, 0, 1), None),
        (frame(1, END_HEADERS, 1), None),
    ] {
        let mut frames = greeted();
        let mut send = |count, seconds| {
            let now = Moment(0).after(Duration::from_secs(seconds));
            (0..count).find_map(|_| frames.advance(&bytes, now).err())
        };
        // SETTINGS came with the greeting.
        assert_eq!(send(9_999, 0), None, "{kind:?}");
        assert_eq!(send(1_000, 1), None, "{kind:?}");
        assert_eq!(send(1, 1), kind.map(GateFault::Flood));
        assert_eq!(send(1, 2), None, "{kind:?}");
    }
}

#[test]
fn who_takes_much_may_acknowledge_it_often() {
    let mut frames = greeted();
    let [update, probe] = [frame(8, 0, 4), frame(6, 0, 8)];
    for _ in 0..20_000 {
        // One response of gRPC: a head, a message and trailers; then its window twice, and a probe.
        frames.sent(96);
        for bytes in [&update, &update, &probe] {
            frames.advance(bytes, Moment(0)).expect("is allowed");
        }
    }
    // An answer to PING is no reason for the next one.
    let fault = (0..30_000).find_map(|_| {
        frames.sent(17);
        frames.advance(&probe, Moment(0)).err()
    });
    assert_eq!(fault, Some(GateFault::Flood(FrameKind::Ping)));
}

#[test]
fn a_header_block_has_an_end() {
    let mut frames = greeted();
    frames.advance(&frame(1, 0, 1), Moment(0)).expect("a head");
    for _ in 0..256 {
        frames.advance(&frame(9, 0, 0), Moment(0)).expect("is allowed");
    }
    assert_eq!(frames.advance(&frame(9, END_HEADERS, 1), Moment(0)), Err(GateFault::Continuations));
    // Each block anew.
    let mut frames = greeted();
    for _ in 0..1_000 {
        for bytes in [frame(1, 0, 1), frame(9, 0, 1), frame(9, END_HEADERS, 1)] {
            frames.advance(&bytes, Moment(0)).expect("is allowed");
        }
    }
}

#[test]
fn a_fault_says_how_it_is_told() {
    use h2::Reason;
    for (fault, label, reason) in [
        (GateFault::NoSettings, "no-settings", Reason::PROTOCOL_ERROR),
        (GateFault::PrefaceTimeout, "preface-timeout", Reason::ENHANCE_YOUR_CALM),
        (GateFault::Flood(FrameKind::Ping), "ping-flood", Reason::ENHANCE_YOUR_CALM),
    ] {
        assert_eq!((fault.label(), fault.reason()), (label, reason));
    }
}

proptest! {
    #[test]
    fn no_cut_changes_anything(
        heads in prop::collection::vec((0_u8..11, 0_u8..6, 0_usize..30), 0..12),
        size in 1_usize..40,
    ) {
        let mut bytes = greeting();
        for (kind, flags, length) in heads {
            bytes.extend(frame(kind, flags, length));
        }
        let mut whole = Frames::default();
        whole.advance(&bytes, Moment(0)).expect("few frames");
        let mut in_pieces = Frames::default();
        for piece in bytes.chunks(size) {
            in_pieces.advance(piece, Moment(0)).expect("few frames");
        }
        prop_assert_eq!(format!("{whole:?}"), format!("{in_pieces:?}"));
        for cut in 0..bytes.len() {
            let mut cut_once = Frames::default();
            cut_once.advance(&bytes[..cut], Moment(0)).expect("few frames");
            cut_once.advance(&bytes[cut..], Moment(0)).expect("few frames");
            prop_assert_eq!(format!("{cut_once:?}"), format!("{whole:?}"), "cut at {}", cut);
        }
    }
}
