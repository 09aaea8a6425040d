//! A scenario is run.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Method, StatusCode};
use pointsman_core::backend::{Backend, BackendIndex};
use pointsman_core::pool::Members;
use pointsman_core::pool::PANIC_THRESHOLD;
use pointsman_core::record::ChosenBy;
use pointsman_core::request::RequestHead;
use pointsman_core::topology::Member;
use pointsman_policy::{Pick, Plugin, PolicySettings, Response, SimulatedRequest, Simulation, Testbed};

use super::capture::Capture;
use super::model::{Change, Observe, Request, Scenario, Step, TestBackend};
use super::outcome::{Failure, Outcome, code};
use crate::made_up;

/// A scenario with its plugin.
struct Stage<'a> {
    scenario: &'a Scenario,
    simulation: Simulation,
    /// The last request that was picked for each backend, for what is observed of it.
    picked: HashMap<String, SimulatedRequest>,
    faults: u64,
}

/// Most things that are told of those a plugin asks for that there aren't.
const NOTES: usize = 5;

/// Runs a scenario. The plugin is compiled once for all scenarios of a testbed.
#[must_use]
pub fn run(testbed: &Testbed, plugin: &Plugin, scenario: &Scenario) -> Outcome {
    let capture = Capture::default();
    tracing::subscriber::with_default(capture.clone(), || staged(testbed, plugin, scenario, &capture))
}

fn staged(testbed: &Testbed, plugin: &Plugin, scenario: &Scenario, capture: &Capture) -> Outcome {
    let name_of = || scenario.name.clone().unwrap_or_default();
    let outcome = |passed, failure| Outcome { name: name_of(), passed, failure, asked_unknown: Vec::new() };
    let simulation = match opened(testbed, plugin, scenario) {
        Ok(simulation) => simulation,
        Err(reason) => return outcome(0, refused(scenario, &reason, capture)),
    };
    if let Some(expected) = &scenario.refused {
        let (expected, found) = (format!("refused: {expected}"), "the plugin serves".to_owned());
        let what = "admission".to_owned();
        return outcome(0, Some(Failure { line: 1, step: 0, what, expected, found, log: capture.take() }));
    }
    let mut asked_unknown = Vec::new();
    note(&mut asked_unknown, &capture.take());
    let mut stage = Stage { scenario, simulation, picked: HashMap::new(), faults: 0 };
    for (number, (entry, line)) in scenario.steps.iter().zip(&scenario.lines).enumerate() {
        let step = entry.get_ref();
        let result = stage.play(step).and_then(|()| stage.faulted(step));
        let log = capture.take();
        note(&mut asked_unknown, &log);
        if let Err((expected, found)) = result {
            let failure = Failure { line: *line, step: number + 1, what: name(step), expected, found, log };
            return Outcome { asked_unknown, ..outcome(number, Some(failure)) };
        }
    }
    Outcome { asked_unknown, ..outcome(scenario.steps.len(), None) }
}

/// Adds what the plugin has asked for that there isn't, each once.
fn note(asked: &mut Vec<String>, log: &[String]) {
    for line in log.iter().filter_map(|line| line.strip_prefix("debug: policy asks ")) {
        if !asked.iter().any(|known| known == line) && asked.len() < NOTES {
            asked.push(line.to_owned());
        }
    }
}

fn opened(testbed: &Testbed, plugin: &Plugin, scenario: &Scenario) -> Result<Simulation, String> {
    let config = serde_json::to_string(&scenario.config).map_err(|error| error.to_string())?;
    let settings =
        PolicySettings { config: config.into(), log_lines: 1_000_000, ..PolicySettings::default() };
    let backends = backends(scenario);
    let simulation = testbed
        .another()
        .proxy(plugin.clone(), backends, settings, scenario.seed)
        .map_err(|error| error.to_string())?;
    let percent = scenario.pool.get_ref().panic_threshold.unwrap_or(PANIC_THRESHOLD);
    simulation.pool().set_panic_threshold(percent);
    Ok(simulation)
}

/// The failure of a scenario whose plugin was refused; none if it should be.
fn refused(scenario: &Scenario, reason: &str, capture: &Capture) -> Option<Failure> {
    let expected = match &scenario.refused {
        Some(part) if reason.contains(part.as_str()) => return None,
        Some(part) => format!("refused: {part}"),
        None => "the plugin serves".to_owned(),
    };
    let (found, what) = (format!("refused: {reason}"), "admission".to_owned());
    Some(Failure { line: 1, step: 0, what, expected, found, log: capture.take() })
}

fn backends(scenario: &Scenario) -> Vec<Backend> {
    let pool = scenario.pool.get_ref();
    let named = pool.backends.iter().map(|TestBackend { name, weight, zone, labels, backup }| Backend {
        backup: *backup,
        ..made_up::backend((name, 80), *weight, zone, labels)
    });
    let counted = scenario.names().into_iter().skip(pool.backends.len());
    named.chain(counted.map(|name| Backend::new(name, ([192, 0, 2, 1], 80)))).collect()
}

/// A step in few words.
fn name(step: &Step) -> String {
    match step {
        Step { request: Some(Request { method, path, repeat, .. }), .. } if *repeat > 1 => {
            format!("{repeat} requests {method} {path}")
        }
        Step { request: Some(Request { method, path, .. }), .. } => format!("request {method} {path}"),
        Step { change: Some(change), .. } => format!("change of {}", change.backend),
        Step { observe: Some(observe), .. } => format!("response of {}", observe.backend),
        Step { advance, .. } => format!("{} pass", advance.unwrap_or_default()),
    }
}

/// What was expected, and what was found.
type Played = Result<(), (String, String)>;

impl Stage<'_> {
    fn play(&mut self, step: &Step) -> Played {
        if let Some(request) = &step.request {
            let picks = self.pick_all(request);
            return if step.fault { Ok(()) } else { expected(step, request, &picks) };
        }
        if let Some(change) = &step.change {
            self.change(change);
        }
        if let Some(span) = step.advance {
            self.simulation.advance(Duration::from_micros(span.0));
        }
        step.observe.as_ref().map_or(Ok(()), |observe| self.observe(observe))
    }

    /// Whether the policy failed in a step in which it must, or didn't in one in which it mustn't.
    fn faulted(&mut self, step: &Step) -> Played {
        let all = self.simulation.slot().stats().all_faults();
        let faults = all - std::mem::replace(&mut self.faults, all);
        match (step.fault, faults) {
            (true, 0) => Err(("a fault of the policy".to_owned(), "none".to_owned())),
            (false, 1..) => Err(("no fault of the policy".to_owned(), format!("{faults}"))),
            _ => Ok(()),
        }
    }

    /// Picks by what they were: the name of a backend, `reject 503`, `abstain` or `nothing`.
    fn pick_all(&mut self, request: &Request) -> BTreeMap<String, u32> {
        let mut head = head(request);
        let mut picks = BTreeMap::new();
        for number in 0..request.repeat {
            if request.spread {
                head.client = counted_up(&request.client, number);
            }
            self.set_tried(&mut head, &request.tried);
            let found = match self.simulation.pick(&mut head) {
                Ok(picked) if picked.picked().chosen_by == ChosenBy::Policy => {
                    let name = picked.backend().name.to_string();
                    self.picked.insert(name.clone(), picked);
                    name
                }
                // A backup, for which the policy isn't asked.
                Ok(_) if !self.simulation.pool().topology().offers(&head.tried) => "nothing".to_owned(),
                Ok(_) => "abstain".to_owned(),
                Err(Pick::Reject(status)) => format!("reject {}", status.as_u16()),
                Err(_) => "nothing".to_owned(),
            };
            *picks.entry(found).or_default() += 1;
        }
        picks
    }

    fn set_tried(&self, head: &mut RequestHead, tried: &[String]) {
        head.tried = Default::default();
        let topology = self.simulation.pool().topology();
        head.tried.rebase(topology.generation());
        head.tried.attempt = tried.len() as u32;
        for (index, backend) in (0..).zip(topology.backends()) {
            if tried.iter().any(|name| **name == *backend.name) {
                head.tried.insert(BackendIndex(index));
            }
        }
    }

    fn change(&self, change: &Change) {
        let (pool, name) = (self.simulation.pool(), change.backend.as_str());
        let mut all = backends(self.scenario).into_iter();
        if let Some((is_member, backend)) = change.member.zip(all.find(|backend| *backend.name == *name)) {
            made_up::set_membership(pool, backend, is_member);
        }
        if let Some(draining) = change.draining {
            let drain = |members: &mut Members| {
                for member in members.file.iter_mut().filter(|member| *member.name == *name) {
                    *member = Arc::new(Backend { draining, ..Backend::clone(member) });
                }
            };
            pool.change_backends(drain, Member::healthy);
        }
        made_up::change_member(pool, name, |member| {
            if let Some(healthy) = change.healthy {
                member.health = made_up::health(healthy);
            }
            if let Some(to) = change.weight {
                member.weight = made_up::thousandths(to);
            }
            if let Some(count) = change.in_flight {
                let stats = &member.backend.stats;
                (stats.in_flight()..count).for_each(|_| stats.begin());
                (count..stats.in_flight()).for_each(|_| stats.end());
            }
        });
    }

    fn observe(&mut self, observe: &Observe) -> Played {
        let Some(request) = self.picked.remove(&observe.backend) else {
            let expected = format!("a request that was picked for {} before", observe.backend);
            return Err((expected, "none whose response hasn't ended".to_owned()));
        };
        let total = Duration::from_micros(observe.total.0);
        let head = observe.head.map_or(total, |head| Duration::from_micros(head.0));
        let answered = StatusCode::from_u16(observe.status).ok().map(|status| (status, head));
        let outcome = code(&observe.outcome).unwrap_or_default();
        let response = Response { answered, outcome, total };
        pointsman_policy::count(request.stats(), self.simulation.now(), &response);
        self.simulation.observe(request, &response);
        Ok(())
    }
}

fn head(request: &Request) -> RequestHead {
    let mut head = RequestHead::default();
    head.parts.method = Method::try_from(request.method.as_str()).unwrap_or_default();
    head.parts.uri = request.path.parse().unwrap_or_default();
    for (name, value) in &request.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            head.parts.headers.append(name, value);
        }
    }
    head.client = counted_up(&request.client, 0);
    head
}

/// The address so many after this one.
fn counted_up(client: &str, number: u32) -> IpAddr {
    match client.parse() {
        Ok(IpAddr::V4(address)) => IpAddr::V4(u32::from(address).wrapping_add(number).into()),
        Ok(IpAddr::V6(address)) => IpAddr::V6(u128::from(address).wrapping_add(u128::from(number)).into()),
        Err(_) => RequestHead::default().client,
    }
}

/// Whether the picks of a step are as expected.
fn expected(step: &Step, request: &Request, picks: &BTreeMap<String, u32>) -> Played {
    let found = || {
        let all = picks.iter().map(|(name, count)| match request.repeat {
            1 => name.clone(),
            repeat => format!("{name} {:.1} %", f64::from(*count) * 100.0 / f64::from(repeat)),
        });
        all.collect::<Vec<_>>().join(", ")
    };
    let only = |allowed: &[String]| picks.keys().all(|name| allowed.contains(name));
    let one_of = |allowed: &[String]| match only(allowed) {
        true => Ok(()),
        false => Err((allowed.join(" or "), found())),
    };
    if request.same && picks.len() > 1 {
        return Err(("all at one backend".to_owned(), found()));
    }
    match step {
        Step { expect: Some(name), .. } => one_of(std::slice::from_ref(name)),
        Step { any_of: Some(names), .. } => one_of(names),
        Step { reject: Some(status), .. } => one_of(&[format!("reject {status}")]),
        Step { abstain: Some(true), .. } => one_of(&["abstain".to_owned()]),
        Step { share: Some(shares), .. } => {
            let tolerance = shares.get("tolerance").copied().unwrap_or(0.02);
            let share =
                |name: &str| f64::from(picks.get(name).copied().unwrap_or(0)) / f64::from(request.repeat);
            let mut expected = shares.iter().filter(|(name, _)| *name != "tolerance");
            if expected.all(|(name, expected)| (share(name) - expected).abs() <= tolerance) {
                return Ok(());
            }
            let named = shares.iter().filter(|(name, _)| *name != "tolerance");
            let all = named.map(|(name, share)| format!("{name} {:.1} %", share * 100.0));
            Err((format!("{} (± {:.1})", all.collect::<Vec<_>>().join(", "), tolerance * 100.0), found()))
        }
        // Nothing in particular: but somewhere it must go.
        _ if picks.contains_key("nothing") => Err(("a backend".to_owned(), found())),
        _ => Ok(()),
    }
}
