//! Counters by name, and histograms.

use std::collections::BTreeMap;

use pointsman_core::counts::{CLASSES, Distribution};

use crate::admin::model::Histogram;

pub(super) fn named<'a>(counts: impl IntoIterator<Item = (&'a str, u64)>) -> BTreeMap<String, u64> {
    counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
}

/// Responses by the first digit of their status less one.
pub(super) fn by_class(responses: [u64; 5]) -> BTreeMap<String, u64> {
    named(CLASSES.into_iter().zip(responses))
}

pub(super) fn histogram(distribution: &Distribution) -> Histogram {
    Histogram { counts: distribution.buckets.clone(), sum_seconds: distribution.sum.as_secs_f64() }
}
