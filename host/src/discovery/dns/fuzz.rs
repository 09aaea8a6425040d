//! A fuzz target: the handling of DNS replies.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::answer::{Answer, Asked, Failure, MOST, Record, Reply};

/// Numbers out of the input; zeros when it is used up.
struct Numbers<'a>(&'a [u8]);

impl Numbers<'_> {
    fn byte(&mut self) -> u8 {
        let Some((&byte, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        byte
    }

    fn word(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    fn asked(&mut self, address: impl Fn(u8, u8) -> IpAddr) -> Asked {
        match self.byte() {
            0xff => Err(Failure::TimedOut),
            0xfe => Err(Failure::Empty),
            count => Ok((0..count % 8).map(|_| address(self.byte(), self.byte())).collect()),
        }
    }

    fn reply(&mut self) -> Reply {
        let host = |number: u8| format!("host-{}", number % 4);
        let records = (0..self.byte() % 6)
            .map(|_| Record {
                host: host(self.byte()),
                port: self.word(),
                priority: u16::from(self.byte() % 3),
                weight: self.word(),
            })
            .collect();
        let hosts: BTreeMap<String, [Asked; 2]> = (0..self.byte() % 4)
            .map(|number| {
                let v4 = self.asked(|a, b| IpAddr::from([a, 0, 0, b]));
                let v6 = self.asked(|a, b| IpAddr::from([u16::from(a) << 8, 0, 0, 0, 0, 0, 0, u16::from(b)]));
                (host(number), [v4, v6])
            })
            .collect();
        Reply { records, hosts, ttl: Duration::ZERO }
    }
}

/// Two replies, one after the other: answers are in order and bounded, and the same reply says the same again.
pub(crate) fn answers(input: &[u8]) {
    let mut numbers = Numbers(input);
    let first = Answer::of(numbers.reply(), None).ok().map(|(answer, _)| answer);
    let reply = numbers.reply();
    let is_whole = reply.hosts.values().flatten().all(Result::is_ok);
    let Ok((answer, failure)) = Answer::of(reply.clone(), first.as_ref()) else { return };
    assert!(is_whole == failure.is_none(), "{failure:?}");
    assert!((1..=MOST).contains(&answer.backends.len()));
    assert!(
        answer.backends.is_sorted_by(|one, next| one.address < next.address),
        "addresses are in order, each once"
    );
    for found in &answer.backends {
        assert!((1..=1_000).contains(&found.share), "{found:?}");
        assert!(
            found.address.port() != 0
                && !found.address.ip().is_unspecified()
                && !found.address.ip().is_multicast()
        );
    }
    assert!(answer.backends.iter().any(|found| !found.backup), "only backups are left");
    let (again, _) = Answer::of(reply, Some(&answer)).expect("the same reply");
    assert_eq!(again, answer, "the same reply twice");
}
