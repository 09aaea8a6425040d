//! The view, from top to bottom.

use std::ops::Range;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;

use super::grid::{Column, Grid, span};
use super::rates::Between;
use super::rows::{self, BackendRow, PolicyRow, PoolRow};
use super::screen::Screen;
use crate::admin::model::PhaseState;
use crate::ctl::events;
use crate::ctl::format::{age, count, percent, rate, seconds, weight};
use crate::ctl::output::{Styled, Tone};
use crate::ctl::pools::load;
use crate::ctl::table::Align::{Left, Right};
use crate::ctl::wellbeing::troubles;

const POOLS: [Column; 9] = [
    ("POOL", 0, Left),
    ("READY", 9, Right),
    ("REQ/S", 6, Right),
    ("5XX/S", 6, Right),
    ("IN FLIGHT", 9, Right),
    ("LOAD", 5, Right),
    ("QUEUED", 6, Right),
    ("~P50", 6, Right),
    ("~P99", 6, Right),
];

const BACKENDS: [Column; 10] = [
    ("BACKEND", 0, Left),
    ("STATE", 10, Left),
    ("REQ/S", 6, Right),
    ("FAIL/S", 6, Right),
    ("IN FLIGHT", 9, Right),
    ("~P50", 6, Right),
    ("~P99", 6, Right),
    ("SHARE", 5, Right),
    ("DUE", 4, Right),
    ("WEIGHT", 6, Right),
];

const POLICIES: [Column; 7] = [
    ("POLICY OF", 0, Left),
    ("NAME", 14, Left),
    ("VERSION", 12, Left),
    ("PICKS/S", 7, Right),
    ("FALLBACK", 8, Right),
    ("FAULTS", 6, Right),
    ("NOTE", 24, Left),
];

/// Most pools and policies that are shown, so that there is room for backends.
const FEW: usize = 6;

/// Draws everything.
pub(super) fn draw(frame: &mut Frame<'_>, screen: &mut Screen) {
    let area = frame.area();
    let Some(looks) = screen.looks() else { return };
    let (pools, policies) = (rows::pools(&looks), rows::policies(&looks));
    let backends = screen.chosen(&looks);
    let heading = heading(screen, &looks);
    let heights = Heights::of(usize::from(area.height), pools.len(), policies.len(), backends.len());
    let [top, pool_area, backend_area, policy_area, event_area, bottom] = Layout::vertical([
        Constraint::Length(2),
        Constraint::Length(heights.pools),
        Constraint::Fill(1),
        Constraint::Length(heights.policies),
        Constraint::Length(heights.events),
        Constraint::Length(1),
    ])
    .areas(area);
    let color = screen.color;
    lines(frame, top, &heading, color);
    let rows = pools.iter().take(FEW).map(pool_row).collect();
    Grid { columns: &POOLS, rows, color }.draw(frame, pool_area);
    let window = screen.choice.window(backends.len(), usize::from(backend_area.height).saturating_sub(1));
    let footer = footer(screen, &window, backends.len());
    let rows = backends[window].iter().map(backend_row).collect();
    Grid { columns: &BACKENDS, rows, color }.draw(frame, backend_area);
    let rows = policies.iter().take(FEW).map(policy_row).collect();
    Grid { columns: &POLICIES, rows, color }.draw(frame, policy_area);
    let skipped = screen.events.len().saturating_sub(usize::from(event_area.height));
    let events: Vec<Styled> = screen.events.iter().skip(skipped).map(events::line).collect();
    lines(frame, event_area, &events, color);
    lines(frame, bottom, &[footer], color);
}

/// Rows of each part beside the backends, its heading included.
struct Heights {
    pools: u16,
    policies: u16,
    events: u16,
}

impl Heights {
    /// Where the screen is low, events give way first, then policies, then pools.
    fn of(height: usize, pools: usize, policies: usize, backends: usize) -> Self {
        let backends = 1 + backends.clamp(1, 4);
        let mut left = height.saturating_sub(3 + backends);
        let mut take = |wanted: usize| {
            let taken = if left >= wanted { wanted } else { 0 };
            left -= taken;
            u16::try_from(taken).unwrap_or(0)
        };
        let pools = take(1 + pools.min(FEW));
        let policies = take(1 + policies.min(FEW));
        let events = left.min(if height > 40 { 10 } else { 5 });
        Self { pools, policies, events: u16::try_from(events).unwrap_or(0) }
    }
}

fn lines(frame: &mut Frame<'_>, area: Rect, texts: &[Styled], color: bool) {
    for (text, row) in texts.iter().zip(area.rows()) {
        frame.render_widget(Line::from(span(text, usize::from(row.width), color)), row);
    }
}

/// Who answers, and how things are in one sentence.
fn heading(screen: &Screen, looks: &Between<'_>) -> Vec<Styled> {
    let now = looks.now;
    let phase = match now.phase {
        PhaseState::Serving => "serving",
        PhaseState::Leaving => "leaving",
        PhaseState::Draining => "draining",
    };
    let full = now.saturation.map(|share| format!(", {} full", percent(share))).unwrap_or_default();
    let first = format!(
        "{} {phase}{full}, up {}, configuration {}, pointsman {} at {}",
        now.name,
        age(now.uptime_ms),
        now.configuration,
        now.version,
        screen.address
    );
    let second = match (&screen.lost, troubles(now).into_iter().next()) {
        (Some(why), _) => Styled::new(format_args!("NO ANSWER; what is below is old. {why}"), Tone::Bad),
        (None, Some(worst)) => worst,
        (None, None) => Styled::new("all well", Tone::Good),
    };
    vec![Styled::new(first, Tone::Heading), second]
}

fn footer(screen: &Screen, window: &Range<usize>, all: usize) -> Styled {
    let choice = &screen.choice;
    if choice.is_typing {
        let text = format_args!("filter: {}_   (Enter keeps it, Esc clears it)", choice.filter);
        return Styled::new(text, Tone::Heading);
    }
    let first = if window.is_empty() { 0 } else { window.start + 1 };
    let mut text =
        format!("{first}-{} of {all}  q quit  s sort ({})  / filter", window.end, choice.sort.word());
    if !choice.filter.is_empty() {
        text.push_str(&format!(" ({})", choice.filter));
    }
    text.push_str(if choice.only_unwell { "  a all" } else { "  a only what isn't up" });
    text.into()
}

fn known(value: Option<f64>, show: impl Fn(f64) -> String) -> Styled {
    value.map_or_else(|| "-".into(), |value| show(value).into())
}

fn bad_if_any(failures: Option<f64>) -> Styled {
    let tone = if failures.is_some_and(|failures| failures > 0.0) { Tone::Bad } else { Tone::Plain };
    Styled::new(known(failures, rate).as_str(), tone)
}

fn pool_row(row: &PoolRow) -> Vec<Styled> {
    vec![
        (&row.name).into(),
        row.ready.clone(),
        known(row.rate, rate),
        bad_if_any(row.errors),
        count(row.in_flight).into(),
        load(row.saturation),
        Styled::new(count(row.queued), if row.queued > 0 { Tone::Notice } else { Tone::Plain }),
        known(row.p50, seconds),
        known(row.p99, seconds),
    ]
}

fn backend_row(row: &BackendRow) -> Vec<Styled> {
    vec![
        (&row.name).into(),
        row.state.clone(),
        known(row.rate, rate),
        bad_if_any(row.failures),
        count(row.in_flight).into(),
        known(row.p50, seconds),
        known(row.p99, seconds),
        known(row.share, percent),
        percent(row.expected_share).into(),
        weight(row.weight).into(),
    ]
}

fn policy_row(row: &PolicyRow) -> Vec<Styled> {
    vec![
        (&row.place).into(),
        (&row.name).into(),
        (&row.version).into(),
        known(row.picks, rate),
        known(row.others, percent),
        Styled::new(count(row.faults), if row.faults > 0 { Tone::Notice } else { Tone::Plain }),
        row.note.clone(),
    ]
}
