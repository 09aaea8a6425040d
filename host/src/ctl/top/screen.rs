//! What the view remembers, and what keys change of it.

use std::collections::VecDeque;
use std::ops::Range;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::rates::Between;
use super::rows::{self, BackendRow, Sort};
use crate::admin::model::{EventRecord, Overview};
use crate::ctl::output::Tone;

/// Events that are kept to be shown.
const EVENTS: usize = 200;

/// Rows of a page.
const PAGE: usize = 10;

/// What follows from a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    Stay,
    Leave,
}

/// Which backends are shown, and in which order.
#[derive(Debug)]
pub(super) struct Choice {
    pub(super) sort: Sort,
    /// Part of a backend's name or state.
    pub(super) filter: String,
    /// Whether keys write the filter.
    pub(super) is_typing: bool,
    /// Whether only what isn't well is shown.
    pub(super) only_unwell: bool,
    /// Rows above the first one that is shown.
    pub(super) skipped: usize,
}

#[derive(Debug)]
pub(super) struct Screen {
    pub(super) address: String,
    pub(super) color: bool,
    pub(super) choice: Choice,
    pub(super) events: VecDeque<EventRecord>,
    /// Why there is nothing newer.
    pub(super) lost: Option<String>,
    before: Option<Overview>,
    now: Option<Overview>,
}

impl Screen {
    pub(super) fn new(address: String, color: bool) -> Self {
        let choice = Choice {
            sort: Sort::Configuration,
            filter: String::new(),
            is_typing: false,
            only_unwell: false,
            skipped: 0,
        };
        Self { address, color, choice, events: VecDeque::new(), lost: None, before: None, now: None }
    }

    /// Takes a look at the proxy.
    pub(super) fn see(&mut self, mut overview: Overview) {
        self.lost = None;
        if self.now.as_ref().is_some_and(|now| overview.last_event < now.last_event) {
            self.events.clear();
        }
        self.events.extend(std::mem::take(&mut overview.events));
        let surplus = self.events.len().saturating_sub(EVENTS);
        self.events.drain(..surplus);
        self.before = self.now.replace(overview);
    }

    /// The proxy doesn't answer. What was seen last stays, and is marked as old.
    pub(super) fn lose(&mut self, why: &str) {
        self.lost = Some(why.to_owned());
    }

    /// The number of the last event that was seen.
    pub(super) fn last_event(&self) -> u64 {
        self.now.as_ref().map_or(0, |now| now.last_event)
    }

    /// The last two looks.
    pub(super) fn looks(&self) -> Option<Between<'_>> {
        self.now.as_ref().map(|now| Between::new(self.before.as_ref(), now))
    }

    /// The backends that are chosen, in their order.
    pub(super) fn chosen(&self, looks: &Between<'_>) -> Vec<BackendRow> {
        let Choice { sort, filter, only_unwell, .. } = &self.choice;
        let mut rows = rows::backends(looks);
        rows.retain(|row| {
            (row.name.contains(filter.as_str()) || row.state.as_str().contains(filter.as_str()))
                && (!only_unwell || row.state.tone != Tone::Good)
        });
        sort.sort(&mut rows);
        rows
    }

    /// Does what a key says.
    pub(super) fn press(&mut self, key: KeyEvent) -> Then {
        if key.kind == KeyEventKind::Release {
            return Then::Stay;
        }
        if key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL) {
            return Then::Leave;
        }
        if self.choice.is_typing {
            self.choice.type_in(key.code);
            return Then::Stay;
        }
        let choice = &mut self.choice;
        match key.code {
            KeyCode::Char('q') => return Then::Leave,
            KeyCode::Char('s') => choice.sort = choice.sort.next(),
            KeyCode::Char('/') => choice.is_typing = true,
            KeyCode::Char('a') => choice.only_unwell = !choice.only_unwell,
            KeyCode::Esc => choice.clear(),
            KeyCode::Down | KeyCode::Char('j') => choice.skipped += 1,
            KeyCode::Up | KeyCode::Char('k') => choice.skipped = choice.skipped.saturating_sub(1),
            KeyCode::PageDown | KeyCode::Char(' ') => choice.skipped += PAGE,
            KeyCode::PageUp => choice.skipped = choice.skipped.saturating_sub(PAGE),
            KeyCode::Home | KeyCode::Char('g') => choice.skipped = 0,
            KeyCode::End | KeyCode::Char('G') => choice.skipped = usize::MAX / 2,
            _ => {}
        }
        Then::Stay
    }
}

impl Choice {
    fn type_in(&mut self, code: KeyCode) {
        match code {
            KeyCode::Enter => self.is_typing = false,
            KeyCode::Esc => self.clear(),
            KeyCode::Backspace => drop(self.filter.pop()),
            KeyCode::Char(c) => self.filter.push(c),
            _ => {}
        }
        self.skipped = 0;
    }

    fn clear(&mut self) {
        (self.filter, self.is_typing, self.only_unwell, self.skipped) = (String::new(), false, false, 0);
    }

    /// The rows to show of so many where so many have room; the last ones at the most.
    pub(super) fn window(&mut self, all: usize, room: usize) -> Range<usize> {
        self.skipped = self.skipped.min(all.saturating_sub(room));
        self.skipped..all.min(self.skipped + room)
    }
}
