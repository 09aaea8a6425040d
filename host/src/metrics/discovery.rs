//! What DNS has answered for the names of backends.

use std::fmt;

use super::families::Families;
use super::scrape::Scrape;
use crate::discovery::AnswerResult;

/// Without a name of which backends are wanted there is no series.
pub(super) fn encode(scrape: &Scrape, families: &mut Families<'_>) -> fmt::Result {
    let names = scrape.status.counts.discovery.read();
    let answers = names.iter().flat_map(|(name, counts)| {
        let answers = AnswerResult::ALL.into_iter().zip(counts.answers);
        answers.map(move |(result, count)| ([("name", &**name), ("result", result.name())], count))
    });
    families.counter(("discovery_answers", "Answers of DNS for names of backends"), answers)?;
    let last = names.iter().map(|(name, counts)| {
        ([("name", &**name)], counts.last_success.map_or(0.0, |moment| scrape.since_epoch(moment)))
    });
    let described = (
        "discovery_last_success_timestamp_seconds",
        "When DNS last had an answer for the name; 0 if it never had one",
    );
    families.gauge(described, last)
}
