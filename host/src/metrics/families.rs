//! Families of metrics on their way into a scrape: one call for each, with a row for each thing that has the number.

use std::fmt;

use pointsman_core::counts::Distribution;
use prometheus_client::encoding::{DescriptorEncoder, EncodeCounterValue, EncodeMetric, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// A label and its value.
pub(super) type Label<'a> = (&'static str, &'a str);

/// What takes the families of one scrape.
pub(super) struct Families<'a>(pub(super) DescriptorEncoder<'a>);

impl Families<'_> {
    /// Numbers that only grow.
    pub(super) fn counter<'a, const N: usize, V: EncodeCounterValue>(
        &mut self,
        (name, help): (&str, &str),
        rows: impl IntoIterator<Item = ([Label<'a>; N], V)>,
    ) -> fmt::Result {
        let rows = rows.into_iter().map(|(labels, value)| (labels, ConstCounter::new(value)));
        self.family((name, help), MetricType::Counter, rows)
    }

    /// Numbers that rise and fall.
    pub(super) fn gauge<'a, const N: usize>(
        &mut self,
        (name, help): (&str, &str),
        rows: impl IntoIterator<Item = ([Label<'a>; N], f64)>,
    ) -> fmt::Result {
        let rows = rows.into_iter().map(|(labels, value)| (labels, ConstGauge::new(value)));
        self.family((name, help), MetricType::Gauge, rows)
    }

    /// What is so (1) or not (0).
    pub(super) fn flag<'a, const N: usize>(
        &mut self,
        described: (&str, &str),
        rows: impl IntoIterator<Item = ([Label<'a>; N], bool)>,
    ) -> fmt::Result {
        self.gauge(described, rows.into_iter().map(|(labels, value)| (labels, f64::from(u8::from(value)))))
    }

    /// How many took how long.
    pub(super) fn histogram<'a, const N: usize>(
        &mut self,
        (name, help): (&str, &str),
        rows: impl IntoIterator<Item = ([Label<'a>; N], Distribution)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Histogram)?;
        for (labels, distribution) in rows {
            let bounds = distribution.bounds.seconds();
            let buckets: Vec<(f64, u64)> =
                bounds.chain([f64::MAX]).zip(distribution.buckets.iter().copied()).collect();
            let (sum, count) = (distribution.sum.as_secs_f64(), distribution.count());
            family.encode_family(&labels)?.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)?;
        }
        Ok(())
    }

    fn family<'a, const N: usize>(
        &mut self,
        (name, help): (&str, &str),
        metric_type: MetricType,
        rows: impl Iterator<Item = ([Label<'a>; N], impl EncodeMetric)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, metric_type)?;
        for (labels, value) in rows {
            value.encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}
