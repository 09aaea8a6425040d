//! How long connections wait that are about to end, or that others could take the place of.

use std::time::Duration;

use pointsman_core::clock::{Clock, Moment};

use crate::downstream::Keepalive;
use crate::listener::Awaited;

/// How long a connection that is about to end waits for a request: one may be on its way. Closing at once would lose
/// it, and the client couldn't know whether it was served.
pub(super) const LATE_GRACE: Duration = Duration::from_secs(1);

/// A connection that hasn't sent anything yet isn't closed to make room this long: its request may be on its way, and in a
/// crowd of clients that come together many take seconds to send it.
pub(super) const FIRST_GRACE: Duration = Duration::from_secs(5);

/// The same for one that has had a response: a bit longer than it takes to park, so that the one which was idle the longest is
/// among those that are parked.
const NEXT_GRACE: Duration = Duration::from_millis(450);

/// From when on an idle connection may be closed to make room.
pub(super) fn closable_from(keepalive: &Keepalive, awaited: Awaited, clock: Clock) -> Moment {
    match awaited {
        Awaited::First => clock.now().after(FIRST_GRACE),
        Awaited::Next => keepalive.last_used().after(NEXT_GRACE),
    }
}
