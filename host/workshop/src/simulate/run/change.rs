//! Events of the spec.

use super::super::proxy::backend;
use super::super::random::Work;
use super::Run;
use crate::made_up;
use crate::spec::{BackendGroup, Event};
use pointsman_policy::SwapOutcome;

impl Run<'_> {
    /// An event begins, or ends: then all is as the spec's groups say.
    pub(super) fn change(&mut self, number: usize, begins: bool) {
        let Some(event) = self.spec.events.get(number).map(|event| event.get_ref()) else { return };
        let members: Vec<(String, &BackendGroup)> = self.spec.members().collect();
        for (place, (name, group)) in members.iter().enumerate() {
            if event.backends.is_empty() || event.backends.contains(name) {
                self.conduct(place, event, group, begins);
                self.membership(place, name, (event, group), begins);
            }
        }
    }

    /// All proxies get another version of the policy. One that they refuse counts as a fault.
    pub(super) fn swap(&mut self, number: usize) {
        let swap = self.spec.swaps.get(number).and_then(|swap| swap.get_ref().plugin.as_ref());
        let Some(plugin) = swap else { return };
        for (number, proxy) in (0..).zip(&mut self.proxies) {
            if let SwapOutcome::Refused(refusal) = proxy.simulation.swap(plugin.clone()) {
                self.tally.counts.faults += 1;
                tracing::warn!(event = "simulated-swap-refused", origin = %plugin.origin, "a swap is refused: {refusal}");
            }
            // The version may want ticks from now on.
            self.timeline.add(self.now, super::Event::Wake(number));
        }
    }

    fn conduct(&mut self, place: usize, event: &Event, group: &BackendGroup, begins: bool) {
        let work = |service: Option<&_>| service.and_then(|service| Work::of(service).ok());
        let server = &mut self.servers[place];
        let mut next = server.conduct;
        if let Some(to) = event.speed {
            next.speed = if begins { to } else { group.speed };
        }
        if event.service.is_some() {
            next.work = work(if begins { event.service.as_ref() } else { group.service.as_ref() });
        }
        if let Some(to) = event.refuse {
            next.refuses = begins && to;
        }
        if let Some(to) = event.status {
            next.status = if begins { to } else { 0 };
        }
        let due = server.change(self.now, next);
        self.announce_due(place as u32, due);
    }

    /// What proxies know of a backend.
    fn membership(&self, place: usize, name: &str, (event, group): (&Event, &BackendGroup), begins: bool) {
        for proxy in &self.proxies {
            let pool = proxy.simulation.pool();
            if let Some(is_member) = event.member {
                made_up::set_membership(pool, backend(place, name, group), is_member == begins);
            }
            made_up::change_member(pool, name, |member| {
                if let Some(healthy) = event.healthy {
                    member.health = made_up::health(healthy == begins);
                }
                if let Some(to) = event.weight {
                    member.weight = made_up::thousandths(if begins { to } else { group.weight });
                }
            });
        }
    }
}
