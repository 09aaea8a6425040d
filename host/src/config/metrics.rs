//! `[metrics]`: the listener for those who collect metrics, and the buckets of their histograms.

use std::net::SocketAddr;

use pointsman_core::address::Address;
use pointsman_core::counts::Bounds;
use toml::de::DeValue;

use super::address::{add_address, local};
use super::read::{Section, Unique, Value};

const BUCKETS: &str = "write 1 to 30 upper bounds in seconds, each larger than the one before, such as `[0.005, 0.05, 0.3, 1, 5]`";

/// Most buckets beside the last one, which has no bound.
const MOST_BUCKETS: usize = 30;

/// `[metrics]`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MetricsConfig {
    /// Where metrics and probes are answered, and nothing else. `address`, none.
    pub address: Option<SocketAddr>,
    /// Upper bounds of the buckets in which requests are counted by their time. `latency_buckets`.
    pub latency_bounds: Bounds,
    /// Line of `address` in the file, for errors that show only when it is bound.
    pub line: usize,
}

pub(super) fn metrics<'a>(value: &Value<'a>, addresses: &mut Unique<'a, Address>) -> Option<MetricsConfig> {
    Section::read(value, "write `[metrics]` above its keys", |section| {
        let typed = section.get("address");
        let line = typed.as_ref().map_or(0, Value::line);
        let address = match typed {
            None => Some(None),
            Some(typed) => local(&typed).map(|address| {
                add_address(addresses, &address.into(), &typed);
                Some(address)
            }),
        };
        let latency_bounds =
            section.get("latency_buckets").map_or_else(|| Some(Bounds::default()), |value| bounds(&value));
        Some(MetricsConfig { address: address?, latency_bounds: latency_bounds?, line })
    })
}

fn bounds(value: &Value<'_>) -> Option<Bounds> {
    let items = value.items(BUCKETS)?;
    let nanos: Option<Vec<u64>> = items.iter().map(seconds).collect();
    let nanos = nanos?;
    if nanos.is_empty() || nanos.len() > MOST_BUCKETS || !nanos.is_sorted_by(|one, next| one < next) {
        value.fail("doesn't rise, or has too few or too many bounds", BUCKETS);
        return None;
    }
    Some(Bounds::of_nanos(nanos))
}

/// A number of seconds, as ns.
fn seconds(value: &Value<'_>) -> Option<u64> {
    let number = match value.raw() {
        DeValue::Float(float) => float.as_str().replace('_', "").parse::<f64>().ok(),
        DeValue::Integer(_) => value.as_integer().map(|seconds| seconds as f64),
        _ => None,
    };
    let nanos =
        number.map(|seconds| (seconds * 1e9).round()).filter(|nanos| (1e3..=86_400e9).contains(nanos));
    if nanos.is_none() {
        value.fail("is no number of seconds between 0.000001 and 86400", BUCKETS);
    }
    nanos.map(|nanos| nanos as u64)
}
