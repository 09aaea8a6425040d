//! Whether requests of one key stay together, and how many move when backends come and go.

use std::net::{IpAddr, Ipv4Addr};

use http::{HeaderName, HeaderValue};
use pointsman_core::request::RequestHead;
use pointsman_policy::Simulation;

use super::lab::Lab;
use super::line::{Line, Verdict};
use super::model::{ReportError, Section, Table};
use crate::made_up::{self, numbered};

/// Backends at the beginning.
const BACKENDS: u16 = 10;

/// Where each key leads; `None` where the policy names no backend.
type Mapping = Vec<Option<Box<str>>>;

pub(super) fn try_out(lab: &mut Lab<'_>) -> Result<Section, ReportError> {
    let backends = || (1..=BACKENDS).map(numbered).collect::<Vec<_>>();
    let keys = Keys { count: lab.times(10_000), header: lab.header().and_then(|name| name.try_into().ok()) };
    let (mut first, mut second) = (lab.proxy(backends(), 1)?, lab.proxy(backends(), 2)?);
    let before = keys.lead(&mut first);
    let again = keys.lead_in_another_order(&mut first);
    let elsewhere = keys.lead(&mut second);

    made_up::set_membership(first.pool(), numbered(3), false);
    let without = keys.lead(&mut first);
    made_up::set_membership(first.pool(), numbered(3), true);
    let returned = keys.lead(&mut first);
    made_up::set_membership(first.pool(), numbered(BACKENDS + 1), true);
    let joined = keys.lead(&mut first);
    lab.count_faults(&first);

    let same = 1.0 - moved(&before, &again);
    let is_keyed = same > 0.99 && before.iter().any(|backend| *backend != before[0]);
    let found = Found {
        leave: moved(&before, &without),
        back: moved(&before, &returned),
        join: moved(&returned, &joined),
        disagree: moved(&before, &elsewhere),
    };
    let mut table = Table::new(&["keys that go elsewhere", "found", "least possible"]);
    let of = |what: &str, found: f64, least: f64| [what.to_owned(), percent(found), percent(least)];
    table.add(of("at the next request", 1.0 - same, 0.0));
    table.add(of("when 1 of 10 leaves", found.leave, share_of(&before, "b3")));
    table.add(of("when it is back", found.back, 0.0));
    table.add(of("when an 11th joins", found.join, 1.0 / f64::from(BACKENDS + 1)));
    table.add(of("at another proxy", found.disagree, 0.0));
    Ok(Section {
        title: "Keys",
        about: about(lab, keys.count),
        lines: found.lines(is_keyed),
        table,
        chart: None,
    })
}

fn about(lab: &Lab<'_>, count: u32) -> String {
    let key = lab
        .header()
        .map_or_else(|| "the client's address".to_owned(), |name| format!("the header field {name}"));
    format!(
        "{count} keys, each in a request of its own; the key is {key}. A policy has keys if at least 99 % of them lead to the same backend when they \
         come again, and not all to one. Another proxy of the same pool has other random numbers."
    )
}

struct Found {
    leave: f64,
    back: f64,
    join: f64,
    disagree: f64,
}

impl Found {
    fn lines(&self, is_keyed: bool) -> Vec<Line> {
        let backends = f64::from(BACKENDS);
        let line = |id, what, found: f64, (pass, warn): (f64, f64)| Line {
            id,
            what,
            verdict: if is_keyed { Verdict::at_most(found, pass, warn) } else { Verdict::NotApplicable },
            found: if is_keyed { percent(found) } else { "not a policy with keys".to_owned() },
            value: is_keyed.then_some(found),
            wanted: format!("at most {}", percent(pass)),
        };
        vec![
            line(
                "leave",
                "few keys move when a backend leaves",
                self.leave,
                (2.0 / backends, 4.0 / backends),
            ),
            line("return", "all are where they were when it is back", self.back, (0.0, 0.0)),
            line("join", "few keys move when a backend joins", self.join, (2.0 / backends, 4.0 / backends)),
            line("agreement", "proxies agree on where keys belong", self.disagree, (0.001, 0.05)),
        ]
    }
}

struct Keys {
    count: u32,
    header: Option<HeaderName>,
}

impl Keys {
    /// Where each key leads now.
    fn lead(&self, proxy: &mut Simulation) -> Mapping {
        let mut head = RequestHead::default();
        (0..self.count).map(|key| self.lead_one(key, &mut head, proxy)).collect()
    }

    /// The same, but the keys come in another order: whose turn it is decides nothing with a policy that goes by keys.
    fn lead_in_another_order(&self, proxy: &mut Simulation) -> Mapping {
        /// Has no factor in common with the numbers of keys, so all come.
        const STRIDE: u32 = 389;
        let mut head = RequestHead::default();
        let mut mapping = vec![None; self.count as usize];
        for place in 0..self.count {
            let key = place * STRIDE % self.count;
            mapping[key as usize] = self.lead_one(key, &mut head, proxy);
        }
        mapping
    }

    /// A request that isn't sent, and so changes no count.
    fn lead_one(&self, key: u32, head: &mut RequestHead, proxy: &mut Simulation) -> Option<Box<str>> {
        match &self.header {
            Some(name) => drop(head.parts.headers.insert(name.clone(), HeaderValue::from(key))),
            None => head.client = IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + key)),
        }
        proxy.pick(head).ok().map(|request| request.backend().name.clone())
    }
}

fn moved(before: &Mapping, after: &Mapping) -> f64 {
    before.iter().zip(after).filter(|(before, after)| before != after).count() as f64
        / before.len().max(1) as f64
}

fn share_of(mapping: &Mapping, name: &str) -> f64 {
    mapping.iter().filter(|to| to.as_deref() == Some(name)).count() as f64 / mapping.len().max(1) as f64
}

fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}
