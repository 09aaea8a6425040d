//! What the keys of a limit have used, in a table of fixed size.
//!
//! A key may stand in any of the [`WINDOW`] places from the one that its hash names on. A place whose key is idle is as good as a free
//! one, as nothing is known of an idle key that isn't known of a new one: so nothing has to be swept out, and a search takes a bounded
//! time whoever fills the table. If no place of a window is free or idle, the key nearest to that gives way: it has used the least of its
//! rate, and one that uses much of it keeps its place. Keys with running requests never give way; a key that finds nothing but those
//! shares a place with others of its kind.
//!
//! The memory is that of untouched pages until keys come.

use std::hash::RandomState;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::quota::{Exceeded, Quota, Used};
use super::settings::LimitSettings;
use crate::clock::Moment;

/// Places in which a key may stand.
const WINDOW: usize = 32;

/// Most parts that are locked apart.
const MOST_STRIPES: usize = 64;

/// Least places of a part: with fewer some would be full long before others.
const STRIPE_PLACES: usize = 1024;

/// Places for each key that may be active: in a table that is full to the half, windows are nearly never full.
const PLACES_PER_KEY: usize = 2;

/// One place: the hash of its key (0 = it never had one), and the two numbers of [`Used`]. An array, as the system gives zeroed memory of
/// numbers without touching it.
type Place = [u64; 3];

/// What the keys of a limit have used.
#[derive(Debug)]
pub struct KeyTable {
    hasher: RandomState,
    stripes: Box<[Stripe]>,
    keys: AtomicUsize,
}

/// A part that is locked by itself, on a cache line of its own.
#[derive(Debug)]
#[repr(align(64))]
struct Stripe(Mutex<Places>);

#[derive(Debug)]
struct Places {
    own: Vec<Place>,
    /// For keys that find none.
    shared: Place,
}

/// Which place it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    stripe: u32,
    /// `None` = the shared one.
    place: Option<u32>,
}

/// What a request has taken, and of whom.
#[derive(Debug, Clone, Copy)]
pub(super) struct TakenPlace {
    hash: u64,
    position: Position,
}

/// What came of a request's wish.
#[derive(Debug)]
pub(super) enum Taken {
    Place(TakenPlace),
    Nothing(Exceeded),
}

/// Whether there was a place for a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// It had one, or there was an idle one.
    Enough,
    /// Another key had to give way.
    Forgot,
    /// There was none.
    Shared,
}

impl Room {
    pub(super) fn is_short(self) -> bool {
        self != Self::Enough
    }
}

impl KeyTable {
    /// An empty table for a limit.
    #[must_use]
    pub fn new(settings: &LimitSettings) -> Self {
        let places = if settings.key.is_one() { 1 } else { settings.max_keys * PLACES_PER_KEY };
        let stripes = (places / STRIPE_PLACES).clamp(1, MOST_STRIPES);
        let stripe =
            |_| Stripe(Mutex::new(Places { own: vec![[0; 3]; places.div_ceil(stripes)], shared: [0; 3] }));
        Self {
            hasher: RandomState::new(),
            stripes: (0..stripes).map(stripe).collect(),
            keys: AtomicUsize::new(0),
        }
    }

    /// What its keys are hashed with: seeded by the system, so that nobody can choose keys that meet in a window.
    pub(super) fn hasher(&self) -> &RandomState {
        &self.hasher
    }

    /// Places that have a key.
    pub(super) fn keys(&self) -> usize {
        self.keys.load(Relaxed)
    }

    /// All places.
    pub(super) fn places(&self) -> usize {
        self.stripes.iter().map(|stripe| stripe.lock().own.len()).sum()
    }

    /// Takes what a request of this key needs.
    pub(super) fn take(&self, hash: u64, quota: &Quota, now: Moment) -> (Taken, Room) {
        // A clock of µs; see `Quota`.
        let now = now.0.saturating_mul(1_000);
        // 0 means that there is no key.
        let hash = hash.max(1);
        // The upper bits choose the part, so that the lower ones are as good in each.
        let stripe = ((hash >> 32) as usize) % self.stripes.len();
        let Some(part) = self.stripes.get(stripe) else {
            return (Taken::Nothing(Exceeded::Concurrency), Room::Enough);
        };
        let mut places = part.lock();
        let (place, room, is_first) = places.find(hash, now);
        if is_first {
            self.keys.fetch_add(1, Relaxed);
        }
        let position = Position { stripe: stripe as u32, place };
        let taken = places.with(position, |place| {
            let mut used = Used { ahead_until: place[1], running: place[2] };
            let taken = quota.take(&mut used, now);
            *place = [place[0], used.ahead_until, used.running];
            taken
        });
        drop(places);
        let taken = match taken {
            Ok(()) => Taken::Place(TakenPlace { hash, position }),
            Err(exceeded) => Taken::Nothing(exceeded),
        };
        (taken, room)
    }

    /// A request of this place has ended.
    fn end(&self, taken: TakenPlace) {
        self.change(taken, |place| place[2] = place[2].saturating_sub(1));
    }

    /// A request goes no further for another reason: it takes nothing in the end.
    pub(super) fn give_back(&self, hold: Hold, quota: &Quota) {
        let taken = hold.taken;
        self.change(taken, |place| {
            // Another key may have the place by now.
            if place[0] == taken.hash || taken.position.place.is_none() {
                place[1] = place[1].saturating_sub(quota.interval());
            }
        });
    }

    fn change(&self, taken: TakenPlace, change: impl FnOnce(&mut Place)) {
        if let Some(stripe) = self.stripes.get(taken.position.stripe as usize) {
            stripe.lock().with(taken.position, change);
        }
    }
}

impl Stripe {
    fn lock(&self) -> MutexGuard<'_, Places> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Places {
    /// The place of a key, which it is given if it has none; whether there was room; and whether the place never had a key.
    fn find(&mut self, hash: u64, now: u64) -> (Option<u32>, Room, bool) {
        let count = self.own.len();
        let first = (hash as u32 as usize) % count;
        let mut idle = None;
        let mut nearest: Option<(u64, usize)> = None;
        for step in 0..WINDOW.min(count) {
            let at = if first + step < count { first + step } else { first + step - count };
            let [key, ahead_until, running] = self.own[at];
            if key == hash {
                return (Some(at as u32), Room::Enough, false);
            }
            if (Used { ahead_until, running }).is_idle(now) {
                idle.get_or_insert(at);
                if key == 0 {
                    // No key ever went past this place.
                    break;
                }
            } else if running == 0 && nearest.is_none_or(|(soonest, _)| ahead_until < soonest) {
                nearest = Some((ahead_until, at));
            }
        }
        let (at, room) = match (idle, nearest) {
            (Some(at), _) => (at, Room::Enough),
            (None, Some((_, at))) => (at, Room::Forgot),
            (None, None) => return (None, Room::Shared, false),
        };
        let is_first = self.own[at][0] == 0;
        self.own[at] = [hash, 0, 0];
        (Some(at as u32), room, is_first)
    }

    fn with<R>(&mut self, position: Position, act: impl FnOnce(&mut Place) -> R) -> R {
        let place = position.place.and_then(|place| self.own.get_mut(place as usize));
        act(place.unwrap_or(&mut self.shared))
    }
}

/// What a request has taken of a limit. Dropping it says that the request has ended.
#[derive(Debug)]
pub struct Hold {
    /// `None` = it took no more than its share of the rate.
    running: Option<Arc<KeyTable>>,
    taken: TakenPlace,
}

impl Hold {
    pub(super) fn new(table: &Arc<KeyTable>, taken: TakenPlace, quota: &Quota) -> Self {
        Self { running: quota.counts_running().then(|| Arc::clone(table)), taken }
    }

    /// Whether something has to be given back at the end of the request.
    #[must_use]
    pub fn lasts(&self) -> bool {
        self.running.is_some()
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if let Some(table) = &self.running {
            table.end(self.taken);
        }
    }
}
