//! The replies of DNS to a question, and the backends that they name.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use pointsman_core::printable::Printable;
use thiserror::Error;

use crate::discovery::resolved::{ResolvedBackend, WHOLE};

/// Most backends of one entry; those after them in the order of addresses are left out.
pub(super) const MOST: usize = 1_000;

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum Failure {
    /// There is no such name, or no usable address under it.
    #[error("DNS knows no address for it")]
    Empty,
    /// No server has answered in time.
    #[error("no DNS server has answered in time")]
    TimedOut,
    /// A server couldn't be asked, or its answer was an error.
    #[error("it cannot be resolved: {0}")]
    Server(Printable),
}

/// Addresses of one family of a host; empty if DNS says that there are none.
pub(super) type Asked = Result<Vec<IpAddr>, Failure>;

/// A reply in its parts: when one couldn't be asked, the others still count.
#[derive(Debug, Clone, Default)]
pub(super) struct Reply {
    /// The records; one if the addresses of a host were asked for.
    pub(super) records: Vec<Record>,
    /// The IPv4 and the IPv6 addresses of each record's host.
    pub(super) hosts: BTreeMap<String, [Asked; 2]>,
    /// The shortest TTL of all parts.
    pub(super) ttl: Duration,
}

/// A server as an SRV record describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) host: String,
    pub(super) port: u16,
    /// The lowest one serves.
    pub(super) priority: u16,
    /// In relation to others of this priority.
    pub(super) weight: u16,
}

/// The last good answer to a question.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Answer {
    /// Sorted by address, each address once, at most [`MOST`].
    pub(super) backends: Vec<ResolvedBackend>,
    /// How many were left out.
    pub(super) left_out: usize,
    /// The addresses of each host, for parts that can't be asked the next time.
    hosts: BTreeMap<String, [Vec<IpAddr>; 2]>,
}

impl Answer {
    /// The answer of a reply, with the last answer's addresses where a part couldn't be asked; and why it couldn't be.
    pub(super) fn of(reply: Reply, last: Option<&Self>) -> Result<(Self, Option<Failure>), Failure> {
        let mut failure = None;
        let hosts: BTreeMap<_, _> = reply
            .hosts
            .into_iter()
            .map(|(host, families)| {
                let kept = last.and_then(|last| last.hosts.get(&host)).cloned().unwrap_or_default();
                let [v4, v6] = families;
                let [kept_v4, kept_v6] = kept;
                let mut or_kept = |asked: Asked, kept| {
                    asked.unwrap_or_else(|why| {
                        failure.get_or_insert(why);
                        kept
                    })
                };
                let families = [or_kept(v4, kept_v4), or_kept(v6, kept_v6)];
                (host, families)
            })
            .collect();
        let mut backends = resolve(&reply.records, &hosts);
        if backends.is_empty() {
            return Err(failure.unwrap_or(Failure::Empty));
        }
        let left_out = backends.len().saturating_sub(MOST);
        backends.truncate(MOST);
        Ok((Self { backends, left_out, hosts }, failure))
    }
}

/// The backends of these records in the order of their addresses. Of two records with one address the better one counts.
fn resolve(records: &[Record], hosts: &BTreeMap<String, [Vec<IpAddr>; 2]>) -> Vec<ResolvedBackend> {
    let usable = |ip: &IpAddr| !ip.is_unspecified() && !ip.is_multicast();
    let listed = |host: &str| hosts.get(host).into_iter().flatten().flatten();
    let addresses = |host: &str| listed(host).map(IpAddr::to_canonical).filter(usable);
    // A class counts if there is anything in it. Nothing is reached at port 0.
    let records: Vec<&Record> = records.iter().filter(|record| record.port != 0).collect();
    let serving = records.iter().filter(|record| addresses(&record.host).next().is_some());
    let lowest = serving.map(|record| record.priority).min().unwrap_or_default();
    let mut backends: Vec<ResolvedBackend> = records
        .iter()
        .flat_map(|record| {
            let of_class = records.iter().filter(|other| other.priority == record.priority);
            let heaviest = of_class.map(|other| other.weight).max().unwrap_or_default();
            let share = share(record.weight, heaviest);
            let backup = record.priority > lowest;
            let host: Arc<str> = record.host.strip_suffix('.').unwrap_or(&record.host).into();
            addresses(&record.host).map(move |ip| {
                let address = SocketAddr::new(ip, record.port);
                ResolvedBackend { address, host: Arc::clone(&host), backup, share }
            })
        })
        .collect();
    backends.sort_by(|one, other| {
        let by_quality = |found: &ResolvedBackend| (found.address, found.backup, Reverse(found.share));
        by_quality(one).cmp(&by_quality(other)).then_with(|| one.host.cmp(&other.host))
    });
    backends.dedup_by_key(|backend| backend.address);
    backends
}

/// The heaviest record of a class has the entry's whole weight, so that equal ones weigh what they weigh without SRV,
/// whatever number they carry; a weight of 0 among others is the least there is.
fn share(weight: u16, heaviest: u16) -> u32 {
    if heaviest == 0 { WHOLE } else { (WHOLE * u32::from(weight) / u32::from(heaviest)).max(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ips(list: &str) -> Asked {
        match list {
            "timeout" => Err(Failure::TimedOut),
            list => Ok(list.split_whitespace().map(|ip| ip.parse().unwrap()).collect()),
        }
    }

    /// A reply of records `(host, port, priority, weight)` and hosts `(name, v4, v6)`.
    fn reply(records: &[(&str, u16, u16, u16)], hosts: &[(&str, &str, &str)]) -> Reply {
        let record = |&(host, port, priority, weight): &(&str, _, _, _)| Record {
            host: host.into(),
            port,
            priority,
            weight,
        };
        Reply {
            records: records.iter().map(record).collect(),
            hosts: hosts.iter().map(|(host, v4, v6)| ((*host).into(), [ips(v4), ips(v6)])).collect(),
            ttl: Duration::ZERO,
        }
    }

    /// Backends as `address share`, a backup with a `b` at the end.
    fn shown(answer: &Answer) -> Vec<String> {
        let show = |backend: &ResolvedBackend| {
            format!("{} {}{}", backend.address, backend.share, if backend.backup { "b" } else { "" })
        };
        answer.backends.iter().map(show).collect()
    }

    fn good(reply: Reply) -> Answer {
        let (answer, failure) = Answer::of(reply, None).unwrap();
        assert_eq!(failure, None);
        answer
    }

    #[test]
    fn a_host_is_all_its_addresses_sorted() {
        let host = |v4, v6| reply(&[("a", 80, 0, 0)], &[("a", v4, v6)]);
        let all = shown(&good(host("10.0.0.10 10.0.0.2 10.0.0.2", "::2")));
        assert_eq!(all, ["10.0.0.2:80 1000", "10.0.0.10:80 1000", "[::2]:80 1000"]);
        assert_eq!(shown(&good(host("", "::2"))), ["[::2]:80 1000"]);
        // What names no machine isn't one.
        assert_eq!(shown(&good(host("0.0.0.0 10.0.0.1 224.0.0.1", "::"))), ["10.0.0.1:80 1000"]);
        assert_eq!(Answer::of(host("", ""), None).unwrap_err(), Failure::Empty);
        assert_eq!(Answer::of(host("0.0.0.0", ""), None).unwrap_err(), Failure::Empty);
        assert_eq!(Answer::of(host("", "::ffff:0.0.0.0"), None).unwrap_err(), Failure::Empty);
        assert_eq!(Answer::of(host("timeout", ""), None).unwrap_err(), Failure::TimedOut);
    }

    #[test]
    fn an_entry_has_a_limit() {
        let many: Vec<String> = (0..1_500).map(|n| format!("10.1.{}.{}", n / 250, n % 250)).collect();
        let answer = good(reply(&[("a", 80, 0, 0)], &[("a", &many.join(" "), "")]));
        assert_eq!((answer.backends.len(), answer.left_out), (MOST, 500));
        assert_eq!(answer.backends[MOST - 1].address.to_string(), "10.1.3.249:80");
    }

    #[test]
    fn records_of_a_service_have_shares_and_backups() {
        let hosts = [("a", "10.0.0.1", ""), ("b", "10.0.0.2", ""), ("c", "10.0.0.3 10.0.0.4", "")];
        let answer = reply(&[("a", 1, 10, 60), ("b", 2, 10, 20), ("c", 3, 20, 7)], &hosts);
        assert_eq!(
            shown(&good(answer)),
            ["10.0.0.1:1 1000", "10.0.0.2:2 333", "10.0.0.3:3 1000b", "10.0.0.4:3 1000b"]
        );
        let weightless = reply(&[("a", 1, 0, 0), ("b", 2, 0, 0)], &hosts);
        assert_eq!(shown(&good(weightless)), ["10.0.0.1:1 1000", "10.0.0.2:2 1000"]);
        let nearly = reply(&[("a", 1, 0, 0), ("b", 2, 0, 65_535)], &hosts);
        assert_eq!(shown(&good(nearly)), ["10.0.0.1:1 1", "10.0.0.2:2 1000"]);
        // A class without an address doesn't make backups of the others.
        let hollow = reply(&[("x", 1, 0, 0), ("b", 2, 1, 0)], &[("x", "", ""), ("b", "10.0.0.2", "")]);
        assert_eq!(shown(&good(hollow)), ["10.0.0.2:2 1000"]);
        let without_port = reply(&[("a", 0, 0, 60), ("b", 2, 1, 0)], &hosts);
        assert_eq!(shown(&good(without_port)), ["10.0.0.2:2 1000"]);
        // The same server in two classes serves.
        let twice = reply(&[("a", 1, 1, 5), ("a", 1, 0, 5)], &hosts);
        assert_eq!(shown(&good(twice)), ["10.0.0.1:1 1000"]);
    }

    #[test]
    fn what_cannot_be_asked_keeps_its_last_addresses() {
        let records = [("a", 80, 0, 0), ("b", 80, 0, 0)];
        let first = good(reply(&records, &[("a", "10.0.0.1", "::1"), ("b", "10.0.0.2", "")]));
        let next = reply(&records, &[("a", "timeout", ""), ("b", "10.0.0.3", "timeout")]);
        let (next, failure) = Answer::of(next, Some(&first)).unwrap();
        assert_eq!(failure, Some(Failure::TimedOut));
        assert_eq!(shown(&next), ["10.0.0.1:80 1000", "10.0.0.3:80 1000"]);
        // A host that is no longer named isn't kept.
        let (next, _) = Answer::of(reply(&records[1..], &[("b", "timeout", "")]), Some(&next)).unwrap();
        assert_eq!(shown(&next), ["10.0.0.3:80 1000"]);
    }
}
