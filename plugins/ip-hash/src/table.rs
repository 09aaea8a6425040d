//! Which backend owns which slot: weighted rendezvous hashing over a fixed number of slots.
//!
//! Each backend visits all slots in its own order, made from the hash of its name, and has a score for each: the later the
//! visit, the higher. A slot belongs to the backend with the lowest score. No score depends on another backend, so one that
//! leaves gives up its own slots, and no other slot changes hands.
//!
//! The score of a backend's `j`-th visit is the expected `j`-th smallest of as many exponential random numbers as
//! there are slots, divided by the weight. The least of exponential numbers falls to each backend in proportion to its
//! weight, which is what makes the shares right.

/// Number of slots, the same for pools of any size: another number would move most clients. Being a power of two, it makes
/// the arithmetic on `u16` do what it should, and any odd step lead through all slots.
const SLOTS: usize = 1 << 16;

/// Scores up to this, times the sum of the weights, are found by following each backend's visits. That leaves one slot of
/// e⁸ = 3,000 free, which is too few to be worth looking for in this way.
const FIRST_REACH: f64 = 8.0;

/// What a backend's place in the table depends on: nothing but its name and weight.
#[derive(Debug, PartialEq)]
pub(crate) struct Member {
    key: u64,
    weight: u32,
    per_weight: f32,
    /// From one visited slot to the next, and what this is multiplied by to give 1.
    step: u16,
    inverse: u16,
}

impl Member {
    /// A backend with this name and weight.
    pub(crate) fn new(name: &str, weight: u32) -> Self {
        // FNV-1a; `mix` makes up for its weak high bits.
        let fnv = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        let key = mix(name.bytes().fold(0xcbf2_9ce4_8422_2325, fnv));
        let step = (key >> 16) as u16 | 1;
        // Newton's method doubles the number of right bits; an odd number is its own inverse in the lowest 3.
        let better = |inverse: u16| inverse.wrapping_mul(2_u16.wrapping_sub(step.wrapping_mul(inverse)));
        let inverse = better(better(better(step)));
        Self { key, weight, per_weight: 1.0 / weight as f32, step, inverse }
    }

    /// The slots in the order of the visits.
    fn visits(&self) -> impl Iterator<Item = u16> {
        let first = self.key as u16;
        (0..=u16::MAX).map(move |visit| first.wrapping_add(visit.wrapping_mul(self.step)))
    }

    /// Which visit, from 0, leads to `slot`.
    fn visit_to(&self, slot: u16) -> usize {
        slot.wrapping_sub(self.key as u16).wrapping_mul(self.inverse).into()
    }

    /// Who gets a slot at equal scores; as random as the scores are.
    fn precedence(&self, slot: u16) -> (u64, u64) {
        (mix(self.key ^ u64::from(slot)), self.key)
    }
}

/// The owner of each slot, as a place in `members`. Empty if no member has a weight.
pub(crate) fn owners(members: &[Member]) -> Vec<u32> {
    let total: f64 = members.iter().map(|member| f64::from(member.weight)).sum();
    let greatest = members.iter().map(|member| member.weight).max().unwrap_or(0);
    if greatest == 0 {
        return Vec::new();
    }
    let mut slots = Slots::new(members);
    let mut scores = Scores::default();
    let mut limit = (FIRST_REACH / total) as f32;
    scores.reach(limit * greatest as f32);
    for (place, member) in members.iter().enumerate() {
        let scores = scores.known.iter().map(|score| score * member.per_weight);
        for (slot, score) in member.visits().zip(scores.take_while(|score| *score <= limit)) {
            slots.bid(slot, place, score);
        }
    }
    // A slot that has an owner now keeps it: all bids up to the limit were made. For the others every backend is asked.
    loop {
        let free = slots.free();
        if free.is_empty() {
            return slots.into_owners();
        }
        limit *= 2.0;
        scores.reach(limit * greatest as f32);
        for slot in free {
            for (place, member) in members.iter().enumerate() {
                let score = scores.known.get(member.visit_to(slot)).map(|score| score * member.per_weight);
                if let Some(score) = score.filter(|score| *score <= limit) {
                    slots.bid(slot, place, score);
                }
            }
        }
    }
}

/// The slots and the best bid for each.
struct Slots<'a> {
    members: &'a [Member],
    /// The lowest score, in bits that sort as positive numbers do, above the place of who has it.
    best: Vec<u64>,
}

/// A slot without a bid.
const FREE: u64 = u64::MAX;

impl<'a> Slots<'a> {
    fn new(members: &'a [Member]) -> Self {
        Self { members, best: vec![FREE; SLOTS] }
    }

    fn bid(&mut self, slot: u16, place: usize, score: f32) {
        let best = &mut self.best[usize::from(slot)];
        let bid = u64::from(score.to_bits()) << 32 | place as u64;
        if (bid ^ *best) >> 32 != 0 {
            // No branch: which of the two is less cannot be predicted.
            *best = bid.min(*best);
        } else if self.members[place].precedence(slot) < self.members[*best as u32 as usize].precedence(slot)
        {
            *best = bid;
        }
    }

    fn free(&self) -> Vec<u16> {
        (0..=u16::MAX).filter(|slot| self.best[usize::from(*slot)] == FREE).collect()
    }

    fn into_owners(self) -> Vec<u32> {
        self.best.into_iter().map(|best| best as u32).collect()
    }
}

/// Scores at weight 1 in the order of the visits, as far as they are needed.
#[derive(Default)]
struct Scores {
    known: Vec<f32>,
    last: f64,
}

impl Scores {
    /// Makes known all scores up to `limit`, and the next one above if there is one.
    fn reach(&mut self, limit: f32) {
        while self.known.len() < SLOTS && self.last as f32 <= limit {
            // The gaps between sorted exponential random numbers: 1/n, 1/(n−1) … 1/1 on average. Sums of fractions
            // come out the same on every machine, which a logarithm need not.
            self.last += 1.0 / (SLOTS - self.known.len()) as f64;
            self.known.push(self.last as f32);
        }
    }
}

/// The slot of a client with this hash.
pub(crate) fn slot_of(hash: u64) -> usize {
    (hash >> 48) as usize
}

/// Another 64 bits from these, as if at random (the last steps of SplitMix64); never the same for two.
pub(crate) fn mix(mut bits: u64) -> u64 {
    bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What each backend of these weights owns, relative to its share by weight.
    fn relative_shares(weights: &[u32]) -> Vec<f64> {
        let member = |(index, weight): (usize, &u32)| Member::new(&format!("10.0.0.{index}:8080"), *weight);
        let members: Vec<Member> = weights.iter().enumerate().map(member).collect();
        let mut counts = vec![0.0; weights.len()];
        owners(&members).into_iter().for_each(|owner| counts[owner as usize] += 1.0);
        let total: f64 = weights.iter().copied().map(f64::from).sum();
        let share = |(count, weight): (f64, &u32)| count / SLOTS as f64 / (f64::from(*weight) / total);
        counts.into_iter().zip(weights).map(share).collect()
    }

    #[test]
    fn shares_follow_weights() {
        let cases: [(&str, Vec<u32>, f64); 6] = [
            ("one", vec![1_000], 0.0),
            ("10 equal", vec![1_000; 10], 0.03),
            ("1:2:3", vec![1_000, 2_000, 3_000], 0.02),
            ("1:100", vec![1_000, 100_000], 0.1),
            ("32 equal", vec![1_000; 32], 0.06),
            ("1,000 equal", vec![1_000; 1_000], 0.5),
        ];
        for (name, weights, tolerance) in cases {
            for (index, share) in relative_shares(&weights).into_iter().enumerate() {
                assert!(
                    (share - 1.0).abs() <= tolerance,
                    "{name}: backend {index} owns {share} of its share"
                );
            }
        }
    }

    #[test]
    fn visits_lead_to_all_slots_and_are_found_again() {
        for name in ["a", "b", "10.0.0.1:8080"] {
            let member = Member::new(name, 1_000);
            let mut seen = vec![false; SLOTS];
            for (visit, slot) in member.visits().enumerate() {
                assert_eq!(member.visit_to(slot), visit);
                assert!(!std::mem::replace(&mut seen[usize::from(slot)], true), "{name} visits {slot} twice");
            }
        }
    }

    #[test]
    fn a_weight_of_zero_owns_nothing() {
        assert_eq!(relative_shares(&[1_000, 0])[0], 1.0);
        assert!(owners(&[Member::new("a", 0)]).is_empty());
        assert!(owners(&[]).is_empty());
    }

    /// The table is what its definition says: slot by slot, the backend with the lowest score.
    #[test]
    fn the_table_is_rendezvous_hashing() {
        let members: Vec<Member> =
            (1..=40).map(|index| Member::new(&format!("b{index}"), 500 * index)).collect();
        let mut scores = Scores::default();
        scores.reach(f32::INFINITY);
        let owners = owners(&members);
        for slot in 0..=u16::MAX {
            let score = |member: &Member| scores.known[member.visit_to(slot)] * member.per_weight;
            let order = |one: &&Member, other: &&Member| {
                score(one).total_cmp(&score(other)).then(one.precedence(slot).cmp(&other.precedence(slot)))
            };
            assert_eq!(
                members.iter().min_by(order),
                members.get(owners[usize::from(slot)] as usize),
                "slot {slot}"
            );
        }
    }
}
