//! A version tried out on made-up and real topologies before it serves.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pointsman_core::backend::{Attributes, Backend, BackendIndex, BackendStats, TopologyGeneration};
use pointsman_core::request::RequestHead;
use pointsman_core::topology::Topology;
use pointsman_sdk::abi::{WEIGHT_UNIT, outcome};

use super::Refusal;
use crate::context::PolicyContext;
use crate::engine::GuestEngine;
use crate::fault::Fault;
use crate::instance::{FailedCall, Instance, WorkerInstance};
use crate::slack::with_slack;
use crate::verdict::{self, Verdict};
use crate::version::PolicyVersion;

/// Retries of each request, each with one more backend tried.
const RETRIES: u32 = 3;

/// Picks whose cost is measured.
const MEASURED_PICKS: u32 = 256;

/// What a rehearsal has shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rehearsed {
    /// Mean time of a pick over the pool's own backends.
    pub(crate) pick_time: Duration,
}

/// Tries a version out in the context of a pool, with cells that no other guest sees.
pub(crate) fn rehearse(
    engine: &GuestEngine,
    version: &Arc<PolicyVersion>,
    context: &PolicyContext,
    seed: u64,
) -> Result<Rehearsed, Refusal> {
    let (needs, allowed) = (version.usage.memory, context.settings.memory);
    if needs > allowed as u64 {
        return Err(Refusal::MemoryTooLarge { found: needs, allowed });
    }
    let elements = version.usage.table;
    if elements > context.settings.table as u64 {
        return Err(Refusal::TableTooLarge { found: elements, allowed: context.settings.table });
    }
    with_slack(Refusal::is_deadline, |slack| rehearse_with(slack, engine, version, context, seed))
}

/// With `slack` times the CPU time that calls have in service. Picks of the pool's own backends, which every request waits for, are
/// measured without.
fn rehearse_with(
    slack: u32,
    engine: &GuestEngine,
    version: &Arc<PolicyVersion>,
    context: &PolicyContext,
    seed: u64,
) -> Result<Rehearsed, Refusal> {
    let deadline = context.settings.deadline;
    let context = Arc::new(context.rehearsal(slack));
    let own = context.pool.topology();
    let instance = Instance::build(engine, version, &context, (Arc::clone(&own), seed), 1)?;
    let mut stage = Stage { instance: WorkerInstance::new(instance), topology: Arc::clone(&own) };
    stage.play("with the pool's own backends")?;
    for (count, load, situation) in [
        (1, Load::Idle, "with 1 idle backend"),
        (3, Load::Idle, "with 3 idle backends"),
        (3, Load::Extreme, "with 3 backends at the end of every counter"),
        (1000, Load::Mixed, "with 1,000 backends"),
    ] {
        stage.change(Arc::new(topology(count, load)), situation)?;
        stage.play(situation)?;
    }
    let situation = "back with the pool's own backends";
    stage.change(own, situation)?;
    stage.instance.set_deadline(deadline);
    stage.measure(situation)
}

/// A guest, and the topology that it picks from.
struct Stage {
    instance: WorkerInstance,
    topology: Arc<Topology>,
}

impl Stage {
    fn change(&mut self, topology: Arc<Topology>, situation: &str) -> Result<(), Refusal> {
        self.topology = topology;
        checked(self.instance.topology(&self.topology), situation)
    }

    /// Requests of all sorts with retries, each response observed, and a tick.
    fn play(&mut self, situation: &str) -> Result<(), Refusal> {
        for mut head in requests() {
            for attempt in 0..=RETRIES {
                head.tried.attempt = attempt;
                let index = match self.pick(&head, situation)? {
                    Verdict::Backend(index) => Some(index),
                    // The fallback picks, and the policy observes what comes of it.
                    Verdict::Abstain => self.first_choice(&head),
                    Verdict::Reject(_) => None,
                };
                let Some(index) = index else { break };
                let observation = (
                    index.0.cast_signed(),
                    if attempt == 0 { 200 } else { 0 },
                    if attempt == 0 { outcome::COMPLETE } else { outcome::CONNECT_FAILURE },
                    if attempt == 0 { 1_000 } else { -1 },
                    if attempt == 0 { 2_000 } else { i64::MAX },
                );
                checked(self.instance.observe(observation, Some(&head)), situation)?;
                head.tried.insert(index);
            }
        }
        checked(self.instance.tick(), situation)
    }

    /// A backend that a request may go to.
    fn first_choice(&self, head: &RequestHead) -> Option<BackendIndex> {
        let count = self.topology.backends().len() as u32;
        let mut indexes = (0..count).map(BackendIndex);
        indexes.find(|index| self.topology.is_eligible(*index) && !head.tried.contains(*index))
    }

    fn pick(&mut self, head: &RequestHead, situation: &str) -> Result<Verdict, Refusal> {
        // The host doesn't ask when there is nothing to choose from.
        if !self.topology.offers(&head.tried) {
            return Ok(Verdict::Abstain);
        }
        let raw = checked(self.instance.pick(head), situation)?;
        verdict::check(raw, &self.topology, &head.tried).map_err(|bad| {
            let situation = match head.tried.len() {
                0 => situation.to_owned(),
                tried => format!("{situation}, of which the request had tried {tried}"),
            };
            Refusal::Rehearsal { situation, fault: Fault::from_verdict(bad) }
        })
    }

    fn measure(&mut self, situation: &str) -> Result<Rehearsed, Refusal> {
        let head = RequestHead::default();
        let started = Instant::now();
        for _ in 0..MEASURED_PICKS {
            self.pick(&head, situation)?;
        }
        Ok(Rehearsed { pick_time: started.elapsed() / MEASURED_PICKS })
    }
}

fn checked<R: Default>(answer: Option<Result<R, FailedCall>>, situation: &str) -> Result<R, Refusal> {
    match answer {
        Some(Ok(answer)) => Ok(answer),
        Some(Err(FailedCall { fault, .. })) => {
            Err(Refusal::Rehearsal { situation: situation.to_owned(), fault })
        }
        // A failure ends the rehearsal, so there is always an instance.
        None => Ok(R::default()),
    }
}

/// How busy made-up backends are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Load {
    Idle,
    Extreme,
    Mixed,
}

/// Made-up backends of all sorts: light and heavy, some draining, some backups. The first one always serves.
fn topology(count: u32, load: Load) -> Topology {
    let backends = (0..count).map(|number| {
        let extreme = load == Load::Extreme || (load == Load::Mixed && number % 2 == 1);
        let stats = if extreme { BackendStats::saturated() } else { BackendStats::default() };
        Arc::new(Backend {
            weight: WEIGHT_UNIT * [1, 3, 1000, 2][number as usize % 4],
            attributes: Attributes {
                zone: ["a", "b", ""][number as usize % 3].into(),
                labels: [("gpu".to_owned(), "h200".to_owned())].into(),
            },
            backup: number % 11 == 5,
            draining: number % 3 == 1,
            stats: Arc::new(stats),
            ..Backend::new(
                format!("backend-{number}"),
                ([192, 0, 2, (number % 250) as u8], 1024 + (number % 60_000) as u16),
            )
        })
    });
    Topology::new(TopologyGeneration(0), backends.collect())
}

/// Requests of all sorts: one with nothing in it, one with everything that policies read, one by IPv6 and HTTP/2.
fn requests() -> Vec<RequestHead> {
    let bare = RequestHead::default();
    let mut rich = http::Request::post("/v1/chat/completions?user=7&session=abc&empty=");
    for (name, value) in [
        ("host", "api.example.com"),
        ("cookie", "session=0123456789abcdef; theme=dark"),
        ("authorization", "Bearer 0123456789"),
        ("x-request-id", "00000000-0000-4000-8000-000000000000"),
    ] {
        rich = rich.header(name, value);
    }
    let by_ipv6 = http::Request::get("/").version(http::Version::HTTP_2);
    let head = |request: http::request::Builder, client: [u16; 8]| {
        let parts = request.body(()).ok()?.into_parts().0;
        Some(RequestHead::new(parts, client.into()))
    };
    let made = [
        head(rich, [0, 0, 0, 0, 0, 0xffff, 0xc000, 0x0201]),
        head(by_ipv6, [0x2001, 0xdb8, 0, 0, 0, 0, 0, 1]),
    ];
    std::iter::once(bare).chain(made.into_iter().flatten()).collect()
}
