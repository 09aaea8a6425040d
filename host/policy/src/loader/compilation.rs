//! Compilations with a time limit.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use wasmtime::Linker;

use crate::admission::{self, Refusal};
use crate::guest::GuestState;
use crate::version::{PolicyVersion, VersionId};

/// Compilations that were given up and still run, as they can't be stopped. With this many, no other one begins before one of
/// them ends. It soon does: admission lets nothing through that is more than seconds of work.
const GIVEN_UP: usize = 2;

/// Compiles one module at a time, each on a separate thread: one that takes too long or panics costs the loader nothing but
/// time.
pub(super) struct Compilation {
    linker: Arc<Linker<GuestState>>,
    given_up: Vec<GivenUp>,
}

/// A compilation that took too long, and the channel for its result.
struct GivenUp {
    thread: JoinHandle<()>,
    compiled: Receiver<Result<PolicyVersion, Refusal>>,
}

impl Compilation {
    pub(super) fn new(linker: Linker<GuestState>) -> Self {
        Self { linker: Arc::new(linker), given_up: Vec::new() }
    }

    /// Compiles, for no longer than `limit`; `scratch` is of no pool in particular.
    pub(super) fn run(
        &mut self,
        limit: Duration,
        scratch: GuestState,
        id: VersionId,
        content: Cow<'static, [u8]>,
    ) -> Result<PolicyVersion, Refusal> {
        let running = self.still_running(limit);
        if running >= GIVEN_UP {
            return Err(Refusal::CompilerBusy { running });
        }
        let (reply, compiled) = mpsc::channel();
        let linker = Arc::clone(&self.linker);
        // It inherits the low priority of the thread that waits for it.
        let thread = thread::Builder::new().name("policy-compile".into()).spawn(move || {
            let _ = reply.send(admission::compile(&linker, scratch, id, content));
        });
        let Ok(thread) = thread else {
            return Err(Refusal::Invalid { reason: "the system has no thread to compile it on".into() });
        };
        match compiled.recv_timeout(limit) {
            Ok(compiled) => {
                let _ = thread.join();
                compiled
            }
            Err(RecvTimeoutError::Timeout) => {
                self.given_up.push(GivenUp { thread, compiled });
                Err(Refusal::CompileTime { allowed: limit })
            }
            // Compilers have been known to panic over a strange module. That must not be the last one that is loaded.
            Err(RecvTimeoutError::Disconnected) => {
                Err(Refusal::Invalid { reason: "the compiler gave up on it in a panic".into() })
            }
        }
    }

    /// How many compilations that were given up still run; if that is too many, after one had time to end.
    fn still_running(&mut self, limit: Duration) -> usize {
        let mut wait = limit;
        loop {
            self.given_up.retain(|given_up| !given_up.thread.is_finished());
            let running = self.given_up.len();
            let Some(oldest) = self.given_up.first().filter(|_| running >= GIVEN_UP && !wait.is_zero())
            else {
                return running;
            };
            // Its result is no longer needed. Its thread ends right after it has sent it.
            let ended = !matches!(oldest.compiled.recv_timeout(wait), Err(RecvTimeoutError::Timeout));
            wait = Duration::ZERO;
            if ended {
                let _ = self.given_up.remove(0).thread.join();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imports;
    use crate::settings::PolicySettings;
    use crate::testing::{Bench, guest, pool};

    /// Functions without end, which take a compiler much longer than the limit of this test.
    fn long() -> Vec<u8> {
        let body =
            "(local.set 0 (i64.add (i64.mul (local.get 0) (i64.const 77777)) (i64.const 1)))".repeat(300);
        guest(&format!("(func (param i64) (result i64) {body} (local.get 0))").repeat(40))
    }

    #[test]
    fn what_takes_too_long_is_given_up_and_the_next_one_compiles() {
        let bench = Bench::new(pool("api", &["a"]), PolicySettings::default());
        let scratch = || {
            let topology = bench.context.pool.topology();
            GuestState::new(Arc::clone(&bench.context), String::new(), topology, 0)
        };
        let linker = imports::linker(&bench.engine.engine).unwrap();
        let mut compilation = Compilation::new(linker);
        let (long, short) = (long(), guest(""));
        let moment = Duration::from_millis(1);
        for _ in 0..GIVEN_UP {
            let refused =
                compilation.run(moment, scratch(), VersionId::of(&long), long.clone().into()).unwrap_err();
            assert_eq!(refused.label(), "compile-time", "{refused}");
        }
        assert_eq!(compilation.given_up.len(), GIVEN_UP);
        let refused =
            compilation.run(moment, scratch(), VersionId::of(&short), short.clone().into()).unwrap_err();
        assert_eq!(refused, Refusal::CompilerBusy { running: GIVEN_UP });
        // With more time, one of the two ends, and makes room.
        compilation
            .run(Duration::from_secs(60), scratch(), VersionId::of(&short), short.into())
            .expect("it compiles");
        assert!(compilation.given_up.len() < GIVEN_UP);
        for given_up in compilation.given_up.drain(..) {
            given_up.thread.join().expect("it ends by itself");
        }
    }
}
