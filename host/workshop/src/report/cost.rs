//! What picks cost, and whether memory grows.

use http::HeaderName;
use pointsman_core::request::RequestHead;

use super::lab::Lab;
use super::line::{Line, Verdict};
use super::model::{ReportError, Section, Table};
use crate::bench;
use crate::chart::{Axis, Chart};
use crate::made_up::{self, numbered};

/// Instructions of a pick from 100 backends that cost next to nothing beside the rest of a request: some µs.
const CHEAP: f64 = 10_000.0;
const DEAR: f64 = 100_000.0;

pub(super) fn picks(lab: &Lab<'_>) -> Result<Section, ReportError> {
    let key = lab.header().and_then(|name| HeaderName::try_from(name).ok());
    let costs = bench::measure(&lab.subject().plugin, &lab.subject().config, key.as_ref())?;
    let mut table = Table::new(&["backends", "ns", "fuel", "host calls", "memory"]);
    for cost in &costs {
        table.add([
            cost.backends.to_string(),
            format!("{:.0}", cost.ns),
            format!("{:.0}", cost.fuel),
            format!("{:.1}", cost.host_calls),
            format!("{} KiB", cost.memory.div_ceil(1 << 10)),
        ]);
    }
    let at =
        |backends: usize| costs.iter().find(|cost| cost.backends == backends).map_or(0.0, |cost| cost.fuel);
    // The slope between 10 and 10,000 backends on logarithmic axes.
    let growth = (at(10_000) / at(10).max(1.0)).log10() / 3.0;
    let points = costs.iter().map(|cost| (cost.backends as f64, cost.fuel)).collect();
    Ok(Section {
        title: "Cost",
        about: "A pick among 1 to 10,000 idle backends. Fuel counts instructions; it and the number of host functions that a pick calls are the same on every machine. The time is that of this one, in the \
                build of Pointsman that made this report."
            .to_owned(),
        lines: vec![
            Line {
                id: "pick-cost",
                what: "a pick from 100 backends is cheap",
                verdict: Verdict::at_most(at(100), CHEAP, DEAR),
                found: format!("{:.0} fuel", at(100)),
                value: Some(at(100)),
                wanted: format!("at most {CHEAP}"),
            },
            Line {
                id: "cost-growth",
                what: "it grows with the backends no faster than their number",
                verdict: Verdict::at_most(growth, 1.05, 1.3),
                found: format!("by the power of {:.2}", growth.max(0.0)),
                value: Some(growth.max(0.0)),
                wanted: "at most 1.05".to_owned(),
            },
        ],
        table,
        chart: Some(Chart::lines(
            "Instructions of a pick by the number of backends",
            ("backends", Axis::Logarithmic),
            ("fuel", Axis::Logarithmic),
            vec![(lab.subject().name.clone(), points)],
        )),
    })
}

pub(super) fn memory(lab: &mut Lab<'_>) -> Result<Section, ReportError> {
    let (picks, changes) = (lab.times(1_000), lab.times(1_000));
    let mut proxy = lab.proxy((1..=100).map(numbered).collect(), 1)?;
    let mut head = RequestHead::default();
    let mut sizes = vec![proxy.memory_bytes()];
    for half in 0..2 {
        for change in 0..changes / 2 {
            let number = 1 + ((half * changes / 2 + change) % 100) as u16;
            made_up::set_membership(proxy.pool(), numbered(number), change % 2 == 1);
            for _ in 0..picks {
                let _ = proxy.pick(&mut head);
            }
        }
        sizes.push(proxy.memory_bytes());
    }
    lab.count_faults(&proxy);
    let kib = |bytes: usize| format!("{} KiB", bytes.div_ceil(1 << 10));
    let mut table = Table::new(&["after", "memory"]);
    let whole = u64::from(picks) * u64::from(changes);
    for (share, size) in [0, whole / 2, whole].into_iter().zip(&sizes) {
        table.add([format!("{share} picks"), kib(*size)]);
    }
    let grows = sizes[2] > sizes[1];
    Ok(Section {
        title: "Memory",
        about: format!(
            "{whole} picks from about a hundred backends, of which one leaves or comes {changes} times. What grows in the second half as well never stops."
        ),
        lines: vec![Line {
            id: "memory",
            what: "memory levels off",
            verdict: if grows { Verdict::Fail } else { Verdict::Pass },
            found: format!("{}, then {}", kib(sizes[1]), kib(sizes[2])),
            value: Some(sizes[2] as f64 - sizes[1] as f64),
            wanted: "no growth in the second half".to_owned(),
        }],
        table,
        chart: None,
    })
}
