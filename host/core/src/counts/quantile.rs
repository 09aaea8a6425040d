//! Quantiles of times that are counted in buckets.

/// About the time within which this share of all was done, in the unit of `bounds`; `None` if none was. Within a bucket, times are taken to
/// be spread evenly; what is above the last bound is at that bound.
#[must_use]
pub fn quantile(bounds: &[f64], counts: &[u64], share: f64) -> Option<f64> {
    let float = |count: u64| count as f64;
    let all = float(counts.iter().sum());
    if all == 0.0 {
        return None;
    }
    let wanted = share.clamp(0.0, 1.0) * all;
    let (mut below, mut lower) = (0.0, 0.0);
    for (bound, count) in bounds.iter().zip(counts) {
        let count = float(*count);
        if below + count >= wanted && count > 0.0 {
            return Some(lower + (bound - lower) * ((wanted - below) / count).clamp(0.0, 1.0));
        }
        below += count;
        lower = *bound;
    }
    bounds.last().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_within_their_bucket() {
        let bounds = [0.001, 0.01, 0.1];
        assert_eq!(quantile(&bounds, &[], 0.5), None);
        assert_eq!(quantile(&bounds, &[0, 0, 0, 0], 0.5), None);
        let middle = quantile(&bounds, &[0, 100, 0, 0], 0.5).expect("requests");
        assert!((middle - 0.0055).abs() < 1e-9, "{middle}");
        assert_eq!(quantile(&bounds, &[50, 0, 50, 0], 0.5), Some(0.001));
        assert_eq!(quantile(&bounds, &[50, 0, 50, 0], 1.0), Some(0.1));
        assert_eq!(quantile(&bounds, &[0, 0, 0, 7], 0.99), Some(0.1), "above the last bound");
    }
}
