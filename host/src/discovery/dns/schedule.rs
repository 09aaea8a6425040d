//! When a question is asked again, and which of its answers is believed. Without a clock and without a network.

use std::time::Duration;

use pointsman_core::clock::Moment;

use crate::config::DnsConfig;
use crate::discovery::counts::AnswerResult;

use super::answer::{Answer, Failure, Reply};

/// The first pause after a failure; it doubles with every further one.
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LONGEST_RETRY: Duration = Duration::from_secs(30);

/// How long an answer holds, whatever its TTL.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    min: Duration,
    max: Duration,
}

impl From<&DnsConfig> for Bounds {
    fn from(config: &DnsConfig) -> Self {
        Self { min: config.min_ttl, max: config.max_ttl }
    }
}

/// The state of a question.
///
/// Only a good answer replaces the one before. When DNS fails, and also when it says that there is no address, the last good answer
/// holds for as long as that lasts: an empty answer is far more often a mistake (a deleted zone, a resolver with a wrong view) than
/// the intention to have no backend.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    answer: Option<Answer>,
    /// In a row.
    failures: u32,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// To be asked at this time.
    Due(Moment),
    Asking,
}

impl Default for State {
    fn default() -> Self {
        Self::Due(Moment(0))
    }
}

/// The effect of a reply.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Settled {
    /// Whether the backends are others than before.
    pub(super) changed: bool,
    pub(super) outage: Option<Outage>,
    /// What came of it, in a word.
    pub(super) result: AnswerResult,
}

/// A row of failures begins or ends; both are logged.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outage {
    Begins(Failure),
    Ends,
}

impl Schedule {
    /// The last good answer.
    pub(super) fn answer(&self) -> Option<&Answer> {
        self.answer.as_ref()
    }

    /// When to ask next; `None` while it is being asked.
    pub(super) fn due(&self) -> Option<Moment> {
        match self.state {
            State::Due(moment) => Some(moment),
            State::Asking => None,
        }
    }

    /// Marks the question as being asked, until [`settle`](Self::settle).
    pub(super) fn ask(&mut self) {
        self.state = State::Asking;
    }

    /// Takes a reply of which a part is missing yet. Returns whether the backends are others than before.
    pub(super) fn anticipate(&mut self, reply: Reply) -> bool {
        if self.state != State::Asking {
            return false;
        }
        Answer::of(reply, self.answer.as_ref()).is_ok_and(|(answer, _)| self.take(answer))
    }

    /// Replaces the answer. Returns whether the backends are others than before.
    fn take(&mut self, answer: Answer) -> bool {
        let before = self.answer.as_ref().map(|answer| &answer.backends);
        let changed = before != Some(&answer.backends);
        self.answer = Some(answer);
        changed
    }

    /// Takes a whole reply, or a failure.
    pub(super) fn settle(&mut self, reply: Result<Reply, Failure>, now: Moment, bounds: Bounds) -> Settled {
        let ttl = reply.as_ref().map_or(bounds.max, |reply| reply.ttl).clamp(bounds.min, bounds.max);
        let answer = reply.and_then(|reply| Answer::of(reply, self.answer.as_ref()));
        let is_answer = answer.is_ok();
        let (changed, failure) = match answer {
            Ok((answer, failure)) => (self.take(answer), failure),
            Err(failure) => (false, Some(failure)),
        };
        let is_half = is_answer && failure.is_some();
        let result = match &failure {
            None => AnswerResult::Answered,
            Some(_) if is_half => AnswerResult::Partial,
            Some(Failure::Empty) => AnswerResult::Empty,
            Some(Failure::TimedOut) => AnswerResult::Timeout,
            Some(Failure::Server(_)) => AnswerResult::Error,
        };
        let (pause, outage) = match failure {
            Some(failure) => {
                self.failures = self.failures.saturating_add(1);
                let outage = (self.failures == 1).then_some(Outage::Begins(failure));
                // The parts that were answered hold no longer than their TTL.
                (if is_half { retry(self.failures).min(ttl) } else { retry(self.failures) }, outage)
            }
            None => {
                let outage = (std::mem::take(&mut self.failures) > 0).then_some(Outage::Ends);
                (ttl, outage)
            }
        };
        self.state = State::Due(now.after(pause));
        Settled { changed, outage, result }
    }
}

/// The pause after this many failures in a row.
fn retry(failures: u32) -> Duration {
    (FIRST_RETRY * 2_u32.pow(failures.saturating_sub(1).min(16))).min(LONGEST_RETRY)
}

#[cfg(test)]
mod tests {
    use super::super::answer::Record;
    use super::*;

    const BOUNDS: Bounds = Bounds { min: Duration::from_secs(5), max: Duration::from_secs(60) };
    const NOW: Moment = Moment(1_000_000_000);

    fn addresses(list: &[&str], ttl: u64) -> Result<Reply, Failure> {
        let record = Record { host: "a".into(), port: 80, priority: 0, weight: 0 };
        let v4 = list.iter().map(|ip| ip.parse().unwrap()).collect();
        let hosts = [("a".to_owned(), [Ok(v4), Ok(Vec::new())])].into();
        Ok(Reply { records: vec![record], hosts, ttl: Duration::from_secs(ttl) })
    }

    fn pause(schedule: &Schedule) -> u64 {
        schedule.due().unwrap().since(NOW).as_secs()
    }

    fn found(schedule: &Schedule) -> Vec<String> {
        let answer = schedule.answer().into_iter().flat_map(|answer| &answer.backends);
        answer.map(|found| found.address.to_string()).collect()
    }

    #[test]
    fn an_answer_holds_for_its_ttl_within_bounds() {
        let mut schedule = Schedule::default();
        assert_eq!(schedule.due(), Some(Moment(0)), "at once");
        for (ttl, expected) in [(0, 5), (5, 5), (6, 6), (60, 60), (61, 60), (86_400, 60)] {
            schedule.ask();
            assert_eq!(schedule.due(), None);
            schedule.settle(addresses(&["10.0.0.1"], ttl), NOW, BOUNDS);
            assert_eq!(pause(&schedule), expected, "ttl {ttl}");
        }
    }

    #[test]
    fn a_change_is_reported_once() {
        let mut schedule = Schedule::default();
        let mut changed = |list: &[&str]| schedule.settle(addresses(list, 5), NOW, BOUNDS).changed;
        assert!(changed(&["10.0.0.1", "10.0.0.2"]));
        assert!(!changed(&["10.0.0.2", "10.0.0.1"]), "the order says nothing");
        assert!(changed(&["10.0.0.2"]));
        assert!(!changed(&["10.0.0.2"]));
    }

    #[test]
    fn the_last_good_answer_outlives_every_failure() {
        let failures: [fn() -> Result<Reply, Failure>; 3] =
            [|| Err(Failure::TimedOut), || Err(Failure::Server("SERVFAIL".into())), || addresses(&[], 0)];
        for failure in failures {
            let mut schedule = Schedule::default();
            schedule.settle(addresses(&["10.0.0.1"], 5), NOW, BOUNDS);
            for round in 0..100 {
                let settled = schedule.settle(failure(), NOW, BOUNDS);
                assert!(!settled.changed);
                assert_eq!(settled.outage.is_some(), round == 0, "reported once");
                assert_eq!(found(&schedule), ["10.0.0.1:80"]);
            }
            let settled = schedule.settle(addresses(&["10.0.0.2"], 5), NOW, BOUNDS);
            assert_eq!(
                settled,
                Settled { changed: true, outage: Some(Outage::Ends), result: AnswerResult::Answered }
            );
            assert_eq!(
                schedule.settle(failure(), NOW, BOUNDS).outage.map(|outage| outage == Outage::Ends),
                Some(false)
            );
        }
    }

    #[test]
    fn failures_are_asked_again_with_growing_pauses() {
        let mut schedule = Schedule::default();
        let mut pauses = Vec::new();
        for _ in 0..8 {
            schedule.settle(Err(Failure::TimedOut), NOW, BOUNDS);
            pauses.push(pause(&schedule));
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30, 30]);
        schedule.settle(addresses(&["10.0.0.1"], 5), NOW, BOUNDS);
        schedule.settle(Err(Failure::TimedOut), NOW, BOUNDS);
        assert_eq!(pause(&schedule), 1, "from the beginning");
        assert_eq!(retry(u32::MAX), LONGEST_RETRY);
    }

    #[test]
    fn what_there_is_of_an_answer_serves_until_it_is_whole() {
        let half = |v4: &str| {
            let mut half = addresses(&[v4], 50).unwrap();
            half.hosts.get_mut("a").unwrap()[1] = Err(Failure::TimedOut);
            half
        };
        let mut schedule = Schedule::default();
        assert!(!schedule.anticipate(half("10.0.0.1")), "it isn't being asked");
        schedule.ask();
        assert!(schedule.anticipate(half("10.0.0.1")) && !schedule.anticipate(half("10.0.0.1")));
        assert_eq!((found(&schedule), schedule.due()), (vec!["10.0.0.1:80".to_owned()], None));
        let settled = schedule.settle(addresses(&["10.0.0.1"], 50), NOW, BOUNDS);
        assert_eq!(settled, Settled { changed: false, outage: None, result: AnswerResult::Answered });
        assert_eq!(pause(&schedule), 50);
    }

    #[test]
    fn half_an_answer_is_taken_and_asked_again_soon() {
        let mut schedule = Schedule::default();
        schedule.settle(addresses(&["10.0.0.1"], 50), NOW, BOUNDS);
        let mut half = addresses(&["10.0.0.2"], 50).unwrap();
        half.hosts.get_mut("a").unwrap()[1] = Err(Failure::TimedOut);
        let settled = schedule.settle(Ok(half), NOW, BOUNDS);
        assert_eq!(
            settled,
            Settled {
                changed: true,
                outage: Some(Outage::Begins(Failure::TimedOut)),
                result: AnswerResult::Partial
            }
        );
        assert_eq!((found(&schedule), pause(&schedule)), (vec!["10.0.0.2:80".to_owned()], 1));
        // Permanently, as where a server never answers for one family: not later than the other part says.
        for _ in 0..9 {
            let mut half = addresses(&["10.0.0.2"], 6).unwrap();
            half.hosts.get_mut("a").unwrap()[1] = Err(Failure::TimedOut);
            schedule.settle(Ok(half), NOW, BOUNDS);
        }
        assert_eq!(pause(&schedule), 6);
    }
}
