//! A worker's part of the access log.

use std::cell::RefCell;
use std::sync::Arc;

use pointsman_core::clock::Clock;

use super::choice_texts::{ChoiceTexts, Render};
use super::entry::{Entry, LineEvent};
use super::handover::{BLOCK, Block};
use super::line::LineContext;
use super::sampling::Sampler;
use super::time::{TimeFormat, TimeWriter};
use super::{AccessLog, json, text};
use crate::config::{AccessLogConfig, LineFormat};

/// A block in which a longer one might not find room is full. A line has six texts of at most 2 KiB, some names and its attempts.
pub(super) const LONGEST: usize = 24 << 10;

/// What a worker writes lines with.
#[derive(Debug)]
pub struct WorkerLog {
    log: Arc<AccessLog>,
    config: Arc<AccessLogConfig>,
    worker: u64,
    sample_rate: String,
    state: RefCell<State>,
}

#[derive(Debug)]
struct State {
    block: Option<Block>,
    time: TimeWriter,
    sampler: Sampler,
    masked: Vec<u8>,
    choices: ChoiceTexts,
}

impl WorkerLog {
    /// Writes lines like this for a worker. `config` is that of the log.
    #[must_use]
    pub fn new(log: Arc<AccessLog>, config: Arc<AccessLogConfig>, worker: usize, clock: Clock) -> Self {
        let (format, choice): (_, Render) = match config.format {
            LineFormat::Json => (TimeFormat::Rfc3339, json::only_choice),
            LineFormat::Text => (TimeFormat::Common, text::only_choice),
        };
        let state = State {
            block: None,
            time: TimeWriter::new(clock, format),
            sampler: Sampler::new(config.sample, worker as u64 + 1),
            masked: Vec::new(),
            choices: ChoiceTexts::new(choice),
        };
        let sample_rate = config.sample.to_string();
        Self { log, worker: worker as u64, sample_rate, state: RefCell::new(state), config }
    }

    /// Writes a line, if this request has one and there is room.
    pub fn write(&self, entry: &Entry<'_>) {
        let state = &mut *self.state.borrow_mut();
        if !self.is_always_written(entry) && !state.sampler.takes() {
            return;
        }
        let handover = self.log.handover();
        let block = match &mut state.block {
            Some(block) => block,
            empty => match handover.take_empty() {
                Some(block) => empty.insert(block),
                None => return handover.drop_line(),
            },
        };
        let mut context = LineContext {
            time: &mut state.time,
            worker: self.worker,
            sample_rate: self.sample_rate.as_bytes(),
            query: self.config.query,
            client: self.config.client,
            masked: &mut state.masked,
            choices: &mut state.choices,
        };
        match self.config.format {
            LineFormat::Json => json::write(&mut block.text, entry, &mut context),
            LineFormat::Text => text::write(&mut block.text, entry, &mut context),
        }
        block.lines += 1;
        if block.text.len() > BLOCK - LONGEST
            && let Some(full) = state.block.take()
        {
            state.block = handover.exchange(full);
        }
    }

    /// Whether what the line tells of is worth a line, whatever the sample.
    fn is_always_written(&self, entry: &Entry<'_>) -> bool {
        let record = entry.record;
        entry.event != LineEvent::Request
            || record.error.is_some()
            || record.status.is_none_or(|status| status.is_server_error())
            || record.retries() > 0
            || u128::from(entry.total()) >= self.config.slow.as_micros()
    }

    /// Hands over what was written so far. To be called several times a second.
    pub fn hand_over(&self) {
        let state = &mut *self.state.borrow_mut();
        if let Some(block) = state.block.take_if(|block| !block.text.is_empty()) {
            self.log.handover().hand_over(block);
        }
        state.time.set();
    }
}

impl Drop for WorkerLog {
    fn drop(&mut self) {
        self.hand_over();
    }
}
