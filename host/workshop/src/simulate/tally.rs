//! What is counted of a run.

mod timed;

use hdrhistogram::Histogram;
use pointsman_core::record::ChosenBy;
use serde::Serialize;

use super::affinity::Affinity;
use super::proxy::Proxy;
use super::server::Server;
use crate::spec::Spec;
use timed::Timed;

/// Counts of one run, of requests that came after the warm-up.
pub(super) struct Tally {
    from: u64,
    times: Timed,
    /// From arrivals to the first token of the answer, where model servers write it.
    first_tokens: Option<Timed>,
    within: Vec<(u64, u64)>,
    pub(super) counts: Counts,
    pub(super) swaps: Vec<SwapResult>,
    /// Requests sent to each backend.
    sent: Vec<u64>,
    /// Where each request was sent, and when, if that is kept.
    sequence: Option<Vec<(u64, u32)>>,
    /// Where requests of one key were served, if they have keys.
    affinity: Option<Affinity>,
    digest: u64,
}

/// How requests ended, and what the policy did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// Requests that came.
    pub requests: u64,
    /// Responses of backends with a status below 500.
    pub served: u64,
    /// Responses with another status, and requests that no backend took.
    pub failed: u64,
    /// Requests that the policy rejected.
    pub rejected: u64,
    /// Picks, of which a request may have several.
    pub picks: u64,
    /// Calls of the policy that failed, and verdicts that can't be followed.
    pub faults: u64,
    /// Picks that the policy left to the fallback, as it had no opinion.
    pub abstentions: u64,
    /// Picks without the policy, as it failed.
    pub fallback_picks: u64,
    /// Requests that waited at their proxy, as all backends were full.
    pub waited: u64,
    /// Of those that failed, the ones that could not wait, as enough did already.
    pub queue_full: u64,
    /// And those that waited for too long.
    pub queue_timeout: u64,
    /// Requests that had no response when the run, and as long again, was over.
    pub unfinished: u64,
}

impl Counts {
    /// These and those of another run.
    #[must_use]
    pub(crate) fn plus(&self, other: &Self) -> Self {
        Self {
            requests: self.requests + other.requests,
            served: self.served + other.served,
            failed: self.failed + other.failed,
            rejected: self.rejected + other.rejected,
            picks: self.picks + other.picks,
            abstentions: self.abstentions + other.abstentions,
            faults: self.faults + other.faults,
            fallback_picks: self.fallback_picks + other.fallback_picks,
            waited: self.waited + other.waited,
            queue_full: self.queue_full + other.queue_full,
            queue_timeout: self.queue_timeout + other.queue_timeout,
            unfinished: self.unfinished + other.unfinished,
        }
    }
}

/// What one run has shown.
#[derive(Debug, Clone)]
pub struct RunResult {
    /// The seed.
    pub seed: u64,
    /// Times of served requests, from their arrival to their end, µs; of unfinished ones, to the end of the run: it takes longer.
    pub times: Histogram<u64>,
    /// Their mean, µs, exact.
    pub mean: f64,
    /// Of each time in `within`, the share of all requests that were served in it.
    pub within: Vec<f64>,
    /// Counts.
    pub counts: Counts,
    /// The backends, in the order of the spec.
    pub backends: BackendsResult,
    /// Fuel of a pick.
    pub fuel_per_pick: f64,
    /// Linear memory of the policy in the first proxy at the end, bytes.
    pub memory: usize,
    /// What came of each swap of the spec, in their order.
    pub swaps: Vec<SwapResult>,
    /// Of all that happened: equal if two runs were.
    pub digest: u64,
}

/// What came of a swap of the spec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct SwapResult {
    /// Proxies that took the version.
    pub swapped: u64,
    /// Proxies in which that version was active already.
    pub unchanged: u64,
    /// Proxies that refused it; the version before served on.
    pub refused: u64,
}

impl SwapResult {
    /// These and those of another run.
    #[must_use]
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            swapped: self.swapped + other.swapped,
            unchanged: self.unchanged + other.unchanged,
            refused: self.refused + other.refused,
        }
    }
}

/// What one run has shown of the backends.
#[derive(Debug, Clone)]
pub struct BackendsResult {
    /// Requests sent to each.
    pub sent: Vec<u64>,
    /// Most requests that each had at a time.
    pub most: Vec<usize>,
    /// Share of the time in which one had at least as many requests as the place says, over all.
    pub occupied: Vec<f64>,
    /// Share of the requests that were served where most of their key's were, if requests have keys.
    pub affinity: Option<f64>,
    /// What model servers have shown, if there are any.
    pub llm: Option<LlmResult>,
    /// When each request was sent (µs, the warm-up included), and to which; empty unless the spec has asked for it.
    pub(crate) sequence: Vec<(u64, u32)>,
}

/// What one run has shown of model servers.
#[derive(Debug, Clone)]
pub struct LlmResult {
    /// Times of served requests from their arrival until their prompts had been read, µs.
    pub first_tokens: Histogram<u64>,
    /// Their mean, µs, exact.
    pub mean: f64,
    /// Share of the prompts' tokens that had not to be read, as they were kept.
    pub kept: f64,
}

impl Tally {
    pub(super) fn new(spec: &Spec, backends: usize) -> Result<Self, String> {
        let runs = spec.run.get_ref();
        let keys = spec.load.get_ref().keys.as_ref();
        let has_llm = spec.backends.iter().any(|group| group.get_ref().llm().is_some());
        Ok(Self {
            from: runs.warmup().0,
            times: Timed::new()?,
            first_tokens: if has_llm { Some(Timed::new()?) } else { None },
            within: runs.within.iter().map(|most| (most.0, 0)).collect(),
            counts: Counts::default(),
            swaps: vec![SwapResult::default(); spec.swaps.len()],
            sent: vec![0; backends],
            sequence: spec.keeps_sent.then(Vec::new),
            affinity: keys.map(|keys| Affinity::new(keys.count, backends)),
            digest: 0,
        })
    }

    /// Whether a request that came then counts.
    #[inline]
    pub(super) fn counts_from(&self, arrived: u64) -> bool {
        arrived >= self.from
    }

    /// A pick led to a backend, and this chose it.
    #[inline]
    pub(super) fn chosen(&mut self, by: ChosenBy) {
        self.counts.abstentions += u64::from(by == ChosenBy::Abstention);
    }

    /// A request is sent to a backend.
    #[inline]
    pub(super) fn sent(&mut self, now: u64, backend: u32) {
        self.sent[backend as usize] += u64::from(self.counts_from(now));
        if let Some(sequence) = &mut self.sequence {
            sequence.push((now, backend));
        }
    }

    /// A backend begins with a request.
    #[inline]
    pub(super) fn begun(&mut self, now: u64, key: Option<u32>, backend: u32) {
        if let (Some(affinity), Some(key)) = (&mut self.affinity, key)
            && now >= self.from
        {
            affinity.count(key, backend);
        }
    }

    /// A request that arrived then was served.
    #[inline]
    pub(super) fn served(&mut self, arrived: u64, now: u64) {
        let took = now - arrived;
        self.counts.served += 1;
        self.times.add(took);
        for (most, count) in &mut self.within {
            *count += u64::from(took <= *most);
        }
    }

    /// A request that arrived then had its prompt read at `at`, and was served.
    #[inline]
    pub(super) fn first_token(&mut self, arrived: u64, at: u64) {
        if let (Some(first_tokens), true) = (&mut self.first_tokens, arrived >= self.from) {
            first_tokens.add(at - arrived);
        }
    }

    /// A request that arrived then has no response yet, and the run is over.
    pub(super) fn unfinished(&mut self, arrived: u64, now: u64) {
        if self.counts_from(arrived) {
            self.counts.unfinished += 1;
            self.times.add(now - arrived);
        }
    }

    /// Something happened, which the digest is to tell.
    #[inline]
    pub(super) fn note(&mut self, now: u64, what: u64) {
        let mixed = (self.digest ^ now).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ what;
        self.digest = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    }

    pub(super) fn finish(mut self, seed: u64, servers: &[Server], proxies: &[Proxy]) -> RunResult {
        let mut fuel = 0;
        for proxy in proxies {
            let stats = proxy.simulation.slot().stats();
            self.counts.picks += proxy.picks;
            fuel += proxy.fuel;
            self.counts.faults += stats.all_faults();
            self.counts.fallback_picks += stats.fallback_picks();
        }
        let requests = self.counts.requests.max(1) as f64;
        RunResult {
            seed,
            mean: self.times.mean(),
            within: self.within.iter().map(|(_, count)| *count as f64 / requests).collect(),
            backends: BackendsResult {
                sent: self.sent,
                most: servers.iter().map(|server| server.occupancy.most).collect(),
                occupied: occupied(servers),
                affinity: self.affinity.as_ref().and_then(Affinity::share),
                llm: self.first_tokens.map(|times| llm(times, servers)),
                sequence: self.sequence.unwrap_or_default(),
            },
            fuel_per_pick: fuel as f64 / self.counts.picks.max(1) as f64,
            memory: proxies.first().map_or(0, |proxy| proxy.simulation.memory_bytes()),
            times: self.times.times,
            counts: self.counts,
            swaps: self.swaps,
            digest: self.digest,
        }
    }
}

fn llm(first_tokens: Timed, servers: &[Server]) -> LlmResult {
    let tokens = servers.iter().filter_map(Server::tokens);
    let (all, kept) = tokens.fold((0, 0), |(all, kept), tokens| (all + tokens.all, kept + tokens.kept));
    LlmResult {
        mean: first_tokens.mean(),
        first_tokens: first_tokens.times,
        kept: kept as f64 / all.max(1) as f64,
    }
}

/// Of each number of requests, the share of the time in which a backend had at least as many.
fn occupied(servers: &[Server]) -> Vec<f64> {
    let most = servers.iter().map(|server| server.occupancy.times.len()).max().unwrap_or(0);
    let mut sums = vec![0; most];
    for server in servers {
        for (sum, time) in sums.iter_mut().zip(&server.occupancy.times) {
            *sum += time;
        }
    }
    let all = sums.iter().sum::<u64>().max(1) as f64;
    let mut at_least = 0;
    let mut shares: Vec<f64> = sums
        .iter()
        .rev()
        .map(|time| {
            at_least += time;
            at_least as f64 / all
        })
        .collect();
    shares.reverse();
    shares
}
