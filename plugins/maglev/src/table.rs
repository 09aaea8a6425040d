//! Who owns which slot.

use policy_parts::{Member, mix};

/// Number of slots: a prime, so that every step leads through all of them.
pub(crate) const SLOTS: u64 = 65_537;

/// A slot without an owner.
const FREE: u16 = u16::MAX;

/// A member's way through the slots, and how far it has come.
struct Claimant {
    slot: u32,
    step: u32,
    /// Weight that it has saved up for its next turn.
    credit: u64,
}

impl Claimant {
    /// The next slot on its way that is free. There must be one.
    fn next_free<'t>(&mut self, table: &'t mut [u16]) -> &'t mut u16 {
        while table[self.slot as usize] != FREE {
            self.slot += self.step;
            self.slot -= if self.slot >= SLOTS as u32 { SLOTS as u32 } else { 0 };
        }
        &mut table[self.slot as usize]
    }
}

/// The owner of each slot, as a place in `members`. Empty if there is none. Members beyond 65,535 own nothing.
pub(crate) fn table(members: &[Member]) -> Vec<u16> {
    let members = members.get(..usize::from(FREE)).unwrap_or(members);
    let total: u64 = members.iter().map(|member| u64::from(member.weight)).sum();
    if total == 0 {
        return Vec::new();
    }
    // The mean weight has one turn in each round. Of the greatest one, rounds of many light members would be without end.
    let turn = total.div_ceil(members.len() as u64);
    let claimant = |member: &Member| Claimant {
        slot: (member.key % SLOTS) as u32,
        step: (mix(member.key) % (SLOTS - 1) + 1) as u32,
        credit: 0,
    };
    let mut claimants: Vec<Claimant> = members.iter().map(claimant).collect();
    let mut table = vec![FREE; SLOTS as usize];
    let mut free = SLOTS;
    loop {
        for (place, (claimant, member)) in (0..FREE).zip(claimants.iter_mut().zip(members)) {
            claimant.credit += u64::from(member.weight);
            while claimant.credit >= turn {
                claimant.credit -= turn;
                *claimant.next_free(&mut table) = place;
                free -= 1;
                if free == 0 {
                    return table;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(weights: &[u32]) -> Vec<Member> {
        let member = |(index, weight): (u32, &u32)| Member { key: mix(index.into()), weight: *weight, index };
        (0..).zip(weights).map(member).collect()
    }

    /// The greatest deviation of a share from that of its weight.
    fn deviation(weights: &[u32]) -> f64 {
        let mut counts = vec![0.0; weights.len()];
        table(&members(weights)).into_iter().for_each(|owner| counts[usize::from(owner)] += 1.0);
        let total: f64 = weights.iter().copied().map(f64::from).sum();
        let share =
            |(count, weight): (f64, &u32)| (count / SLOTS as f64 * total / f64::from(*weight) - 1.0).abs();
        counts.into_iter().zip(weights).map(share).fold(0.0, f64::max)
    }

    #[test]
    fn shares_are_even() {
        // The greatest share of 1.000, 1.001 and 1.007 at 10, 100 and 1,000 backends is the paper's.
        for (count, tolerance) in [(1, 0.0), (2, 0.0001), (10, 0.0003), (100, 0.003), (1_000, 0.02)] {
            let deviation = deviation(&vec![1_000; count]);
            assert!(deviation <= tolerance, "{count} backends deviate by {deviation}");
        }
        assert!(deviation(&[1_000, 2_000, 3_000]) < 0.001);
        assert!(deviation(&[100_000, 1_000]) < 0.01);
    }

    /// A part of the keys moves that is close to what must: 10.31 % of 10, 1.56 % of 100 by an independent computation.
    #[test]
    fn few_keys_move_when_the_pool_shrinks() {
        for (count, expected) in [(10, 0.1031), (100, 0.0156)] {
            let whole = members(&vec![1_000; count]);
            let before = table(&whole);
            let mut moved = 0.0;
            for gone in [0, count / 2, count - 1] {
                let mut left = whole.clone();
                left.remove(gone);
                let after = table(&left);
                let key = |members: &[Member], owner: &u16| members[usize::from(*owner)].key;
                let pairs = before.iter().zip(&after);
                moved += pairs.filter(|(was, is)| key(&whole, was) != key(&left, is)).count() as f64 / 3.0;
            }
            let share = moved / SLOTS as f64;
            assert!((share - expected).abs() < 0.15 * expected, "{share} of the keys of {count} move");
        }
    }

    #[test]
    fn odd_pools() {
        assert!(table(&[]).is_empty());
        assert!(table(&members(&[0, 0])).is_empty());
        assert!(table(&members(&[0, 5])).iter().all(|owner| *owner == 1));
        assert_eq!(table(&members(&vec![1; 70_000])).len(), SLOTS as usize);
        assert!(table(&members(&[1, u32::MAX])).contains(&1));
    }
}
