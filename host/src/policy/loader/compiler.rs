//! The thread that admits plugins: one at a time, at low priority, away from everything that can't wait.

use std::collections::{HashMap, VecDeque};
use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Instant;

use wasmtime::Linker;

use super::super::admission::{self, Refusal, Rehearsed};
use super::super::engine::GuestEngine;
use super::super::guest::{GuestState, Terms};
use super::super::imports;
use super::super::rng::Rng;
use super::super::slot::PolicySlot;
use super::super::version::{PolicyVersion, VersionId};
use super::keeper::Command;
use super::reply::Reply;
use super::{Checked, Opened, Plugin, StartError, SwapOutcome};

/// Refused contents that are remembered, so that a broken file that is tried again and again costs one compilation.
const REMEMBERED: usize = 64;

/// Where the workers take all CPU time there is, a compilation gets a tenth of a core: enough to end in time.
const NICE: i32 = 10;

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
    let mut compiler =
        Compiler { engine, linker, keeper, seeds, versions: HashMap::new(), refused: VecDeque::new() };
    thread::Builder::new().name("policy-compiler".into()).spawn(move || {
        // Priorities are per thread on Linux. Without it compilations compete with the workers, and that is all.
        let _ = rustix::process::nice(NICE);
        compiler.run(&jobs);
    })?;
    Ok(sender)
}

struct Compiler {
    engine: GuestEngine,
    linker: Linker<GuestState>,
    keeper: Sender<Command>,
    seeds: Rng,
    /// Versions that some pool serves with: the same content is compiled once.
    versions: HashMap<VersionId, Weak<PolicyVersion>>,
    /// Latest at the end. A content that was refused for itself has no terms.
    refused: VecDeque<(VersionId, Option<u64>, Refusal)>,
}

impl Compiler {
    fn run(&mut self, jobs: &Receiver<Job>) {
        while let Ok(job) = jobs.recv() {
            match job {
                Job::Open { terms, plugin, reply } => match self.admit(&terms, plugin) {
                    Ok(admitted) => self.pass_on(Command::Open { terms, admitted, reply }),
                    Err(refusal) => drop(reply.send(Err(refusal))),
                },
                Job::Check { terms, plugin, reply } => {
                    let checked = self.admit(&terms, plugin).map(|admitted| checked(&admitted));
                    drop(reply.send(checked));
                }
                Job::Swap { slot, plugin, reply } => self.swap(slot, plugin, reply),
            }
        }
    }

    fn swap(&mut self, slot: Arc<PolicySlot>, plugin: Plugin, reply: Reply) {
        // Whether this is what serves already is for the keeper to say: it may be about to publish something else, from
        // which this content is the way back.
        let origin = Arc::clone(&plugin.origin);
        match self.admit(slot.terms(), plugin) {
            Ok(admitted) => self.pass_on(Command::Swap { slot, admitted, reply }),
            Err(refusal) => {
                if !refusal.is_incomplete() {
                    slot.log_refusal(&origin, &refusal);
                }
                reply.send(SwapOutcome::Refused(refusal));
            }
        }
    }

    /// Puts a plugin through admission, unless its refusal is known.
    fn admit(&mut self, terms: &Arc<Terms>, plugin: Plugin) -> Result<Admitted, Refusal> {
        let started = Instant::now();
        let id = VersionId::of(&plugin.content);
        let known = |(refused, on, _): &&(VersionId, Option<u64>, Refusal)| {
            *refused == id && on.is_none_or(|on| on == terms.id)
        };
        if let Some((.., refusal)) = self.refused.iter().find(known) {
            return Err(refusal.clone());
        }
        let version =
            self.version(id, terms, &plugin.content).map_err(|refusal| self.remember(id, None, refusal))?;
        let rehearsed = admission::rehearse(&self.engine, &version, terms, self.seeds.draw())
            .map_err(|refusal| self.remember(id, Some(terms.id), refusal))?;
        Ok(Admitted { version, origin: plugin.origin, rehearsed, started })
    }

    fn version(
        &mut self,
        id: VersionId,
        terms: &Arc<Terms>,
        content: &[u8],
    ) -> Result<Arc<PolicyVersion>, Refusal> {
        if let Some(version) = self.versions.get(&id).and_then(Weak::upgrade) {
            return Ok(version);
        }
        let scratch = GuestState::new(Arc::clone(terms), String::new(), terms.pool.topology(), 0);
        // Compilers have been known to panic over a strange module. That must not be the last one that is loaded.
        let compiled =
            panic::catch_unwind(AssertUnwindSafe(|| admission::compile(&self.linker, scratch, id, content)));
        let version = Arc::new(compiled.unwrap_or_else(|_| {
            Err(Refusal::Invalid { reason: "the compiler gave up on it in a panic".to_owned() })
        })?);
        self.versions.retain(|_, version| version.strong_count() > 0);
        self.versions.insert(id, Arc::downgrade(&version));
        Ok(version)
    }

    fn remember(&mut self, id: VersionId, terms: Option<u64>, refusal: Refusal) -> Refusal {
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

fn checked(admitted: &Admitted) -> Checked {
    let version = &admitted.version;
    Checked {
        id: version.id,
        size: version.size,
        hooks: version.hooks,
        compile_time: version.compile_time,
        pick_time: admitted.rehearsed.pick_time,
    }
}
