//! Picks that are kept, for requests that are to be explained. All others only find that there is nowhere to keep theirs.

use std::sync::{Arc, Mutex, PoisonError};

use pointsman_core::picks::{Given, NotAsked, PickAnswer, PickRecord};
use pointsman_core::record::{ChosenBy, PolicyLabel};
use pointsman_core::request::RequestHead;
use pointsman_core::topology::Topology;

use super::unfollowed::Unfollowed;
use super::{Pick, Picker};
use crate::fallback;
use crate::settings::OnFault;
use crate::verdict::Verdict;

impl Picker {
    /// Asks the policy, and keeps what it was told and what it answered.
    #[cold]
    pub(super) fn ask_on_record(&mut self, head: &mut RequestHead) -> Result<Verdict, Unfollowed> {
        let policy = self.version().map(|_| Arc::clone(&self.active.label));
        let given = Arc::<Mutex<Given>>::default();
        self.active.instance.keep_given(Some(Arc::clone(&given)));
        let answer = self.ask(head);
        self.active.instance.keep_given(None);
        // An instance that failed is given up, and keeps its end.
        let given = std::mem::take(&mut *given.lock().unwrap_or_else(PoisonError::into_inner));
        let answered = match answer {
            Ok(Verdict::Backend(index)) => PickAnswer::Backend(index),
            Ok(Verdict::Abstain) => PickAnswer::Abstained,
            Ok(Verdict::Reject(status)) => PickAnswer::Rejected(status),
            Err(Unfollowed::NoInstance) => PickAnswer::NotAsked(NotAsked::NoInstance),
            Err(Unfollowed::Failed(kind)) => PickAnswer::Failed(kind.label()),
            Err(Unfollowed::Bad(bad)) => PickAnswer::BadVerdict(bad.to_string()),
        };
        self.record_pick(&self.view.topology, head, (policy, given), answered);
        answer
    }

    /// There is nobody to choose from, but perhaps a backup for a request that has tried all others. Not where only the policy's own picks
    /// may serve (`on_fault = "reject"`).
    #[cold]
    pub(super) fn without_candidate(&mut self, head: &mut RequestHead) -> Pick {
        self.record_unasked(&self.view.topology, head, NotAsked::NoCandidate);
        if head.tried.is_empty() || self.slot.settings().on_fault == OnFault::Reject {
            return Pick::Unavailable;
        }
        let backup = fallback::pick_backup(&self.view.topology, &head.tried, &mut self.rng);
        backup.map_or(Pick::Unavailable, |index| self.picked(index, ChosenBy::Fallback))
    }

    /// Keeps that the policy isn't asked for a backend of this topology, if the request is to be explained.
    pub fn record_unasked(&self, topology: &Arc<Topology>, head: &mut RequestHead, why: NotAsked) {
        if head.picks.is_some() {
            self.record_pick(topology, head, (None, Given::default()), PickAnswer::NotAsked(why));
        }
    }

    fn record_pick(
        &self,
        topology: &Arc<Topology>,
        head: &mut RequestHead,
        (policy, given): (Option<Arc<PolicyLabel>>, Given),
        answer: PickAnswer,
    ) {
        let RequestHead { picks, tried, .. } = head;
        let Some(picks) = picks else { return };
        picks.add(PickRecord {
            attempt: tried.attempt,
            configuration: self.view.configuration,
            topology: Arc::clone(topology),
            tried: tried.iter().collect(),
            policy,
            given,
            answer,
            chosen: None,
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use pointsman_core::backend::BackendIndex;
    use pointsman_core::picks::{GivenNumber, NotAsked, PickAnswer, PickRecords};
    use pointsman_core::request::RequestHead;

    use crate::cells::Cells;
    use crate::testing::{guest, loader, open, request, with_cell};
    use crate::{Pick, Picker, PolicyLoader};

    /// Does what cell 0 says, as no hostile guest is let in: 0 = abstains; 1 = asks for a number of a backend, a column, flags, a cell, the
    /// hash of a header field, the time, and numbers of a kind that isn't there, and picks backend 1; 2 = asks for a number and traps; 3 = picks a backend that isn't there.
    const CURIOUS: &str = r#"
        (data (i32.const 8) "x-user")
        (func (export "pointsman_pick") (result i64) (local $mood i64)
            (local.set $mood (call $cell_get (i32.const 0) (i32.const 0) (i32.const 0)))
            (if (i64.eq (local.get $mood) (i64.const 1)) (then
                (drop (call $stat (i32.const 0) (i32.const 1)))
                (drop (call $weights (i32.const 64) (i32.const 64)))
                (drop (call $flags (i32.const 2)))
                (drop (call $cell_add (i32.const 0) (i32.const 0) (i32.const 3) (i64.const 5)))
                (drop (call $hash (i32.const 1) (i32.const 8) (i32.const 6)))
                (drop (call $now_us))
                (drop (call $stats (i32.const 99) (i32.const 0) (i32.const 64)))
                (return (i64.const 1))))
            (if (i64.eq (local.get $mood) (i64.const 2)) (then
                (drop (call $stat (i32.const 0) (i32.const 0))) unreachable))
            (if (i64.eq (local.get $mood) (i64.const 3)) (then (return (i64.const 99))))
            (i64.const 0x1_0000_0000))"#;

    fn explained() -> RequestHead {
        RequestHead { picks: Some(Box::<PickRecords>::default()), ..request() }
    }

    /// A picker whose policy is in this mood.
    fn picker(mood: i64) -> (Picker, PolicyLoader) {
        let (loader, cells) = (loader(1), Arc::<Cells>::default());
        let opened = open(&loader, guest(CURIOUS), &cells);
        with_cell(&cells, 0, |cell| cell.set(mood));
        with_cell(&cells, 3, |cell| cell.set(7));
        (opened.pickers.into_iter().next().expect("one worker"), loader)
    }

    #[test]
    fn what_a_policy_was_told_is_kept_as_it_was_told() {
        let (mut picker, _loader) = picker(1);
        picker.topology().stats()[1].begin();
        let mut head = explained();
        let Pick::Backend(picked) = picker.pick(&mut head) else { panic!("no backend") };
        assert_eq!(picked.index, BackendIndex(1));
        let picks = head.picks.expect("they are kept");
        let pick = picks.iter().next().expect("one");
        assert_eq!(pick.answer, PickAnswer::Backend(BackendIndex(1)));
        let number = |name, index, value| GivenNumber { name, index, value };
        let numbers = pick.given.numbers();
        assert_eq!(numbers[0], number("in_flight", 1, 1));
        let weights: Vec<i64> =
            numbers.iter().filter(|number| number.name == "weight").map(|number| number.value).collect();
        let expected: Vec<i64> =
            picker.topology().weights().iter().map(|weight| i64::from(*weight)).collect();
        assert_eq!(weights, expected);
        assert!(numbers.iter().any(|number| number.name == "flags" && number.index == 2));
        assert!(numbers.iter().all(|number| number.name != "unknown"), "nothing was written: {numbers:?}");
        let facts: Vec<(&str, bool)> =
            pick.given.facts().iter().map(|fact| (&*fact.what, fact.value.is_some())).collect();
        assert_eq!(
            facts,
            [
                ("cell 0 of the pool", true),
                ("cell 3 of the pool", true),
                ("hash of the header field `x-user`", true),
                ("now_us", true)
            ]
        );
        assert_eq!(pick.given.facts()[1].value, Some(7));
        // The next request is nobody's business.
        let mut other = request();
        let _ = picker.pick(&mut other);
        assert!(other.picks.is_none());
    }

    #[test]
    fn what_a_policy_was_told_before_it_failed_is_kept_and_then_that_there_is_none() {
        let (mut picker, _loader) = picker(2);
        let mut head = explained();
        assert!(matches!(picker.pick(&mut head), Pick::Backend(_)), "the fallback picks");
        let kept = head.picks.as_ref().expect("they are kept").iter().next_back().expect("one").clone();
        assert_eq!(kept.answer, PickAnswer::Failed("trap"));
        assert_eq!((kept.given.numbers().len(), kept.policy.is_some()), (1, true));
    }

    #[test]
    fn an_answer_that_cannot_be_followed_says_why() {
        let (mut picker, _loader) = picker(3);
        let mut head = explained();
        let _ = picker.pick(&mut head);
        picker.record_unasked(&Arc::clone(picker.topology()), &mut head, NotAsked::Pinned);
        let picks = head.picks.expect("they are kept");
        let answers: Vec<&PickAnswer> = picks.iter().map(|pick| &pick.answer).collect();
        let [PickAnswer::BadVerdict(why), PickAnswer::NotAsked(NotAsked::Pinned)] = &answers[..] else {
            panic!("{answers:?}")
        };
        assert!(why.contains("picked backend 99"), "{why}");
    }
}
