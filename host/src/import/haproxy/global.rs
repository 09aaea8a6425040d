//! What holds for the whole: `global`, `resolvers`, the environment, and the log.

use std::collections::HashMap;

use super::super::draft::Draft;
use super::super::ledger::{Ledger, Rank};
use super::super::value;
use super::quantity;
use super::sections::Section;
use crate::config::literal;

pub(super) fn with_presets(
    environment: &[(String, String)],
    sections: &[Section],
) -> HashMap<String, String> {
    let mut all: HashMap<String, String> = environment.iter().cloned().collect();
    for line in
        sections.iter().filter(|section| section.kind() == "global").flat_map(|section| &section.lines)
    {
        match line.word(0) {
            "setenv" => {
                all.insert(line.word(1).to_owned(), line.word(2).to_owned());
            }
            "presetenv" => {
                all.entry(line.word(1).to_owned()).or_insert_with(|| line.word(2).to_owned());
            }
            _ => {}
        }
    }
    all
}

pub(super) fn global(ledger: &mut Ledger, draft: &mut Draft, sections: &[Section]) {
    for line in
        sections.iter().filter(|section| section.kind() == "global").flat_map(|section| &section.lines)
    {
        match line.word(0) {
            "nbthread" => {
                if let Ok(number @ 1..=1024) = line.word(1).parse::<u64>() {
                    draft.top.set("workers", number.to_string());
                    ledger.carry(line.place);
                }
            }
            "hard-stop-after" => {
                if let Some(time) =
                    quantity::time(line.word(1)).filter(|time| (1..=value::DAY_MS).contains(time))
                {
                    draft.top.set("drain_timeout", value::duration(time));
                    ledger.near(line.place, "is from SIGTERM on, which drains here");
                }
            }
            "grace" => {
                if let Some(time) = quantity::time(line.word(1)).filter(|time| *time <= 600_000) {
                    draft.top.set("drain_delay", value::duration(time));
                    ledger.carry(line.place);
                }
            }
            _ => {}
        }
    }
}

pub(super) fn resolvers(ledger: &mut Ledger, draft: &mut Draft, sections: &[Section]) {
    let Some(section) = sections.iter().find(|section| section.kind() == "resolvers") else { return };
    let mut servers: Vec<String> = Vec::new();
    ledger.carry(section.header.place);
    for line in &section.lines {
        match line.word(0) {
            "nameserver" => {
                let address = line.word(2).trim_start_matches("udp@").to_owned();
                let is_good = address.parse::<std::net::SocketAddr>().is_ok()
                    && !servers.contains(&address)
                    && servers.len() < 8;
                match is_good {
                    true => {
                        servers.push(address);
                        ledger.carry(line.place);
                    }
                    false => ledger.list(
                        line.place,
                        Rank::B,
                        "DNS servers are at most 8 IP addresses with ports, asked by UDP and TCP",
                    ),
                }
            }
            "hold" if line.word(1) == "valid" => {
                if let Some(time) = quantity::time(line.word(2)) {
                    draft.dns.set("max_ttl", value::duration(time.clamp(5_000, value::DAY_MS)));
                    ledger.near(line.place, "is the longest time that an answer holds; a shorter TTL counts");
                }
            }
            _ => {}
        }
    }
    if !servers.is_empty() {
        draft.dns.set("servers", value::texts(servers));
    }
}

/// There is one access log; a log of HAProxy's goes to standard output instead.
pub(super) fn access_log(ledger: &mut Ledger, draft: &mut Draft, sections: &[Section]) {
    let is_proxy = |section: &&Section| ["defaults", "frontend", "listen"].contains(&section.kind());
    let lines: Vec<_> = sections.iter().filter(is_proxy).flat_map(|section| &section.lines).collect();
    let logs =
        lines.iter().filter(|line| line.is("log") && line.word(1) != "global" || line.is("log global"));
    let logs: Vec<_> = logs.filter(|line| ledger.is_open(line.place)).collect();
    if logs.is_empty() {
        return;
    }
    draft.access_log.set("format", literal("text"));
    draft.access_log.set("path", literal("-"));
    for line in logs {
        ledger.near(line.place, "lines go to standard output, in the combined format with more fields after it; see docs/access-log.md");
    }
    for line in lines.iter().filter(|line| line.is("option httplog")) {
        ledger.carry(line.place);
    }
}
