//! What a policy has learnt outlives its instances and versions.

use pointsman_core::backend::BackendIndex;

use super::*;
use crate::bundled::bundled;
use crate::observed_request::ObservedRequest;
use crate::picker::{Picked, Picker, Response};
use pointsman_sdk::abi::outcome;

/// The bundled policy as another content: with a section that means nothing.
fn peak_ewma(revision: u8) -> Vec<u8> {
    [bundled("peak-ewma").unwrap(), &[0, 3, 1, b'r', revision]].concat()
}

fn picked(picker: &mut Picker) -> Picked {
    match picker.pick(&mut request()) {
        Pick::Backend(picked) => picked,
        other => panic!("{other:?}"),
    }
}

/// Share of 1,000 picks that go to backend 0, per thousand: a third if it is like the others, none if it is worse.
fn share_of_first(picker: &mut Picker) -> usize {
    (0..1000).filter(|_| picked(picker).index == BackendIndex(0)).count()
}

#[test]
fn latencies_outlive_a_swap_and_a_restart_of_an_instance() {
    let loader = loader(2);
    let mut opened = open(&loader, peak_ewma(0), &Arc::default());
    // One worker learns that backend 0 is slow, and that the others are fast.
    let mut seen = [false; 3];
    wait_for("a response of each backend", || {
        let picked = picked(&mut opened.pickers[0]);
        let ms = if picked.index == BackendIndex(0) { 2_000 } else { 2 };
        let took = Duration::from_millis(ms);
        let answered = Some((http::StatusCode::OK, took));
        let response = Response { answered, outcome: outcome::COMPLETE, total: took };
        opened.pickers[0].observe(picked, &response, ObservedRequest::Nothing);
        seen[picked.index.get()] = true;
        seen == [true; 3]
    });
    let is_avoided = |picker: &mut Picker| share_of_first(picker) == 0;
    assert!(is_avoided(&mut opened.pickers[0]));
    assert!(is_avoided(&mut opened.pickers[1]), "the other worker's instance knows");

    let rebuilds = opened.slot.stats().rebuilds();
    opened.slot.request_rebuild(0, opened.slot.active().publication);
    wait_for("a new instance", || opened.slot.stats().rebuilds() > rebuilds);
    assert!(is_avoided(&mut opened.pickers[0]), "a new instance knows");

    assert!(matches!(swap(&loader, &opened.slot, peak_ewma(1)), SwapOutcome::Swapped(_)));
    for picker in &mut opened.pickers {
        assert!(is_avoided(picker), "the next version knows");
    }
}
