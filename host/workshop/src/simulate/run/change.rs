//! Events of the spec.

use super::super::proxy::backend;
use super::super::random::Work;
use super::Run;
use crate::made_up;
use crate::spec::{BackendGroup, Event};
use pointsman_policy::SwapOutcome;

impl Run<'_> {
    /// An event begins, or ends: then all is as those say that have begun before and go on, and else as the spec's groups say.
    pub(super) fn change(&mut self, number: usize, begins: bool) {
        let Some(event) = self.script.spec.events.get(number).map(|event| event.get_ref()) else { return };
        self.script.ongoing.retain(|other| *other != number);
        if begins {
            self.script.ongoing.push(number);
        }
        let members: Vec<(String, &BackendGroup)> = self.script.spec.members().collect();
        for (place, (name, group)) in members.iter().enumerate() {
            if event.concerns(name, &group.zone) {
                self.conduct(place, name, event, group);
                self.membership(place, name, (event, group));
            }
        }
        // One of them may have room for those who wait, or none is left to wait for.
        for proxy in 0..self.proxies.len() {
            self.serve_waiting(proxy);
        }
    }

    /// What the latest of the events that go on says of a backend.
    fn said<T>(&self, (name, group): (&str, &BackendGroup), of: impl Fn(&Event) -> Option<T>) -> Option<T> {
        let events =
            self.script.ongoing.iter().rev().filter_map(|number| self.script.spec.events.get(*number));
        events.map(|event| event.get_ref()).filter(|event| event.concerns(name, &group.zone)).find_map(of)
    }

    /// All proxies get another version of the policy.
    pub(super) fn swap(&mut self, number: usize) {
        let swap = self.script.spec.swaps.get(number).and_then(|swap| swap.get_ref().plugin.as_ref());
        let Some(plugin) = swap else { return };
        let result = &mut self.tally.swaps[number];
        for (number, proxy) in (0..).zip(&mut self.proxies) {
            let count = match proxy.simulation.swap(plugin.clone()) {
                SwapOutcome::Swapped(_) => &mut result.swapped,
                SwapOutcome::Unchanged(_) => &mut result.unchanged,
                SwapOutcome::Refused(refusal) => {
                    tracing::warn!(event = "simulated-swap-refused", origin = %plugin.origin, "a swap is refused: {refusal}");
                    &mut result.refused
                }
            };
            *count += 1;
            // The version may want ticks from now on.
            self.timeline.add(self.now, super::Event::Wake(number));
        }
    }

    fn conduct(&mut self, place: usize, name: &str, event: &Event, group: &BackendGroup) {
        let work = |service: Option<&_>| service.and_then(|service| Work::of(service).ok());
        let mut next = self.servers[place].conduct.clone();
        if event.speed.is_some() {
            next.speed = self.said((name, group), |event| event.speed);
        }
        if event.service.is_some() {
            next.work = self
                .said((name, group), |event| work(event.service.as_ref()))
                .or_else(|| work(group.service.as_ref()));
        }
        if event.refuse.is_some() {
            next.refuses = self.said((name, group), |event| event.refuse).unwrap_or(false);
        }
        if event.status.is_some() {
            next.status = self.said((name, group), |event| event.status).unwrap_or(0);
        }
        let due = self.servers[place].change(self.now, next, self.jobs.running(place as u32));
        self.announce_due(place as u32, due);
    }

    /// What proxies know of a backend.
    fn membership(&self, place: usize, name: &str, (event, group): (&Event, &BackendGroup)) {
        let is_member = event.member.map(|_| self.said((name, group), |event| event.member).unwrap_or(true));
        let healthy = self.said((name, group), |event| event.healthy).unwrap_or(true);
        let weight = self.said((name, group), |event| event.weight).unwrap_or(group.weight);
        for proxy in &self.proxies {
            let pool = proxy.simulation.pool();
            if let Some(is_member) = is_member {
                made_up::set_membership(pool, backend(place, name, group), is_member);
            }
            made_up::change_member(pool, name, |member| {
                if event.healthy.is_some() || is_member == Some(true) {
                    member.health = made_up::health(healthy);
                }
                if event.weight.is_some() || is_member == Some(true) {
                    member.weight = made_up::thousandths(weight);
                }
            });
        }
    }
}
