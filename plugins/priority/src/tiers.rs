//! Tiers, and how much of the load each gets.

use policy_parts::{Candidates, Shares};

/// Backends of a tier may be this much more than it needs, percent: with 5 of 7 healthy it still takes everything.
const OVERPROVISIONING: u32 = 140;

/// A backend as its tier counts it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    pub(crate) index: usize,
    pub(crate) weight: u32,
    pub(crate) eligible: bool,
    pub(crate) healthy: bool,
}

/// All backends of one priority.
#[derive(Debug, Default)]
pub(crate) struct Tier {
    pub(crate) members: Vec<Member>,
    /// Those that are picked.
    pub(crate) candidates: Candidates,
}

impl Tier {
    fn count(&self, counts: impl Fn(&Member) -> bool) -> u32 {
        self.members.iter().filter(|member| counts(member)).count() as u32
    }

    fn healthy(&self) -> u32 {
        self.count(|member| member.eligible && member.healthy)
    }

    /// What it can take of the load, percent; a part of a percent is none.
    fn health(&self) -> u32 {
        let healthy = u64::from(OVERPROVISIONING) * u64::from(self.healthy());
        healthy.checked_div(self.members.len() as u64).unwrap_or(0).min(100) as u32
    }

    /// Whether most of it is down, and the pool has given its health up.
    fn panics(&self) -> bool {
        let unhealthy = self.members.iter().any(|member| member.eligible && !member.healthy);
        unhealthy && 2 * self.healthy() < self.members.len() as u32
    }

    fn choose(&mut self, panics: bool) {
        let members = self.members.iter().filter(|member| member.eligible && (panics || member.healthy));
        let members: Vec<(usize, u32)> = members.map(|member| (member.index, member.weight)).collect();
        self.candidates = Candidates::new(&members);
    }
}

/// Decides who serves in each tier, and which share each tier has; tiers are in the order of their priority.
pub(crate) fn spread(tiers: &mut [Tier]) -> Shares {
    let health: Vec<u32> = tiers.iter().map(Tier::health).collect();
    let suffices = health.iter().sum::<u32>() >= 100;
    tiers.iter_mut().for_each(|tier| {
        let panics = !suffices && tier.panics();
        tier.choose(panics);
    });
    let is_left = |tier: &Tier| tier.health() > 0 && !tier.panics();
    if !suffices && !tiers.iter().any(is_left) {
        // Nobody knows what they can take.
        return Shares::new(tiers.iter().map(|tier| tier.count(|member| member.eligible)).collect());
    }
    Shares::new(loads(&health))
}

/// What each tier gets of the load, percent: as much as it can take, in order, until all is given away. If that is less than
/// all, all is scaled up.
fn loads(health: &[u32]) -> Vec<u32> {
    let total = health.iter().sum::<u32>().min(100);
    let mut left = 100;
    let mut loads: Vec<u32> = health
        .iter()
        .map(|health| {
            let load = (health * 100).checked_div(total).unwrap_or(0).min(left);
            left -= load;
            load
        })
        .collect();
    // Parts of percents.
    if let Some(first) = loads.iter_mut().find(|load| **load > 0) {
        *first += left;
    }
    loads
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loads_are_filled_in_order_and_scaled_up() {
        let cases: [(&[u32], &[u32]); 9] = [
            (&[100, 100], &[100, 0]),
            (&[99, 100], &[99, 1]),
            (&[70, 100], &[70, 30]),
            (&[35, 100], &[35, 65]),
            (&[0, 100], &[0, 100]),
            (&[20, 30, 100], &[20, 30, 50]),
            (&[35, 35], &[50, 50]),
            (&[20, 0, 40], &[34, 0, 66]),
            (&[0, 0], &[0, 0]),
        ];
        for (health, expected) in cases {
            assert_eq!(loads(health), expected, "{health:?}");
        }
    }

    #[test]
    fn health_is_that_of_more_backends_than_are_needed() {
        for (healthy, all, expected) in [
            (100, 100, 100),
            (72, 100, 100),
            (71, 100, 99),
            (50, 100, 70),
            (25, 100, 35),
            (5, 7, 100),
            (0, 3, 0),
        ] {
            let member =
                |index| Member { index, weight: 1, eligible: index < healthy, healthy: index < healthy };
            let tier = Tier { members: (0..all).map(member).collect(), ..Tier::default() };
            assert_eq!(tier.health(), expected, "{healthy} of {all}");
        }
        assert_eq!(Tier::default().health(), 0);
    }
}
