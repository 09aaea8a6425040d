//! How many requests took how long.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::cell::{Count, tell_all};
use super::quantile::quantile;

/// Upper bounds of the buckets of a histogram, ns, rising: an observation belongs to the first bucket whose bound it doesn't exceed, or
/// to one more behind the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounds(Arc<[u64]>);

impl Bounds {
    /// Buckets with these upper bounds, in µs. What doesn't rise is left out.
    #[must_use]
    pub fn of_micros(bounds: &[u64]) -> Self {
        Self::of_nanos(bounds.iter().map(|micros| micros.saturating_mul(1000)))
    }

    /// Buckets with these upper bounds, in ns. What doesn't rise is left out.
    #[must_use]
    pub fn of_nanos(bounds: impl IntoIterator<Item = u64>) -> Self {
        let mut rising: Vec<u64> = Vec::new();
        for bound in bounds {
            if rising.last().is_none_or(|last| *last < bound) {
                rising.push(bound);
            }
        }
        Self(rising.into())
    }

    /// Whether a time, ns, belongs to this bucket.
    #[inline]
    fn holds(&self, place: usize, nanos: u64) -> bool {
        let is_above =
            place.checked_sub(1).is_none_or(|before| self.0.get(before).is_some_and(|bound| *bound < nanos));
        is_above && self.0.get(place).is_none_or(|bound| nanos <= *bound)
    }

    /// The bucket of a time, ns.
    #[inline]
    fn place(&self, nanos: u64) -> usize {
        self.0.partition_point(|bound| *bound < nanos)
    }

    /// The upper bounds, seconds.
    pub fn seconds(&self) -> impl Iterator<Item = f64> {
        self.0.iter().map(|nanos| *nanos as f64 / 1e9)
    }
}

impl Default for Bounds {
    /// From 100 µs to a minute.
    fn default() -> Self {
        Self::of_micros(&[
            100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
            2_500_000, 5_000_000, 10_000_000, 30_000_000, 60_000_000,
        ])
    }
}

/// A histogram of all workers.
#[derive(Debug)]
pub struct Histogram {
    bounds: Bounds,
    buckets: Box<[AtomicU64]>,
    sum_ns: AtomicU64,
}

/// What one worker has observed since it last told.
#[derive(Debug)]
pub struct HistogramCells {
    bounds: Bounds,
    buckets: Box<[Count]>,
    sum_ns: Count,
    /// The bucket of the last one: the next often belongs there, and needs no search.
    last: Cell<usize>,
}

/// What a histogram says at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distribution {
    /// Upper bounds of all buckets but the last, which has none.
    pub bounds: Bounds,
    /// Observations by bucket.
    pub buckets: Vec<u64>,
    /// The sum of all of them.
    pub sum: Duration,
}

impl Default for Histogram {
    /// Nothing is observed; with the default bounds.
    fn default() -> Self {
        Self::new(&Bounds::default())
    }
}

impl Histogram {
    /// Nothing is observed.
    #[must_use]
    pub fn new(bounds: &Bounds) -> Self {
        let buckets = (0..=bounds.0.len()).map(|_| AtomicU64::default()).collect();
        Self { bounds: bounds.clone(), buckets, sum_ns: AtomicU64::default() }
    }

    /// Bounds of its buckets.
    #[must_use]
    pub fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// Cells for one worker.
    #[must_use]
    pub fn cells(&self) -> HistogramCells {
        let buckets = self.buckets.iter().map(|_| Count::default()).collect();
        HistogramCells {
            bounds: self.bounds.clone(),
            buckets,
            sum_ns: Count::default(),
            last: Cell::default(),
        }
    }

    /// Observes one that took so long, for all workers: not for what happens in each request.
    pub fn observe(&self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        if let Some(bucket) = self.buckets.get(self.bounds.place(nanos)) {
            bucket.fetch_add(1, Relaxed);
        }
        self.sum_ns.fetch_add(nanos, Relaxed);
    }

    /// Adds what a worker has observed.
    pub fn add(&self, cells: &HistogramCells) {
        tell_all(&cells.buckets, &self.buckets);
        cells.sum_ns.tell(&self.sum_ns);
    }

    /// What was observed so far.
    #[must_use]
    pub fn read(&self) -> Distribution {
        Distribution {
            bounds: self.bounds.clone(),
            buckets: self.buckets.iter().map(|bucket| bucket.load(Relaxed)).collect(),
            sum: Duration::from_nanos(self.sum_ns.load(Relaxed)),
        }
    }
}

impl HistogramCells {
    /// Observes one that took so long.
    #[inline]
    pub fn observe(&self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        if !self.bounds.holds(self.last.get(), nanos) {
            self.last.set(self.bounds.place(nanos));
        }
        if let Some(bucket) = self.buckets.get(self.last.get()) {
            bucket.add(1);
        }
        self.sum_ns.add(nanos);
    }
}

impl Distribution {
    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// About the time below which this share of all lies; see [`quantile`].
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let bounds: Vec<f64> = self.bounds.seconds().collect();
        quantile(&bounds, &self.buckets, share).map(Duration::from_secs_f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observed(micros: &[u64]) -> Distribution {
        let histogram = Histogram::new(&Bounds::of_micros(&[100, 1000, 500, 2000]));
        let cells = histogram.cells();
        micros.iter().for_each(|micros| cells.observe(Duration::from_micros(*micros)));
        histogram.add(&cells);
        histogram.add(&cells);
        histogram.read()
    }

    #[test]
    fn a_bound_belongs_to_its_bucket_and_nothing_is_told_twice() {
        let read = observed(&[0, 100, 101, 1000, 1001, 2000, 2001, 1 << 40]);
        assert_eq!(read.bounds, Bounds::of_micros(&[100, 1000, 2000]));
        assert_eq!(read.bounds.seconds().collect::<Vec<_>>(), [0.0001, 0.001, 0.002]);
        assert_eq!(read.buckets, [2, 2, 2, 2]);
        assert_eq!(read.sum.as_micros(), 6203 + (1 << 40));
    }

    #[test]
    fn backends_of_a_fifth_of_a_millisecond_of_two_and_of_twenty_are_told_apart() {
        let medians = [200, 2_000, 20_000].map(|micros| {
            let histogram = Histogram::new(&Bounds::default());
            let cells = histogram.cells();
            (0..100).for_each(|_| cells.observe(Duration::from_micros(micros)));
            histogram.add(&cells);
            histogram.read().quantile(0.5).unwrap().as_micros()
        });
        assert!((100..=250).contains(&medians[0]), "{medians:?}");
        assert!((1_000..=2_500).contains(&medians[1]), "{medians:?}");
        assert!((10_000..=25_000).contains(&medians[2]), "{medians:?}");
    }

    #[test]
    fn a_quantile_lies_in_its_bucket() {
        assert_eq!(observed(&[]).quantile(0.5), None);
        let read = observed(&[50, 50, 1500, 1500]);
        assert_eq!(read.quantile(0.5), Some(Duration::from_micros(100)));
        assert_eq!(read.quantile(0.75), Some(Duration::from_micros(1500)));
        assert_eq!(observed(&[9999]).quantile(0.99), Some(Duration::from_micros(2000)));
    }
}
