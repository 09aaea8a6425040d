//! Connections that end for their frames.

use std::time::Duration;

use super::super::world::{Limits, World, run};
use super::frames::{self, END_STREAM, GOAWAY, HEADERS, PREFACE, WINDOW_UPDATE, frame, take_frames};
use crate::testing::MemoryStream;

const PING: u8 = 6;

/// The reason of the GOAWAY that is the last that a client gets.
fn last_word(client: &MemoryStream) -> Option<u32> {
    let mut received = client.receive();
    take_frames(&mut received).pop().filter(|frame| frame.kind == GOAWAY).and_then(|frame| frame.reason())
}

#[test]
fn a_beginning_and_a_head_have_their_time() {
    run(async {
        for (sent, reason) in [
            (PREFACE[..23].to_vec(), None),
            (PREFACE[..24].to_vec(), Some(11)),
            ([PREFACE, &frame(HEADERS, END_STREAM, 1, &[0x82])].concat(), Some(11)),
            ([PREFACE, &frames::get(1)[..20]].concat(), Some(11)),
        ] {
            let world = World::new(Limits::one_backend());
            let client = world.connect();
            client.send(&sent);
            world.pass(Duration::from_secs(9)).await;
            assert!(!client.has_ended(), "{sent:?}");
            world.pass(Duration::from_secs(2)).await;
            assert!(client.has_ended(), "{sent:?}");
            assert_eq!(last_word(&client), reason, "{sent:?}");
            // A client that stays is left.
            world.pass(Duration::from_secs(2)).await;
            assert_eq!(world.drain.connections(), 0, "{sent:?}");
        }
    });
}

#[test]
fn a_flood_ends_its_connection_only() {
    run(async {
        for flood in [frame(PING, 0, 0, &[0; 8]), frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1])] {
            let world = World::new(Limits::one_backend());
            let (client, other) = (world.connect(), world.connect());
            other.send(PREFACE);
            client.send(PREFACE);
            for round in 0..400 {
                client.send(&flood.repeat(100));
                world.settle().await;
                if client.has_ended() {
                    assert!(round > 90, "{round}");
                    break;
                }
                client.receive();
            }
            assert_eq!(last_word(&client), Some(11));
            other.send(&frames::get(1));
            world.settle().await;
            assert!(world.net.accept().is_some());
        }
    });
}

#[test]
fn another_frame_than_settings_is_no_beginning() {
    run(async {
        let world = World::new(Limits::one_backend());
        let client = world.connect();
        client.send(&[&PREFACE[..24], &frames::get(1)].concat());
        world.settle().await;
        assert_eq!(last_word(&client), Some(1));
        assert!(world.net.accept().is_none());
    });
}
