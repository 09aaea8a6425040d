//! The results of a session, as they are written to the JSON file.

use serde::Serialize;

use super::contender::Contender;
use super::machine::Machine;
use super::negotiated::Negotiated;
use super::statistics::{Ratio, Summary, median};
use super::syscalls::Calls;
use super::turn::Turn;

/// A whole session.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// Seconds since 1970.
    pub(crate) began: u64,
    /// Whether it was a quick one, whose numbers are rough.
    pub(crate) quick: bool,
    /// Version control's name of the source.
    pub(crate) commit: String,
    pub(crate) machine: Machine,
    /// Versions by program.
    pub(crate) versions: Vec<(String, String)>,
    pub(crate) scenarios: Vec<ScenarioReport>,
    pub(crate) memory: Vec<MemoryReport>,
    pub(crate) growth: Option<GrowthReport>,
}

/// One scenario.
#[derive(Debug, Serialize)]
pub(crate) struct ScenarioReport {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    pub(crate) workers: usize,
    pub(crate) connections: usize,
    /// Whether contender and load had a CPU each.
    pub(crate) pinned: bool,
    /// Rate of the rounds.
    pub(crate) offered_per_second: f64,
    /// Rounds in which something failed.
    pub(crate) rounds_left_out: usize,
    /// The greater one of beginning and end.
    pub(crate) load_average: f64,
    /// Time that a hypervisor gave to others.
    pub(crate) stolen_percent: f64,
    /// The first is what the others are compared with.
    pub(crate) contenders: Vec<ContenderReport>,
}

/// One contender in a scenario.
#[derive(Debug, Serialize)]
pub(crate) struct ContenderReport {
    pub(crate) name: &'static str,
    /// CPU time of a request, µs; `None` if no round counts.
    pub(crate) cpu_us: Option<Summary>,
    /// Medians over the rounds.
    pub(crate) user_us: f64,
    pub(crate) kernel_us: f64,
    pub(crate) switches: f64,
    pub(crate) page_faults: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    /// CPU time in relation to the first contender's.
    pub(crate) ratio: Option<Ratio>,
    pub(crate) saturation: Saturation,
    /// System calls per request, by name; empty if they weren't counted.
    pub(crate) calls: Calls,
    /// After the load.
    pub(crate) resident_bytes: u64,
    /// What was agreed on, over TLS.
    pub(crate) negotiated: Option<Negotiated>,
    /// What went wrong, if anything did.
    pub(crate) faults: Vec<String>,
    /// Every round that counts.
    pub(crate) rounds: Vec<Turn>,
}

/// Results at full speed.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Saturation {
    pub(crate) per_second: f64,
    /// CPU time of a request then, µs: less than below saturation, as one wake-up serves many.
    pub(crate) cpu_us: f64,
    /// CPUs that the contender kept busy: well below its workers, something else was the limit.
    pub(crate) cpu_share: f64,
    /// CPUs that load generator and backends kept busy.
    pub(crate) load_cpu_share: f64,
}

/// The memory of one contender.
#[derive(Debug, Serialize)]
pub(crate) struct MemoryReport {
    pub(crate) name: &'static str,
    /// With two workers, just started.
    pub(crate) idle_bytes: u64,
    /// Connections that were then held open, each after one request.
    pub(crate) connections: usize,
    /// What each added, bytes. The kernel's part isn't in it; it is the same for all.
    pub(crate) connection_bytes: f64,
}

/// Memory over many requests.
#[derive(Debug, Serialize)]
pub(crate) struct GrowthReport {
    pub(crate) name: &'static str,
    /// Requests between two samples.
    pub(crate) step: u64,
    /// Memory at each sample, while the connections are idle, bytes.
    pub(crate) resident_bytes: Vec<u64>,
}

impl ContenderReport {
    /// From the rounds that count, and those of the first contender, if this isn't the first.
    pub(crate) fn new(name: &'static str, rounds: &[Turn], first: Option<&[Turn]>) -> Self {
        let of = |rounds: &[Turn], figure: fn(&Turn) -> f64| rounds.iter().map(figure).collect::<Vec<_>>();
        let middle = |figure| median(&of(rounds, figure));
        let cpu = of(rounds, |turn| turn.cpu_us);
        Self {
            name,
            cpu_us: Summary::of(&cpu),
            user_us: middle(|turn| turn.user_us),
            kernel_us: middle(|turn| turn.kernel_us),
            switches: middle(|turn| turn.switches),
            page_faults: middle(|turn| turn.faults),
            p50_us: middle(|turn| turn.p50_us),
            p99_us: middle(|turn| turn.p99_us),
            ratio: first.and_then(|first| Ratio::of(&cpu, &of(first, |turn| turn.cpu_us))),
            saturation: Saturation::default(),
            calls: Calls::new(),
            resident_bytes: 0,
            negotiated: None,
            faults: Vec::new(),
            rounds: rounds.to_vec(),
        }
    }
}

/// Versions of programs, each once.
pub(crate) fn versions(contenders: &[Contender]) -> anyhow::Result<Vec<(String, String)>> {
    contenders.iter().map(|contender| Ok((contender.name.to_owned(), contender.version()?))).collect()
}
