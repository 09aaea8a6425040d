//! Times that are counted.

use hdrhistogram::Histogram;

/// Times, and their exact sum.
pub(super) struct Timed {
    pub(super) times: Histogram<u64>,
    sum: f64,
}

impl Timed {
    pub(super) fn new() -> Result<Self, String> {
        // Three digits, up to a day.
        let times = Histogram::new_with_bounds(1, 86_400_000_000, 3).map_err(|error| error.to_string())?;
        Ok(Self { times, sum: 0.0 })
    }

    #[inline]
    pub(super) fn add(&mut self, time: u64) {
        self.times.saturating_record(time);
        self.sum += time as f64;
    }

    /// Their mean; 0 without any.
    pub(super) fn mean(&self) -> f64 {
        self.sum / self.times.len().max(1) as f64
    }
}
