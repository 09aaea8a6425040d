//! Which part of the backends is a proxy's.

/// A proxy's slice of a ring on which each backend has an arc, and all arcs have the same length.
///
/// With `proxies` proxies, the one of number i has the ring from i/`proxies` on, as many of such parts as it takes for `aperture`
/// backends. So each point is in as many slices as any other, and each backend, too, if those at the ends of a slice count by what
/// of them is in it.
///
/// Finagle's deterministic aperture (`DeterministicAperture` of twitter/finagle), in whole numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slice {
    /// Number of the proxy, from 0 on.
    pub(crate) proxy: u32,
    /// How many there are, 1 or more.
    pub(crate) proxies: u32,
    /// How many backends it has at least.
    pub(crate) aperture: u32,
}

impl Slice {
    /// How long it is, where the arc of each of `backends` backends has the length `proxies`; the ring is `backends · proxies` long.
    pub(crate) fn length(&self, backends: u32) -> u64 {
        let (proxies, backends) = (u64::from(self.proxies), u64::from(backends));
        let wanted = u64::from(self.aperture) * proxies;
        let parts = wanted.div_ceil(backends.max(1)).min(proxies);
        parts * backends
    }

    /// How much of the arc of the backend at this place is in the slice, 0 to `proxies`.
    pub(crate) fn overlap(&self, place: u32, backends: u32) -> u64 {
        let (proxies, backends, place) = (u64::from(self.proxies), u64::from(backends), u64::from(place));
        let from = u64::from(self.proxy) * backends;
        let to = from + self.length(backends as u32);
        // A slice may go on behind the end of the ring, at its beginning; there the arc comes again.
        let arc = place * proxies;
        common(from, to, arc, proxies) + common(from, to, arc + backends * proxies, proxies)
    }
}

/// The length that is common to what lies between `from` and `to`, and to an arc.
fn common(from: u64, to: u64, arc: u64, length: u64) -> u64 {
    to.min(arc + length).saturating_sub(from.max(arc))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NUMBERS: [u32; 12] = [1, 2, 3, 7, 8, 12, 13, 31, 32, 100, 101, 257];

    fn slices(proxies: u32, aperture: u32) -> impl Iterator<Item = Slice> {
        (0..proxies).map(move |proxy| Slice { proxy, proxies, aperture })
    }

    fn overlaps(slice: Slice, backends: u32) -> Vec<u64> {
        (0..backends).map(|place| slice.overlap(place, backends)).collect()
    }

    #[test]
    fn every_backend_is_in_slices_as_much_as_any_other() {
        for proxies in NUMBERS {
            for backends in NUMBERS {
                for aperture in [1, 5, 12, 60] {
                    let mut sums = vec![0; backends as usize];
                    for slice in slices(proxies, aperture) {
                        let overlaps = overlaps(slice, backends);
                        sums.iter_mut().zip(&overlaps).for_each(|(sum, overlap)| *sum += overlap);
                        assert!(overlaps.iter().all(|overlap| *overlap <= u64::from(proxies)), "{slice:?}");
                        let length: u64 = overlaps.iter().sum();
                        assert_eq!(length, slice.length(backends), "{slice:?} of {backends}");
                        let least = u64::from(aperture.min(backends)) * u64::from(proxies);
                        assert!(length >= least, "{slice:?} of {backends} has {length}");
                        // And less than one part more than it takes.
                        assert!(length < least + u64::from(backends), "{slice:?} of {backends} has {length}");
                    }
                    assert!(sums.iter().all(|sum| *sum == sums[0]), "{proxies} proxies: {sums:?}");
                }
            }
        }
    }

    #[test]
    fn slices_tile_a_hundred_backends() {
        // With 8 proxies 12.5 backends each, none of them twice; with 32, which are 3.125 backends apart, 4 of such parts;
        // with 100, 12.
        for (proxies, length, times) in [(8, 100, 1), (32, 400, 4), (100, 1_200, 12)] {
            let mut sums = [0; 100];
            for slice in slices(proxies, 12) {
                assert_eq!(slice.length(100), length, "{proxies} proxies");
                sums.iter_mut().zip(overlaps(slice, 100)).for_each(|(sum, overlap)| *sum += overlap);
            }
            assert_eq!(sums, [times * u64::from(proxies); 100], "{proxies} proxies");
        }
    }

    #[test]
    fn ends_of_a_slice_are_parts_of_backends() {
        let slice = |proxy| Slice { proxy, proxies: 8, aperture: 12 };
        let mut first = vec![8; 12];
        first.extend([4; 1]);
        first.resize(100, 0);
        assert_eq!(overlaps(slice(0), 100), first);
        let mut second = vec![0; 12];
        second.push(4);
        second.resize(25, 8);
        second.resize(100, 0);
        assert_eq!(overlaps(slice(1), 100), second);
        // Around the end of the ring: two of three thirds of four backends, from 8/3 on.
        let around = Slice { proxy: 2, proxies: 3, aperture: 2 };
        assert_eq!(overlaps(around, 4), [3, 1, 1, 3]);
    }

    #[test]
    fn a_proxy_more_or_less_moves_a_slice_by_two_parts_at_most() {
        for (proxies, backends) in
            (1..130).flat_map(|proxies| [1, 13, 100].map(|backends| (proxies, backends)))
        {
            for aperture in [1, 12, 60] {
                for (one, other) in slices(proxies, aperture).zip(slices(proxies + 1, aperture)) {
                    // In parts of a backend of which both kinds of part are made.
                    let (mut came, mut left) = (0, 0);
                    for (before, after) in overlaps(one, backends).into_iter().zip(overlaps(other, backends))
                    {
                        let (before, after) = (before * u64::from(proxies + 1), after * u64::from(proxies));
                        came += after.saturating_sub(before);
                        left += before.saturating_sub(after);
                    }
                    let most = 2 * u64::from(backends) * u64::from(proxies + 1);
                    assert!(
                        came <= most && left <= most,
                        "{one:?} of {backends}: {came} and {left} of {most}"
                    );
                }
            }
        }
    }
}
