//! The ordered backends of a pool and which of them may be picked.

use std::sync::Arc;

use pointsman_sdk::abi::flag;

use crate::backend::{Backend, BackendIndex, BackendLimits, BackendStats, TopologyGeneration};
use crate::tried::Tried;

/// Whether a backend is fit to serve, as far as the proxy knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It is.
    Up,
    /// It isn't: its checks fail.
    Down,
    /// It isn't: its responses were bad, so it gets none for a while.
    Ejected {
        /// Whether its checks pass all the same, or it has none.
        passes_checks: bool,
    },
    /// Not known yet: it serves only after its first check. It doesn't count in whether its pool panics.
    Unknown,
}

impl Health {
    /// Whether it is known to be unfit.
    #[must_use]
    pub fn is_bad(self) -> bool {
        matches!(self, Self::Down | Self::Ejected { .. })
    }

    /// Whether it gets no requests for a while, as its responses were bad.
    #[must_use]
    pub fn is_ejected(self) -> bool {
        matches!(self, Self::Ejected { .. })
    }

    /// Whether it waits for its first check, and gets no requests before.
    #[must_use]
    pub fn is_unchecked(self) -> bool {
        matches!(self, Self::Unknown)
    }

    /// Whether its checks pass, or it is taken for healthy because it has none or waits for the first; whether it is ejected is another
    /// question. What the API and the metrics call healthy.
    #[must_use]
    pub fn passes_checks(self) -> bool {
        match self {
            Self::Up => true,
            Self::Ejected { passes_checks } => passes_checks,
            Self::Down | Self::Unknown => false,
        }
    }
}

/// A backend of a pool, and how it stands at the moment.
#[derive(Debug, Clone)]
pub struct Member {
    /// The backend.
    pub backend: Arc<Backend>,
    /// Whether it is fit to serve.
    pub health: Health,
    /// Its share of requests in relation to the others at the moment, in thousandths; never above
    /// [`Backend::weight`].
    pub weight: u32,
}

impl Member {
    /// A healthy backend with its whole weight.
    #[must_use]
    pub fn healthy(backend: Arc<Backend>) -> Self {
        let weight = backend.weight;
        Self { backend, health: Health::Up, weight }
    }
}

/// The backends of a pool at one moment, in order, with what decides their eligibility.
///
/// Immutable: a change of backends, health or weights makes a new one with the next generation.
#[derive(Debug)]
pub struct Topology {
    generation: TopologyGeneration,
    backends: Box<[Arc<Backend>]>,
    stats: Box<[Arc<BackendStats>]>,
    flags: Box<[u32]>,
    weights: Box<[u32]>,
    /// Of all backends, if any has limits of its own.
    limits: Option<Box<[BackendLimits]>>,
    eligible: usize,
    panic: bool,
}

/// Which backends serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tier {
    /// Those that aren't backups.
    Regular,
    /// The backups, because no other is fit.
    Backup,
}

impl Topology {
    /// Builds the topology of these backends. All are taken for healthy.
    #[must_use]
    pub fn new(generation: TopologyGeneration, backends: Vec<Arc<Backend>>) -> Self {
        let members: Vec<Member> = backends.into_iter().map(Member::healthy).collect();
        Self::of(generation, &members, 0)
    }

    /// Builds the topology of these members, in their order.
    ///
    /// Eligible are the healthy ones that aren't draining; backups only if there is no other. If less than `panic_threshold`
    /// percent of the tier that serves are healthy, the pool panics: all of that tier are eligible.
    #[must_use]
    pub fn of(generation: TopologyGeneration, members: &[Member], panic_threshold: u32) -> Self {
        let tier = Tier::serving(members);
        let panic = tier.panics(members, panic_threshold);
        let flags: Box<[u32]> = members
            .iter()
            .map(|member| {
                let healthy = member.health == Health::Up;
                let panicking = panic && member.health.is_bad();
                let eligible = tier.has(member) && (healthy || panicking);
                [
                    (healthy, flag::HEALTHY),
                    (eligible, flag::ELIGIBLE),
                    (member.backend.draining, flag::DRAINING),
                    (member.backend.backup, flag::BACKUP),
                ]
                .iter()
                .fold(0, |flags, (is_set, flag)| if *is_set { flags | flag } else { flags })
            })
            .collect();
        let eligible = flags.iter().filter(|&&flags| flags & flag::ELIGIBLE != 0).count();
        let weights = members.iter().map(|member| member.weight).collect();
        let limits: Box<[_]> = members.iter().map(|member| member.backend.limits).collect();
        let limits = limits.iter().any(|limits| *limits != BackendLimits::default()).then_some(limits);
        let stats = members.iter().map(|member| Arc::clone(&member.backend.stats)).collect();
        let backends = members.iter().map(|member| Arc::clone(&member.backend)).collect();
        Self { generation, backends, stats, flags, weights, limits, eligible, panic }
    }

    /// Counts up with every new topology of a pool.
    #[inline]
    #[must_use]
    pub fn generation(&self) -> TopologyGeneration {
        self.generation
    }

    /// All backends; a [`BackendIndex`] is a place in this slice.
    #[inline]
    #[must_use]
    pub fn backends(&self) -> &[Arc<Backend>] {
        &self.backends
    }

    /// The backend at an index, if there is one.
    #[inline]
    #[must_use]
    pub fn get(&self, index: BackendIndex) -> Option<&Arc<Backend>> {
        self.backends.get(index.get())
    }

    /// Live numbers of all backends, without the indirection through [`backends`](Self::backends).
    #[inline]
    #[must_use]
    pub fn stats(&self) -> &[Arc<BackendStats>] {
        &self.stats
    }

    /// Flags of all backends, in the bits of [`flag`].
    #[inline]
    #[must_use]
    pub fn flags(&self) -> &[u32] {
        &self.flags
    }

    /// Effective weights of all backends, in thousandths.
    #[inline]
    #[must_use]
    pub fn weights(&self) -> &[u32] {
        &self.weights
    }

    /// The limits of the backend at a place, without the indirection through [`backends`](Self::backends).
    #[inline]
    #[must_use]
    pub fn limits_at(&self, place: usize) -> BackendLimits {
        let limits = self.limits.as_ref().and_then(|limits| limits.get(place));
        limits.copied().unwrap_or_default()
    }

    /// How many backends are eligible.
    #[inline]
    #[must_use]
    pub fn eligible(&self) -> usize {
        self.eligible
    }

    /// Whether so few backends are healthy that health is ignored.
    #[must_use]
    pub fn panics(&self) -> bool {
        self.panic
    }

    /// Whether another topology says the same of the same backends.
    #[must_use]
    pub fn agrees_with(&self, other: &Self) -> bool {
        self.flags == other.flags
            && self.weights == other.weights
            && self.backends.len() == other.backends.len()
            && self.backends.iter().zip(&other.backends).all(|(one, other)| Arc::ptr_eq(one, other))
    }

    /// Whether the backend at an index may be picked.
    #[inline]
    #[must_use]
    pub fn is_eligible(&self, index: BackendIndex) -> bool {
        self.flags.get(index.get()).is_some_and(|flags| flags & flag::ELIGIBLE != 0)
    }

    /// The same of the member at a place.
    #[must_use]
    pub fn is_eligible_at(&self, place: usize) -> bool {
        u32::try_from(place).is_ok_and(|place| self.is_eligible(BackendIndex(place)))
    }

    /// Whether clients that the backend at an index has served stay with it: if it is eligible or healthy. So a drain ends no session, nor does
    /// the return of the backends that a backup has stood in for.
    #[inline]
    #[must_use]
    pub fn keeps_sessions(&self, index: BackendIndex) -> bool {
        self.flags.get(index.get()).is_some_and(|flags| flags & (flag::ELIGIBLE | flag::HEALTHY) != 0)
    }

    /// Whether any backend is left for a request that may not use those it has tried.
    #[inline]
    #[must_use]
    pub fn offers(&self, tried: &Tried) -> bool {
        // Only a retry has to scan, and it has tried few.
        tried.is_empty() && self.eligible > 0
            || (0..self.backends.len() as u32)
                .map(BackendIndex)
                .any(|index| self.is_eligible(index) && !tried.contains(index))
    }

    /// Whether the backend at an index is a backup that is fit, whether or not it serves by now.
    #[inline]
    #[must_use]
    pub fn is_fit_backup(&self, index: BackendIndex) -> bool {
        const BITS: u32 = flag::HEALTHY | flag::BACKUP | flag::DRAINING;
        self.flags.get(index.get()).is_some_and(|flags| flags & BITS == flag::HEALTHY | flag::BACKUP)
    }

    /// Whether a backup is left for a request that has tried all others: to this request none of them is fit, whatever is known of them.
    #[must_use]
    pub fn offers_backup(&self, tried: &Tried) -> bool {
        !tried.is_empty()
            && (0..self.backends.len() as u32)
                .map(BackendIndex)
                .any(|index| self.is_fit_backup(index) && !tried.contains(index))
    }
}

impl Tier {
    /// The backups serve when no other backend is fit. If none of them is fit either, they serve only without regular backends.
    fn serving(members: &[Member]) -> Self {
        let any = |tier: Self, fits: fn(&Member) -> bool| members.iter().any(|m| tier.has(m) && fits(m));
        let fit = |member: &Member| member.health == Health::Up;
        let backups_serve =
            !any(Self::Regular, fit) && (any(Self::Backup, fit) || !any(Self::Regular, |_| true));
        if backups_serve { Self::Backup } else { Self::Regular }
    }

    /// Where a backend belongs; nowhere if it is draining.
    fn of(member: &Member) -> Option<Self> {
        match (member.backend.draining, member.backend.backup) {
            (true, _) => None,
            (false, true) => Some(Self::Backup),
            (false, false) => Some(Self::Regular),
        }
    }

    fn has(self, member: &Member) -> bool {
        Self::of(member) == Some(self)
    }

    fn panics(self, members: &[Member], threshold: u32) -> bool {
        let count = |fits: fn(Health) -> bool| {
            members.iter().filter(|member| self.has(member) && fits(member.health)).count()
        };
        let (up, down) = (count(|health| health == Health::Up), count(Health::is_bad));
        up * 100 < (up + down) * threshold as usize
    }
}

#[cfg(test)]
mod tests;
