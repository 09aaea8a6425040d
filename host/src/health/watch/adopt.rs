//! The backends of a pool change, and what is known of them doesn't get lost.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use super::Watch;
use crate::backend::Backend;
use crate::clock::Moment;
use crate::health::check::Checked;
use crate::health::watched::{Arrival, Watched};
use crate::topology::{Health, Topology};

impl Watch {
    /// Sees whether somebody else has changed the topology.
    pub(super) fn look(&mut self, now: Moment, random: &mut impl FnMut() -> f64) {
        if self.pool.topology_generation() == self.known {
            return;
        }
        let topology = self.pool.topology();
        if self.is_of_ours(topology.backends().iter()) {
            self.known = topology.generation();
            self.changed = true;
            self.note_panic(&topology);
        } else {
            self.adopt(&topology, now, random);
        }
    }

    /// Whether these are the backends under watch, in their places.
    pub(super) fn is_of_ours<'a>(&self, backends: impl ExactSizeIterator<Item = &'a Arc<Backend>>) -> bool {
        let same = |(ours, theirs): (&Watched, &Arc<Backend>)| Arc::ptr_eq(&ours.backend, theirs);
        self.backends.len() == backends.len() && self.backends.iter().zip(backends).all(same)
    }

    /// Watches over the backends of this topology from now on. What is known of one stays known as long as it keeps name
    /// and address.
    pub(super) fn adopt(&mut self, topology: &Topology, now: Moment, random: &mut impl FnMut() -> f64) {
        let due: HashMap<u64, Moment> = self.due.drain().map(|Reverse((at, _, id))| (id, at)).collect();
        let key = |backend: &Backend| (backend.name.clone(), backend.address);
        let known = std::mem::take(&mut self.backends).into_iter();
        let mut known: HashMap<_, _> = known.map(|watched| (key(&watched.backend), watched)).collect();
        let serves = |watched: &Watched| watched.health() == Health::Up;
        let stays = |backend: &Arc<Backend>| known.get(&key(backend)).is_some_and(serves);
        let arrival = if topology.backends().iter().any(stays) { Arrival::Later } else { Arrival::WithPool };
        let mut beginners = Vec::new();
        for (place, backend) in topology.backends().iter().enumerate() {
            let old = known.remove(&key(backend));
            let was_checked = old.as_ref().is_some_and(|watched| watched.checked().is_some());
            let mut watched = old.unwrap_or_else(|| {
                Watched::new(self.new_id(), Arc::clone(backend), arrival, &self.settings, now)
            });
            watched.adapt(backend, &self.settings, now);
            match (&self.settings.config.check, watched.checked()) {
                (Some(_), Some(checked)) if !was_checked => beginners.push((place, watched.id, checked)),
                (Some(_), Some(_)) => {
                    // One that is being checked gets its next turn when that ends.
                    if let Some(at) = due.get(&watched.id) {
                        self.due.push(Reverse((*at, place, watched.id)));
                    }
                }
                // A check that is still under way shall not come in for it.
                _ => watched.id = self.new_id(),
            }
            self.backends.push(watched);
        }
        self.spread(&beginners, now, random);
        self.known = topology.generation();
        self.changed = true;
        self.note_panic(topology);
    }

    /// Spreads the first checks of these backends, by their places and ids, evenly over their period.
    fn spread(&mut self, beginners: &[(usize, u64, Checked)], now: Moment, random: &mut impl FnMut() -> f64) {
        let Some(check) = &self.settings.config.check else { return };
        for (turn, (place, id, checked)) in beginners.iter().enumerate() {
            let part = (turn as f64 + random()) / beginners.len() as f64;
            self.due.push(Reverse((checked.first(now, check, part), *place, *id)));
        }
    }

    fn new_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }
}
