//! Everything at a glance.

use super::troubles::{judge, troubles};
use super::{events, policies, pools, workers};
use crate::admin::model::{Overview, PhaseState};
use crate::admin::state::AdminState;
use crate::worker::Phase;

pub(in crate::admin) fn overview(state: &AdminState, since: u64) -> Overview {
    let configuration = state.status.configuration();
    // The events come last: what they tell of is in the rest, or will be in the next overview.
    let now = state.clock.now();
    let (mut pools, policies) =
        (pools(&configuration, now).pools, policies(&configuration, state.clock).policies);
    judge(&mut pools, &state.recent, now);
    let events = events(&state.log, since);
    let mut overview = Overview {
        name: state.name.to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        uptime_ms: now.0 / 1_000,
        configuration: configuration.generation.0,
        configuration_refused: configuration.refused.is_some(),
        phase: match state.status.phase() {
            Phase::Serving => PhaseState::Serving,
            Phase::Leaving => PhaseState::Leaving,
            Phase::Draining => PhaseState::Draining,
        },
        saturation: Some(state.scrapes.saturation_ratio()),
        pools,
        policies,
        workers: workers(&state.scrapes).workers,
        troubles: Vec::new(),
        events: events.events,
        last_event: events.last_event,
    };
    overview.troubles = troubles(&overview, &state.recent);
    overview
}
