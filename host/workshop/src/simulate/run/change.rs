//! Events of the spec.

use std::sync::Arc;

use pointsman_core::topology::{Health, Member};

use super::super::proxy::{backend, weight};
use super::super::random::Work;
use super::Run;
use crate::spec::{BackendGroup, Event};

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
                let joins = is_member == begins;
                pool.change_backends(
                    |members| {
                        members.file.retain(|member| *member.name != *name);
                        if joins {
                            members.file.push(Arc::new(backend(place, name, group)));
                        }
                    },
                    Member::healthy,
                );
            }
            pool.change(|members| {
                let member = members.iter_mut().find(|member| *member.backend.name == *name);
                let Some(member) = member else { return };
                if let Some(healthy) = event.healthy {
                    member.health = if healthy == begins { Health::Up } else { Health::Down };
                }
                if let Some(to) = event.weight {
                    member.weight = weight(if begins { to } else { group.weight });
                }
            });
        }
    }
}
