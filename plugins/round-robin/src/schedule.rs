//! Who is next: the order of turns as a table, made when the topology changes.

/// Most entries of a schedule, unless there are more backends.
const LONGEST: u64 = 1 << 16;

/// Most steps (entries times backends) that nginx's algorithm may take; some ms in a guest at most.
const SMOOTH_STEPS: u64 = 1 << 18;

/// A schedule in which each backend has a share of the entries by its weight. `weights` are above 0, one per backend.
///
/// Shares are exact up to [`LONGEST`] entries. Where weights have no common unit that allows for that, they are
/// rounded so that each backend keeps at least one entry.
pub(crate) fn schedule(backends: &[u32], weights: &[u32]) -> Vec<u32> {
    let unit = weights.iter().copied().fold(0, greatest_common_divisor).max(1);
    let mut entries: Vec<u64> = weights.iter().map(|weight| u64::from(weight / unit)).collect();
    let (count, len) = (backends.len() as u64, entries.iter().sum::<u64>());
    if len == count {
        return backends.to_vec();
    }
    if len <= LONGEST && len * count <= SMOOTH_STEPS {
        return smooth(backends, &entries, len);
    }
    if len > LONGEST {
        // Each entry rounds up by less than one, so that this much room keeps the sum within the limit.
        let room = LONGEST.saturating_sub(count);
        entries.iter_mut().for_each(|entries| *entries = ((*entries * room + len / 2) / len).max(1));
    }
    spread(backends, &entries)
}

/// nginx's smooth weighted round robin: at each turn all gain their weight, and the one with the most pays the total.
fn smooth(backends: &[u32], weights: &[u64], total: u64) -> Vec<u32> {
    let mut credit = vec![0_i64; weights.len()];
    let mut turn = || {
        let mut best = 0;
        for (index, weight) in weights.iter().enumerate() {
            credit[index] += weight.cast_signed();
            if credit[index] > credit[best] {
                best = index;
            }
        }
        credit[best] -= total.cast_signed();
        backends[best]
    };
    (0..total).map(|_| turn()).collect()
}

/// The same shares in time that is proportional to the length: a backend with `w` of `n` entries wants the places `(k + phase)
/// · n / w`, and a counting sort gives each backend the nearest free ones. Phases differ, or all backends of the same weight
/// would want the same places.
fn spread(backends: &[u32], entries: &[u64]) -> Vec<u32> {
    let len = entries.iter().sum::<u64>();
    // Places in 32.32 fixed point: additions instead of a division for each entry.
    let wanted = || {
        (0_u32..).zip(backends.iter().zip(entries)).flat_map(move |(number, (&backend, &entries))| {
            let step = (len << 32) / entries;
            // Multiples of the golden ratio, without their whole part, lie evenly between 0 and 1 however many there are.
            let phase = u64::from(number.wrapping_mul(0x9e37_79b9) >> 16);
            let first = (step >> 16) * phase;
            (0..entries).map(move |k| (((first + k * step) >> 32) as usize, backend))
        })
    };
    let mut next = vec![0_u32; len as usize + 1];
    wanted().for_each(|(place, _)| next[place + 1] += 1);
    for place in 1..next.len() {
        next[place] += next[place - 1];
    }
    let mut schedule = vec![0; len as usize];
    for (place, backend) in wanted() {
        schedule[next[place] as usize] = backend;
        next[place] += 1;
    }
    schedule
}

fn greatest_common_divisor(mut a: u32, mut b: u32) -> u32 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The share of each backend in the schedule of these weights, relative to what its weight promises.
    fn relative_shares(weights: &[u32]) -> (usize, Vec<f64>) {
        let backends: Vec<u32> = (0..weights.len() as u32).collect();
        let schedule = schedule(&backends, weights);
        let mut counts = vec![0.0; weights.len()];
        schedule.iter().for_each(|&backend| counts[backend as usize] += 1.0);
        let total: f64 = weights.iter().copied().map(f64::from).sum();
        let share =
            |(count, weight): (f64, &u32)| count / schedule.len() as f64 / (f64::from(*weight) / total);
        (schedule.len(), counts.into_iter().zip(weights).map(share).collect())
    }

    #[test]
    fn exact_sequences() {
        let cases: [(&[u32], &[u32]); 6] = [
            (&[], &[]),
            (&[1_000], &[0]),
            (&[1_000, 1_000, 1_000], &[0, 1, 2]),
            (&[5_000, 1_000, 1_000], &[0, 0, 1, 0, 2, 0, 0]),
            (&[2_000, 1_000], &[0, 1, 0]),
            (&[3_000, 2_000, 1_000], &[0, 1, 0, 2, 1, 0]),
        ];
        for (weights, expected) in cases {
            let backends: Vec<u32> = (0..weights.len() as u32).collect();
            assert_eq!(schedule(&backends, weights), expected, "{weights:?}");
        }
    }

    #[test]
    fn shares_are_within_one_percent() {
        let mixed: Vec<u32> = (0..10_000).map(|index| (1 + index % 10) * 1_000).collect();
        let cases: [(&str, Vec<u32>); 6] = [
            ("slow start", vec![1_000, 1_000, 137]),
            ("no common unit", vec![999_983, 500_009, 250_007]),
            ("greatest weights", vec![u32::MAX, u32::MAX - 1, u32::MAX / 2]),
            ("1,000 of mixed weights", (0..1_000).map(|index| (1 + index % 10) * 1_000).collect()),
            ("10,000 of mixed weights", mixed),
            ("100 that need rounding", (0..100).map(|index| 100_003 + 1_009 * index).collect()),
        ];
        for (name, weights) in cases {
            let (len, shares) = relative_shares(&weights);
            assert!(len as u64 <= LONGEST, "{name}: {len} entries");
            for (index, share) in shares.into_iter().enumerate() {
                assert!((share - 1.0).abs() < 0.01, "{name}: backend {index} has {share} of its share");
            }
        }
    }

    #[test]
    fn every_backend_keeps_an_entry() {
        for count in [2, 100, 70_000] {
            let mut weights = vec![1_000; count];
            weights[0] = u32::MAX;
            let (len, shares) = relative_shares(&weights);
            assert!(len as u64 <= LONGEST.max(count as u64));
            assert!(shares.into_iter().all(|share| share > 0.0));
        }
    }

    #[test]
    fn turns_of_large_schedules_are_spread_evenly() {
        // 600 · 1,000 entries of the smooth algorithm would be too many steps.
        let weights: Vec<u32> =
            (0..600).map(|index| if index == 0 { 100_000 } else { 1_000 + 1_000 * (index % 2) }).collect();
        let backends: Vec<u32> = (0..600).collect();
        let schedule = schedule(&backends, &weights);
        let places: Vec<usize> = (0..schedule.len()).filter(|&place| schedule[place] == 0).collect();
        assert_eq!(places.len(), 100);
        let gaps: Vec<usize> = places.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let even = schedule.len() / 100;
        let longest = gaps.into_iter().max().unwrap_or(0);
        assert!(longest < 2 * even, "{longest} turns without the heaviest backend, which has one of {even}");
    }
}
