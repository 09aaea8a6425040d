//! Whether requests of one key stay together.

/// Pairs of a key and a backend that are counted; 4 bytes each.
const PAIRS: usize = 2_000_000;

/// How many requests of each key each backend has had: of the first keys, which are those with the most requests, as many as fit.
pub(super) struct Affinity {
    backends: usize,
    counts: Vec<u32>,
}

impl Affinity {
    pub(super) fn new(keys: u32, backends: usize) -> Self {
        let keys = (keys as usize).min(PAIRS / backends.max(1));
        Self { backends, counts: vec![0; keys * backends] }
    }

    /// A request of this key is sent to a backend.
    #[inline]
    pub(super) fn count(&mut self, key: u32, backend: u32) {
        if let Some(count) = self.counts.get_mut(key as usize * self.backends + backend as usize) {
            *count += 1;
        }
    }

    /// The share of the requests that came to the backend which had the most of their key's; none without any.
    pub(super) fn share(&self) -> Option<f64> {
        let (mut all, mut together) = (0, 0);
        for counts in self.counts.chunks(self.backends.max(1)) {
            all += counts.iter().copied().map(u64::from).sum::<u64>();
            together += counts.iter().copied().max().map_or(0, u64::from);
        }
        (all > 0).then(|| together as f64 / all as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_count_that_stay_with_their_key() {
        let mut affinity = Affinity::new(2, 3);
        assert_eq!(affinity.share(), None);
        for (key, backend) in [(0, 1), (0, 1), (0, 2), (1, 0), (7, 0)] {
            affinity.count(key, backend);
        }
        assert_eq!(affinity.share(), Some(0.75), "there is no key 7");
        assert_eq!(Affinity::new(u32::MAX, 10_000).counts.len(), PAIRS, "200 keys");
    }
}
