//! The thread that admits plugins: one at a time, at low priority, away from everything that can't wait.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use wasmtime::Linker;

use super::compilation::Compilation;
use super::supervising::Command;
use crate::admission::{self, AdmissionReport, Admitted, Refusal};
use crate::context::{ContextId, PolicyContext};
use crate::engine::GuestEngine;
use crate::guest::GuestState;
use crate::plugin::Plugin;
use crate::probation::Quarantine;
use crate::rng::Rng;
use crate::slot::PolicySlot;
use crate::supervisor::Opened;
use crate::swap::{Reply, SwapOutcome};
use crate::version::{PolicyVersion, VersionId};

/// Refused contents that are remembered, so that a broken file that is tried again and again costs one compilation.
const REMEMBERED: usize = 64;

/// Niceness of compilations once workers serve: where those take all CPU time, a third of a core is left to it. With much less,
/// a swap on a loaded machine would never finish.
const NICE: i32 = 5;

/// Longest compilation for a swap: other pools' swaps wait for it. Three times what admission lets through by its estimate, as a program of Go
/// has taken five times its own on a slow core: one that is refused here although it was let in at the start can't be developed on.
const SWAP_TIME: Duration = Duration::from_secs(30);

/// Longest compilation of a first version, or one that is only checked. Nothing serves without the former, and nothing waits
/// behind the latter.
const FIRST_TIME: Duration = Duration::from_secs(60);

/// What the compiler is asked to do.
#[derive(Debug)]
pub(super) enum Job {
    /// Admit a first version and open a slot with it.
    Open { context: Arc<PolicyContext>, plugin: Plugin, reply: Sender<Result<Opened, Refusal>> },
    /// Admit a version and swap it in.
    Swap { slot: Arc<PolicySlot>, plugin: Plugin, reply: Reply },
    /// Admit a version and say so.
    Check { context: Arc<PolicyContext>, plugin: Plugin, reply: Sender<Result<AdmissionReport, Refusal>> },
}

/// Starts the thread, which ends when all senders of jobs are dropped.
pub(super) fn start(
    engine: GuestEngine,
    linker: Linker<GuestState>,
    supervisor: Sender<Command>,
    seeds: Rng,
) -> io::Result<Sender<Job>> {
    let (sender, jobs) = mpsc::channel();
    let (versions, refused) = (HashMap::new(), VecDeque::new());
    let compilation = Compilation::new(linker);
    let mut compiler = Compiler { engine, compilation, supervisor, seeds, versions, refused, is_nice: false };
    thread::Builder::new().name("policy-compiler".into()).spawn(move || {
        compiler.run(&jobs);
    })?;
    Ok(sender)
}

struct Compiler {
    engine: GuestEngine,
    compilation: Compilation,
    supervisor: Sender<Command>,
    seeds: Rng,
    /// Versions that some pool serves with: the same content is compiled once.
    versions: HashMap<VersionId, Weak<PolicyVersion>>,
    /// Latest at the end. A content that was refused for itself has no terms.
    refused: VecDeque<(VersionId, Option<ContextId>, Refusal)>,
    /// Whether the thread has a low priority by now.
    is_nice: bool,
}

impl Compiler {
    fn run(&mut self, jobs: &Receiver<Job>) {
        while let Ok(job) = jobs.recv() {
            match job {
                Job::Open { context, plugin, reply } => match self.admit(&context, plugin, FIRST_TIME) {
                    Ok(admitted) => self.pass_on(Command::Open { context, admitted, reply }),
                    Err(refusal) => drop(reply.send(Err(refusal))),
                },
                Job::Check { context, plugin, reply } => {
                    let checked = self
                        .admit(&context, plugin, FIRST_TIME)
                        .map(|admitted| AdmissionReport::from(&admitted));
                    drop(reply.send(checked));
                }
                Job::Swap { slot, plugin, reply } => self.swap(slot, plugin, reply),
            }
        }
    }

    /// Lowers the thread's priority, as workers serve by now. Until the first swap, startup waits for the first versions.
    fn lower_priority(&mut self) {
        if !std::mem::replace(&mut self.is_nice, true) {
            // Priorities are per thread on Linux. Without it compilations compete with the workers, and that is all.
            let _ = rustix::process::nice(NICE);
        }
    }

    fn swap(&mut self, slot: Arc<PolicySlot>, plugin: Plugin, reply: Reply) {
        self.lower_priority();
        // Whether this is what serves already is for the supervisor to say: it may be about to publish something else, from
        // which this content is the way back.
        let origin = Arc::clone(&plugin.origin);
        let admitted =
            not_quarantined(&slot, &plugin).and_then(|()| self.admit(slot.context(), plugin, SWAP_TIME));
        match admitted {
            Ok(admitted) => self.pass_on(Command::Swap { slot, admitted, reply }),
            Err(refusal) => {
                if !refusal.is_incomplete() {
                    slot.log_refusal(&origin, &refusal);
                }
                reply.send(SwapOutcome::Refused(refusal));
            }
        }
    }

    /// Puts a plugin through admission, unless its refusal is known. Compiling may take no longer than `limit`.
    fn admit(
        &mut self,
        context: &Arc<PolicyContext>,
        plugin: Plugin,
        limit: Duration,
    ) -> Result<Admitted, Refusal> {
        let started = Instant::now();
        let id = VersionId::of(&plugin.content);
        let known = |(refused, on, _): &&(VersionId, Option<ContextId>, Refusal)| {
            *refused == id && on.is_none_or(|on| on == context.id)
        };
        if let Some((.., refusal)) = self.refused.iter().find(known) {
            return Err(refusal.clone());
        }
        let version = self
            .version(id, context, plugin.content, limit)
            .map_err(|refusal| self.remember(id, None, refusal))?;
        let rehearsed = admission::rehearse(&self.engine, &version, context, self.seeds.draw())
            .map_err(|refusal| self.remember(id, Some(context.id), refusal))?;
        Ok(Admitted { version, origin: plugin.origin, rehearsed, started })
    }

    fn version(
        &mut self,
        id: VersionId,
        context: &Arc<PolicyContext>,
        content: Cow<'static, [u8]>,
        limit: Duration,
    ) -> Result<Arc<PolicyVersion>, Refusal> {
        if let Some(version) = self.versions.get(&id).and_then(Weak::upgrade) {
            return Ok(version);
        }
        let scratch = GuestState::new(Arc::clone(context), String::new(), context.pool.topology(), 0);
        let version = Arc::new(self.compilation.run(limit, scratch, id, content)?);
        self.versions.retain(|_, version| version.strong_count() > 0);
        self.versions.insert(id, Arc::downgrade(&version));
        Ok(version)
    }

    fn remember(&mut self, id: VersionId, context: Option<ContextId>, refusal: Refusal) -> Refusal {
        // That says nothing about the plugin, or as much about the machine: the next time it may be tried.
        if matches!(refusal, Refusal::CompilerBusy { .. } | Refusal::CompileTime { .. }) {
            return refusal;
        }
        if self.refused.len() == REMEMBERED {
            self.refused.pop_front();
        }
        self.refused.push_back((id, context, refusal.clone()));
        refusal
    }

    fn pass_on(&self, command: Command) {
        // Without a supervisor the loader is ending; the command's reply says so when it is dropped.
        drop(self.supervisor.send(command));
    }
}

/// Refuses what was taken back; any other content ends the quarantine.
fn not_quarantined(slot: &PolicySlot, plugin: &Plugin) -> Result<(), Refusal> {
    match slot.quarantine() {
        Some(Quarantine { version, reason }) if version == VersionId::of(&plugin.content) => {
            Err(Refusal::Quarantined { reason })
        }
        Some(_) => {
            slot.set_quarantine(None);
            Ok(())
        }
        None => Ok(()),
    }
}
