//! Points on a ring, in order.

use pointsman_sdk::abi::WEIGHT_UNIT;
use policy_parts::{Member, mix};

/// Points of a backend for each unit of weight.
const POINTS: u64 = 160;

/// Most points of a ring, unless there are more backends: a table that is made well within the time of a call.
const MOST_POINTS: u64 = 1 << 16;

/// The points of all members.
#[derive(Debug, Default)]
pub(crate) struct Ring {
    /// Position in the high half, the member's place in the low half, in ascending order.
    points: Vec<u64>,
    /// Where the points of each equal stretch of the ring begin. There are about as many stretches as points.
    starts: Vec<u32>,
    /// A position is shifted by this to give its stretch.
    shift: u32,
}

impl Ring {
    pub(crate) fn new(members: &[Member]) -> Self {
        let wanted = |member: &Member| (POINTS * u64::from(member.weight) / u64::from(WEIGHT_UNIT)).max(1);
        let total: u64 = members.iter().map(wanted).sum();
        let count = |member: &Member| match total {
            0..=MOST_POINTS => wanted(member),
            _ => (wanted(member) * MOST_POINTS / total).max(1),
        };
        let points = || {
            members.iter().zip(0..).flat_map(move |(member, place): (&Member, u64)| {
                let key = member.key;
                (0..count(member)).map(move |number| {
                    mix(key ^ number.wrapping_mul(0xd1b5_4a32_d192_ed03)) >> 32 << 32 | place
                })
            })
        };
        let len: u64 = members.iter().map(count).sum();
        let bits = len.next_power_of_two().trailing_zeros().clamp(1, 31);
        let shift = 32 - bits;
        // A counting sort by stretch, and by insertion within each, which has one or two.
        let mut starts = vec![0_u32; (1 << bits) + 1];
        points().for_each(|point| starts[stretch(point, shift) + 1] += 1);
        for stretch in 1..starts.len() {
            starts[stretch] += starts[stretch - 1];
        }
        let mut sorted = vec![u64::MAX; len as usize];
        for point in points() {
            let from = starts[stretch(point, shift)] as usize;
            let held =
                sorted[from..].iter().take_while(|other| **other != u64::MAX && **other < point).count();
            // The rest of the stretch moves up by one: its last place is free.
            let mut moving = point;
            for place in &mut sorted[from + held..] {
                std::mem::swap(place, &mut moving);
                if moving == u64::MAX {
                    break;
                }
            }
        }
        Self { points: sorted, starts, shift }
    }

    /// The members' places in the order of their points, once around from the hash of a key.
    pub(crate) fn from(&self, hash: u64) -> impl Iterator<Item = usize> {
        let position = mix(hash) >> 32 << 32;
        let start = self.starts.get(stretch(position, self.shift)).map_or(0, |start| *start as usize);
        let (before, after) = self.points.split_at(start.min(self.points.len()));
        let skipped = after.iter().take_while(|point| **point < position).count();
        let (passed, ahead) = after.split_at(skipped);
        ahead.iter().chain(before).chain(passed).map(|point| *point as u32 as usize)
    }
}

fn stretch(point: u64, shift: u32) -> usize {
    (point >> 32 >> shift) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(weights: &[u32]) -> Vec<Member> {
        let member = |(index, weight): (u32, &u32)| Member { key: mix(index.into()), weight: *weight, index };
        (0..).zip(weights).map(member).collect()
    }

    /// The same points in another way.
    fn plain(members: &[Member], each: impl Fn(&Member) -> u64) -> Vec<u64> {
        let mut points = Vec::new();
        for (place, member) in members.iter().enumerate() {
            for number in 0..each(member) {
                let position = mix(member.key ^ number.wrapping_mul(0xd1b5_4a32_d192_ed03)) >> 32;
                points.push(position << 32 | place as u64);
            }
        }
        points.sort_unstable();
        points
    }

    #[test]
    fn points_are_in_order_and_found() {
        for weights in [vec![], vec![1], vec![1_000], vec![1_000, 500, 3_000], vec![1_000; 400]] {
            let members = members(&weights);
            let ring = Ring::new(&members);
            let expected = plain(&members, |member| (u64::from(member.weight) * 160 / 1_000).max(1));
            assert_eq!(ring.points, expected, "{weights:?}");
            for key in 0..2_000 {
                let position = mix(key) >> 32 << 32;
                let first = expected.iter().position(|point| *point >= position).unwrap_or(0);
                let once: Vec<usize> = (0..expected.len())
                    .map(|step| expected[(first + step) % expected.len()] as u32 as usize)
                    .collect();
                if key < 20 {
                    assert!(ring.from(key).eq(once.iter().copied()), "{weights:?}, key {key}");
                }
                assert_eq!(ring.from(key).next(), once.first().copied(), "{weights:?}, key {key}");
            }
        }
    }

    #[test]
    fn a_large_ring_has_a_limit_and_all_members() {
        for count in [1_000, 10_000, 100_000] {
            let ring = Ring::new(&members(&vec![50_000; count]));
            assert!(ring.points.len() as u64 <= MOST_POINTS.max(count as u64), "{}", ring.points.len());
            let mut seen = vec![false; count];
            ring.from(1).for_each(|place| seen[place] = true);
            assert!(seen.into_iter().all(|seen| seen));
            assert!(ring.points.is_sorted());
        }
    }
}
