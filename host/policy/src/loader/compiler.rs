//! The thread that admits plugins: one at a time, at low priority, away from everything that can't wait.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use super::super::admission::{self, Refusal, Rehearsed};
use super::super::engine::GuestEngine;
use super::super::guest::{GuestState, Terms};
use super::super::imports;
use super::super::rng::Rng;
use super::super::slot::{PolicySlot, Quarantine};
use super::super::version::{PolicyVersion, VersionId};
use super::compilation::Compilation;
use super::keeper::Command;
use super::reply::Reply;
use super::{Checked, Opened, Plugin, StartError, SwapOutcome};

/// Refused contents that are remembered, so that a broken file that is tried again and again costs one compilation.
const REMEMBERED: usize = 64;

/// How much a compilation gives way to the workers, once they serve: where those take all CPU time there is, a third of
/// a core is left to it. With much less, a swap on a loaded machine would never come to its end.
const NICE: i32 = 5;

/// Longest compilation for a swap: other pools' swaps wait for it. What admission lets through takes at most so long on an idle core,
/// and a Go program of 3 MB a third of that.
const SWAP_TIME: Duration = Duration::from_secs(10);

/// Longest compilation of a first version, or one that is only checked. Nothing serves without the one, nobody waits behind the other.
const FIRST_TIME: Duration = Duration::from_secs(60);

/// What the compiler is asked to do.
#[derive(Debug)]
pub(super) enum Job {
    /// Admit a first version and open a slot with it.
    Open { terms: Arc<Terms>, plugin: Plugin, reply: Sender<Result<Opened, Refusal>> },
    /// Admit a version and swap it in.
    Swap { slot: Arc<PolicySlot>, plugin: Plugin, reply: Reply },
    /// Admit a version and say so.
    Check { terms: Arc<Terms>, plugin: Plugin, reply: Sender<Result<Checked, Refusal>> },
}

/// A version that may serve on certain terms.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(super) version: Arc<PolicyVersion>,
    pub(super) origin: Arc<str>,
    pub(super) rehearsed: Rehearsed,
    /// When its admission began.
    pub(super) started: Instant,
}

/// Starts the thread, which ends when all senders of jobs are gone.
pub(super) fn start(
    engine: GuestEngine,
    keeper: Sender<Command>,
    seeds: Rng,
) -> Result<Sender<Job>, StartError> {
    let (sender, jobs) = mpsc::channel();
    let linker = imports::linker(&engine.engine).map_err(|error| StartError::Engine(format!("{error:#}")))?;
    let (versions, refused) = (HashMap::new(), VecDeque::new());
    let compilation = Compilation::new(linker);
    let mut compiler = Compiler { engine, compilation, keeper, seeds, versions, refused, gives_way: false };
    thread::Builder::new().name("policy-compiler".into()).spawn(move || {
        compiler.run(&jobs);
    })?;
    Ok(sender)
}

struct Compiler {
    engine: GuestEngine,
    compilation: Compilation,
    keeper: Sender<Command>,
    seeds: Rng,
    /// Versions that some pool serves with: the same content is compiled once.
    versions: HashMap<VersionId, Weak<PolicyVersion>>,
    /// Latest at the end. A content that was refused for itself has no terms.
    refused: VecDeque<(VersionId, Option<u64>, Refusal)>,
    /// Whether the thread has a low priority by now.
    gives_way: bool,
}

impl Compiler {
    fn run(&mut self, jobs: &Receiver<Job>) {
        while let Ok(job) = jobs.recv() {
            match job {
                Job::Open { terms, plugin, reply } => match self.admit(&terms, plugin, FIRST_TIME) {
                    Ok(admitted) => self.pass_on(Command::Open { terms, admitted, reply }),
                    Err(refusal) => drop(reply.send(Err(refusal))),
                },
                Job::Check { terms, plugin, reply } => {
                    let checked = self.admit(&terms, plugin, FIRST_TIME).map(|admitted| checked(&admitted));
                    drop(reply.send(checked));
                }
                Job::Swap { slot, plugin, reply } => self.swap(slot, plugin, reply),
            }
        }
    }

    /// From now on there are workers to give way to. Before the first swap, somebody waits for the first versions.
    fn give_way(&mut self) {
        if !std::mem::replace(&mut self.gives_way, true) {
            // Priorities are per thread on Linux. Without it compilations compete with the workers, and that is all.
            let _ = rustix::process::nice(NICE);
        }
    }

    fn swap(&mut self, slot: Arc<PolicySlot>, plugin: Plugin, reply: Reply) {
        self.give_way();
        // Whether this is what serves already is for the keeper to say: it may be about to publish something else, from
        // which this content is the way back.
        let origin = Arc::clone(&plugin.origin);
        let admitted =
            not_quarantined(&slot, &plugin).and_then(|()| self.admit(slot.terms(), plugin, SWAP_TIME));
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
    fn admit(&mut self, terms: &Arc<Terms>, plugin: Plugin, limit: Duration) -> Result<Admitted, Refusal> {
        let started = Instant::now();
        let id = VersionId::of(&plugin.content);
        let known = |(refused, on, _): &&(VersionId, Option<u64>, Refusal)| {
            *refused == id && on.is_none_or(|on| on == terms.id)
        };
        if let Some((.., refusal)) = self.refused.iter().find(known) {
            return Err(refusal.clone());
        }
        let version = self
            .version(id, terms, plugin.content, limit)
            .map_err(|refusal| self.remember(id, None, refusal))?;
        let rehearsed = admission::rehearse(&self.engine, &version, terms, self.seeds.draw())
            .map_err(|refusal| self.remember(id, Some(terms.id), refusal))?;
        Ok(Admitted { version, origin: plugin.origin, rehearsed, started })
    }

    fn version(
        &mut self,
        id: VersionId,
        terms: &Arc<Terms>,
        content: Cow<'static, [u8]>,
        limit: Duration,
    ) -> Result<Arc<PolicyVersion>, Refusal> {
        if let Some(version) = self.versions.get(&id).and_then(Weak::upgrade) {
            return Ok(version);
        }
        let scratch = GuestState::new(Arc::clone(terms), String::new(), terms.pool.topology(), 0);
        let version = Arc::new(self.compilation.run(limit, scratch, id, content)?);
        self.versions.retain(|_, version| version.strong_count() > 0);
        self.versions.insert(id, Arc::downgrade(&version));
        Ok(version)
    }

    fn remember(&mut self, id: VersionId, terms: Option<u64>, refusal: Refusal) -> Refusal {
        // That says nothing about the plugin, or as much about the machine: the next time it may be tried.
        if matches!(refusal, Refusal::CompilerBusy { .. } | Refusal::CompileTime { .. }) {
            return refusal;
        }
        if self.refused.len() == REMEMBERED {
            self.refused.pop_front();
        }
        self.refused.push_back((id, terms, refusal.clone()));
        refusal
    }

    fn pass_on(&self, command: Command) {
        // Without a keeper the loader is ending; the command's reply says so when it is dropped.
        drop(self.keeper.send(command));
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

fn checked(admitted: &Admitted) -> Checked {
    let version = &admitted.version;
    Checked {
        id: version.id,
        size: version.content.len(),
        hooks: version.hooks,
        compile_time: version.compile_time,
        pick_time: admitted.rehearsed.pick_time,
    }
}
