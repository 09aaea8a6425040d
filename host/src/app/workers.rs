//! The workers' threads, as the rest of the process sees them.

use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::thread::JoinHandle;

use anyhow::{Context, Result};
use pointsman_core::clock::Clock;
use tokio::sync::{mpsc, watch};

use crate::insight::SharedInsight;
use crate::reports::WorkerVitals;
use crate::worker::{self, Drained, Phase, Update, WorkerSetup};

use super::snapshot::Committed;

/// The workers' threads.
#[derive(Debug)]
pub(super) struct Workers(Vec<JoinHandle<std::io::Result<Drained>>>);

/// The channels on which workers get configurations.
#[derive(Debug)]
pub(super) struct WorkerChannels(Vec<mpsc::UnboundedSender<Update>>);

/// Starts the workers with their first configuration, and waits until they serve.
pub(super) fn start(
    first: Committed,
    clock: Clock,
    insight: &SharedInsight,
    phase: &watch::Receiver<Phase>,
    vitals: &[Arc<WorkerVitals>],
) -> Result<(Workers, WorkerChannels)> {
    let workers = first.updates.len();
    let (mut threads, mut channels) = (Vec::new(), Vec::new());
    for (number, (first, vitals)) in first.updates.into_iter().zip(vitals).enumerate() {
        let (sender, updates) = mpsc::unbounded_channel();
        let (setup, phase) = (
            WorkerSetup {
                first,
                updates,
                workers,
                clock,
                insight: insight.clone(),
                vitals: Arc::clone(vitals),
            },
            phase.clone(),
        );
        let thread = std::thread::Builder::new()
            .name(format!("worker-{number}"))
            .spawn(move || worker::run(setup, phase))
            .context("cannot start a worker thread")?;
        threads.push(thread);
        channels.push(sender);
    }
    wait(&first.in_effect);
    Ok((Workers(threads), WorkerChannels(channels)))
}

impl WorkerChannels {
    /// Sends a configuration to the workers and waits until all serve with it, so that never more than one is on its way.
    pub(super) fn send(&self, committed: Committed) {
        for (worker, update) in self.0.iter().zip(committed.updates) {
            // An error means that the worker has ended.
            let _ = worker.send(update);
        }
        wait(&committed.in_effect);
    }
}

impl Workers {
    /// Waits until all have drained.
    pub(super) fn join(self) -> Result<Drained> {
        let mut cut_off = 0;
        for worker in self.0 {
            match worker.join() {
                Ok(drained) => {
                    if let Drained::CutOff(connections) = drained.context("a worker's event loop failed")? {
                        cut_off += connections;
                    }
                }
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(if cut_off == 0 { Drained::Clean } else { Drained::CutOff(cut_off) })
    }
}

/// Nothing is ever sent: the wait ends when every worker has dropped its end.
fn wait(in_effect: &Receiver<()>) {
    while in_effect.recv().is_ok() {}
}
