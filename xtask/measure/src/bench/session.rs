//! One scenario: all contenders are started, and then measured in turns.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Result, ensure};

use super::backend::{BackendSpeech, Backends};
use super::contender::{Programs, Running, Setup};
use super::generator::{Dialect, Generator, Request};
use super::interrupt::Interrupt;
use super::participant::Participant;
use super::placement::{Cpus, Placement};
use super::report::{ContenderReport, Saturation, ScenarioReport};
use super::run_length::RunLength;
use super::scenario::Scenario;
use super::schedule::{Arrivals, Rate};
use super::speech::{Behind, Speech};
use super::syscalls::{Calls, Counting};
use super::turn::{Turn, Turns};
use super::usage::resident_bytes;
use super::{machine::SystemLoad, same_work};
use crate::certificate::Certificate;

/// The part of the slowest contender's saturation at which all are compared.
const OPERATING_POINT: f64 = 0.4;

/// What every scenario needs.
#[derive(Debug)]
pub(crate) struct Session<'a> {
    pub(crate) programs: &'a Programs,
    pub(crate) length: RunLength,
    pub(crate) cpus: Cpus,
    /// Files a process may open.
    pub(crate) files: u64,
    pub(crate) interrupt: &'a Interrupt,
    /// Of all contenders.
    pub(crate) certificate: &'a Certificate,
}

impl Session<'_> {
    /// Measures a scenario.
    pub(crate) fn measure(&self, scenario: &Scenario) -> Result<ScenarioReport> {
        let began = SystemLoad::now();
        let placement = if scenario.workers == 1 { self.cpus.apart() } else { Placement::Unpinned };
        self.cpus.run_load(placement)?;
        let speech = match scenario.speech.behind {
            Behind::Http1 => BackendSpeech::Http1,
            Behind::Tls => BackendSpeech::Tls(Arc::new(self.certificate.narrow_server()?)),
            Behind::Http2 => BackendSpeech::Http2,
            Behind::Grpc => BackendSpeech::Grpc,
        };
        let backends = Backends::speak(speech, scenario.backends, self.cpus, placement)?;
        let mut participants = self.participants(scenario, placement, &backends)?;
        let request = scenario.request()?;
        same_work::check(&mut participants, &backends, &request, scenario)?;

        let mut turns = Turns { backends: &backends, request: &request, faults: BTreeMap::new() };
        for participant in &mut participants {
            // Its faults are kept; its speed isn't.
            turns.take(participant, Arrivals::Closed { time: self.length.warm_up })?;
        }
        let saturations = self.saturate(&mut participants, &mut turns)?;
        let slowest = saturations.iter().map(|best| best.per_second).fold(f64::INFINITY, f64::min);
        let offered = slowest * OPERATING_POINT;
        let rounds = self.rounds(&mut participants, &mut turns, offered)?;
        let calls = self.count_calls(&mut participants, &request);
        // Errors of counting are only reported, but an interrupt ends the run.
        self.interrupt.check()?;

        let mut reports = Vec::new();
        for ((participant, saturation), (place, calls)) in
            participants.iter().zip(saturations).zip(calls.into_iter().enumerate())
        {
            let own: Vec<Turn> = rounds.iter().map(|round| round[place]).collect();
            let first: Vec<Turn> = rounds.iter().map(|round| round[0]).collect();
            let name = participant.running.contender.name;
            let mut report = ContenderReport::new(name, &own, (place > 0).then_some(first.as_slice()));
            report.saturation = saturation;
            report.calls = calls;
            report.resident_bytes = resident_bytes(participant.running.processes())?;
            report.negotiated = participant.generator.negotiated().cloned();
            report.faults = turns.faults.remove(name).unwrap_or_default();
            reports.push(report);
        }
        let ended = SystemLoad::now();
        Ok(ScenarioReport {
            name: scenario.name,
            what: scenario.what,
            workers: scenario.workers,
            connections: scenario.connections,
            pinned: matches!(placement, Placement::Apart { .. }),
            offered_per_second: offered,
            rounds_left_out: self.length.rounds - rounds.len(),
            load_average: began.load.max(ended.load),
            stolen_percent: ended.stolen_percent(&began),
            contenders: reports,
        })
    }

    /// What a contender is started with.
    pub(super) fn setup<'a>(
        &'a self,
        workers: usize,
        connections: usize,
        placement: Placement,
        backends: &'a Backends,
    ) -> Setup<'a> {
        let (files, cpus, certificate) = (self.files, self.cpus, self.certificate);
        let (backends, speech) = (backends.addresses(), Speech::HTTP1);
        Setup { workers, connections, speech, routes: false, certificate, files, backends, placement, cpus }
    }

    fn participants(
        &self,
        scenario: &Scenario,
        placement: Placement,
        backends: &Backends,
    ) -> Result<Vec<Participant<'_>>> {
        let speech = scenario.speech;
        let at_a_time = scenario.connections * speech.streams();
        let routes = scenario.has_routes();
        let setup = Setup { speech, routes, ..self.setup(scenario.workers, at_a_time, placement, backends) };
        let dialect = Dialect::new(speech, self.certificate)?;
        let mut participants = Vec::new();
        for contender in self.programs.field(scenario.field) {
            let running = Running::start(&contender, &setup, self.interrupt)?;
            let (address, connections) = (running.address, scenario.connections);
            let generator = Generator::speak(&dialect, address, connections, scenario.reuse, self.interrupt)?;
            participants.push(Participant { running, generator });
        }
        Ok(participants)
    }

    /// Two turns of each at full speed; the better one counts, as disturbances only slow down.
    fn saturate(
        &self,
        participants: &mut [Participant<'_>],
        turns: &mut Turns<'_>,
    ) -> Result<Vec<Saturation>> {
        let mut best = vec![Saturation::default(); participants.len()];
        for round in 0..2 {
            for place in order(round, participants.len()) {
                let arrivals = Arrivals::Closed { time: self.length.saturation };
                let turn = turns.take(&mut participants[place], arrivals)?;
                if turn.per_second > best[place].per_second {
                    best[place] = Saturation {
                        per_second: turn.per_second,
                        cpu_us: turn.cpu_us,
                        cpu_share: turn.cpu_share,
                        load_cpu_share: turn.load_cpu_share,
                    };
                }
            }
        }
        Ok(best)
    }

    /// Rounds at one rate for all. A round in which a contender failed is left out for all.
    fn rounds(
        &self,
        participants: &mut [Participant<'_>],
        turns: &mut Turns<'_>,
        per_second: f64,
    ) -> Result<Vec<Vec<Turn>>> {
        let lead = Rate::during(per_second, self.length.turn / 10);
        let rate = Rate::during(per_second, self.length.turn);
        let mut kept = Vec::new();
        for round in 0..self.length.rounds {
            let mut turns_of_round = vec![None; participants.len()];
            for place in order(round, participants.len()) {
                turns.take(&mut participants[place], Arrivals::Open(lead))?;
                let turn = turns.take(&mut participants[place], Arrivals::Open(rate))?;
                turns_of_round[place] = turn.is_right.then_some(turn);
            }
            kept.extend(turns_of_round.into_iter().collect::<Option<Vec<Turn>>>());
        }
        Ok(kept)
    }

    /// System calls per request, by name; empty where they can't be counted.
    fn count_calls(&self, participants: &mut [Participant<'_>], request: &Request) -> Vec<Calls> {
        let mut counted = Vec::new();
        for participant in participants {
            let calls = self.count_calls_of(participant, request).unwrap_or_else(|error| {
                eprintln!("xtask: no system calls of {}: {error:#}", participant.running.contender.name);
                Calls::new()
            });
            counted.push(calls);
        }
        counted
    }

    fn count_calls_of(&self, participant: &mut Participant<'_>, request: &Request) -> Result<Calls> {
        let counting = Counting::start(&participant.running, self.interrupt)?;
        let arrivals = Arrivals::Counted { requests: self.length.traced_requests };
        let outcome = participant.generator.run(request, arrivals)?;
        let calls = counting.stop()?;
        ensure!(outcome.failed() == 0, "requests failed under strace: {:?}", outcome.failures);
        let requests = outcome.succeeded.max(1) as f64;
        Ok(calls.into_iter().map(|(name, calls)| (name, calls / requests)).collect())
    }
}

/// The order of a round: there and back again (ABBA), so that a drift affects all alike.
fn order(round: usize, participants: usize) -> Vec<usize> {
    let forward = 0..participants;
    if round.is_multiple_of(2) { forward.collect() } else { forward.rev().collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_go_there_and_back_again() {
        assert_eq!(order(0, 3), [0, 1, 2]);
        assert_eq!(order(1, 3), [2, 1, 0]);
        assert_eq!(order(2, 3), [0, 1, 2]);
    }
}
