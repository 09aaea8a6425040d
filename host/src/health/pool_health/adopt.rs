//! A pool's backends change: the state of those that stay is kept.

use std::collections::HashMap;
use std::sync::Arc;

use pointsman_core::backend::Backend;
use pointsman_core::clock::Moment;
use pointsman_core::topology::{Health, Topology};

use super::PoolHealth;
use crate::health::backend_health::{Arrival, BackendHealth};
use crate::health::check_schedule::PlannedCheck;
use crate::health::check_state::CheckState;

impl PoolHealth {
    /// Adopts the pool's topology if something else has changed it.
    pub(super) fn scan(&mut self, now: Moment, random: &mut impl FnMut() -> f64) {
        if self.pool.topology_generation() == self.known {
            return;
        }
        let topology = self.pool.topology();
        if self.has_these(topology.backends().iter()) {
            self.known = topology.generation();
            self.unpublished.changed = true;
            self.note_panic(&topology);
        } else {
            self.adopt(&topology, now, random);
        }
    }

    /// Whether these are the backends that are known here, in the same order.
    pub(super) fn has_these<'a>(&self, backends: impl ExactSizeIterator<Item = &'a Arc<Backend>>) -> bool {
        let same = |(ours, theirs): (&BackendHealth, &Arc<Backend>)| Arc::ptr_eq(&ours.backend, theirs);
        self.backends.len() == backends.len() && self.backends.iter().zip(backends).all(same)
    }

    /// Takes over the backends of this topology. The state of one is kept as long as it keeps its name and address.
    pub(super) fn adopt(&mut self, topology: &Topology, now: Moment, random: &mut impl FnMut() -> f64) {
        let planned = self.checks.cancel_all();
        let key = |backend: &Backend| (backend.name.clone(), backend.address.clone());
        let known = std::mem::take(&mut self.backends).into_iter();
        let mut known: HashMap<_, _> = known.map(|health| (key(&health.backend), health)).collect();
        let serves = |health: &BackendHealth| health.health() == Health::Up;
        let stays = |backend: &Arc<Backend>| known.get(&key(backend)).is_some_and(serves);
        let arrival = if topology.backends().iter().any(stays) { Arrival::Later } else { Arrival::WithPool };
        let mut unchecked = Vec::new();
        for (place, backend) in topology.backends().iter().enumerate() {
            let old = known.remove(&key(backend));
            let was_checked = old.as_ref().is_some_and(|health| health.checks().is_some());
            let mut health = old.unwrap_or_else(|| {
                BackendHealth::new(self.new_id(), Arc::clone(backend), arrival, &self.settings, now)
            });
            health.adapt(backend, &self.settings, now);
            match (&self.settings.config.check, health.checks()) {
                (Some(_), Some(state)) if !was_checked => unchecked.push((place, health.id, state)),
                (Some(_), Some(_)) => {
                    // For one that is being checked, the next check is planned when that one ends.
                    if let Some(&at) = planned.get(&health.id) {
                        self.checks.plan(PlannedCheck { at, place, id: health.id });
                    }
                }
                // The result of a check that still runs must not count for it.
                _ => health.id = self.new_id(),
            }
            self.backends.push(health);
        }
        self.spread(&unchecked, now, random);
        self.known = topology.generation();
        self.unpublished.changed = true;
        self.note_panic(topology);
    }

    /// Plans the first checks of these backends, by their places and ids, spread evenly over their period.
    fn spread(
        &mut self,
        unchecked: &[(usize, u64, CheckState)],
        now: Moment,
        random: &mut impl FnMut() -> f64,
    ) {
        let Some(check) = &self.settings.config.check else { return };
        for (turn, &(place, id, state)) in unchecked.iter().enumerate() {
            let part = (turn as f64 + random()) / unchecked.len() as f64;
            self.checks.plan(PlannedCheck { at: state.first(now, check, part), place, id });
        }
    }

    fn new_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}
