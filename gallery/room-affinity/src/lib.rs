//! All who meet in a room reach one bridge, as with Jitsi Meet: the room is the query's `room`, or else the first part of the path.
//!
//! `/Standup`, `/standup/`, `/http-bind?room=standup` and `/xmpp-websocket?room=standup` are one room: names are decoded, and their case
//! doesn't matter. When a bridge leaves, only its rooms move. Requests without a room go to the fallback. Configuration: none.

use pointsman_sdk::prelude::*;

/// The policy.
#[derive(Debug)]
pub struct RoomAffinity {
    bridges: Rendezvous,
}

impl Policy for RoomAffinity {
    type Config = ();

    fn new(_: (), backends: &Backends) -> Result<Self, Error> {
        Ok(Self { bridges: Rendezvous::new(backends) })
    }

    fn topology(&mut self, backends: &Backends) {
        self.bridges = Rendezvous::new(backends);
    }

    fn pick(&mut self, request: &Request, _: &Backends) -> Verdict {
        room(request).and_then(|room| self.bridges.pick(&room, request)).into()
    }
}

fn room(request: &Request) -> Option<String> {
    let in_path = || request.path().split('/').find(|part| !part.is_empty()).map(percent_decoded);
    let named = request.parameter("room").filter(|room| !room.is_empty()).or_else(in_path)?;
    Some(named.to_lowercase())
}

export_policy!(RoomAffinity);
