//! Limits of how often, and how many at a time, requests may come that have something in common: a client, an API key, a host.
//!
//! All workers share the state of a limit. A key costs one place in a table of fixed size ([`KeyTable`]), whatever clients send.

mod counts;
mod key;
mod quota;
mod settings;
mod table;

use std::sync::Arc;

pub use counts::{ByReason, LimitCounts};
pub use key::{ClientPrefix, KeyPart, LimitKey, MissingKey};
pub use quota::{Exceeded, Quota, Rate};
pub use settings::LimitSettings;
pub use table::{Hold, KeyTable};

use crate::clock::Moment;
use crate::reminder::Reminder;
use crate::request::RequestHead;
use crate::route::PathNormalization;
use table::Taken;

/// Most limits of one route.
pub const MOST_OF_ROUTE: usize = 8;

/// A limit that serves.
#[derive(Debug)]
pub struct RequestLimit {
    /// What it is called.
    pub name: Arc<str>,
    /// What is configured of it.
    pub settings: LimitSettings,
    quota: Quota,
    table: Arc<KeyTable>,
    /// What it has counted.
    pub counts: Arc<LimitCounts>,
    /// Of keys that gave way although they weren't idle.
    reminder: Arc<Reminder>,
}

/// What a limit says of a request.
#[derive(Debug)]
pub enum Admission {
    /// It may go on, and takes nothing.
    Free,
    /// It may go on, and has taken this, which is to be given back: at the end of the request what it takes of the number at a time, and
    /// if the request goes no further for another reason, all of it.
    Held(Hold),
    /// It goes no further.
    Refused(Exceeded),
}

impl RequestLimit {
    /// A limit of which nothing is used.
    #[must_use]
    pub fn new(name: &str, settings: LimitSettings) -> Self {
        let table = Arc::new(KeyTable::new(&settings));
        Self::with(name, settings, table, Arc::default(), Arc::default())
    }

    /// A limit in place of one with the same name: counts go on, and so does what keys have used if the keys are the same.
    #[must_use]
    pub fn after(name: &str, settings: LimitSettings, old: &Self) -> Self {
        let table = if settings.has_keys_of(&old.settings) {
            Arc::clone(&old.table)
        } else {
            Arc::new(KeyTable::new(&settings))
        };
        Self::with(name, settings, table, Arc::clone(&old.counts), Arc::clone(&old.reminder))
    }

    fn with(
        name: &str,
        settings: LimitSettings,
        table: Arc<KeyTable>,
        counts: Arc<LimitCounts>,
        reminder: Arc<Reminder>,
    ) -> Self {
        let quota = Quota::new(settings.rate, settings.concurrency);
        Self { name: name.into(), settings, quota, table, counts, reminder }
    }

    /// Takes what a request needs, or says why there is none. `normalization` says how paths are compared.
    #[must_use]
    pub fn admit(&self, head: &RequestHead, normalization: PathNormalization, now: Moment) -> Admission {
        let Some(hash) = self.settings.key.hash(head, normalization, self.table.hasher()) else {
            return Admission::Free;
        };
        let (taken, room) = self.table.take(hash, &self.quota, now);
        if room.is_short() {
            self.say_full(room, now);
        }
        match taken {
            Taken::Place(place) => Admission::Held(Hold::new(&self.table, place, &self.quota)),
            Taken::Nothing(exceeded) if self.settings.dry_run => {
                self.counts.would_limit(exceeded);
                Admission::Free
            }
            Taken::Nothing(exceeded) => {
                self.counts.limit(exceeded);
                Admission::Refused(exceeded)
            }
        }
    }

    /// A request goes no further for another reason than this limit: it is as if it hadn't come.
    pub fn give_back(&self, hold: Hold) {
        self.table.give_back(hold, &self.quota);
    }

    /// Keys that have a place, those that are idle by now included: they keep it until it is needed.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.table.keys()
    }

    /// Keys that there are places for.
    #[must_use]
    pub fn most_keys(&self) -> usize {
        self.table.places()
    }

    #[cold]
    fn say_full(&self, room: table::Room, now: Moment) {
        self.counts.fall_short(room);
        if let Some(times) = self.reminder.count(now) {
            tracing::warn!(
                event = "limit-keys-full",
                limit = &*self.name,
                times,
                "more keys are active than limit {} has places for: those that have used the least of it start anew, or share one",
                self.name
            );
        }
    }
}

#[cfg(test)]
mod tests;
