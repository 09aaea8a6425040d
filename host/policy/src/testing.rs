//! What the tests of policies share: pools, guests written as text, and waiting without sleeping for long.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pointsman_core::backend::{Attributes, Backend, TopologyGeneration};
use pointsman_core::clock::Clock;
use pointsman_core::pool::{Pool, UpstreamLimits};
use pointsman_core::request::RequestHead;
use pointsman_core::topology::{Member, Topology};
use pointsman_sdk::abi::{MODULE, signature, wasi};

use crate::admission::{self, Refusal};
use crate::cells::{Cell, CellAddress, Cells};
use crate::context::{ContextId, PolicyContext};
use crate::engine::GuestEngine;
use crate::guest::GuestState;
use crate::imports;
use crate::instance::{BuildError, Instance};
use crate::loader::PolicyLoader;
use crate::plugin::Plugin;
use crate::settings::PolicySettings;
use crate::supervisor::Opened;
use crate::version::{PolicyVersion, VersionId};

/// Declares every function of the contract, under its own name.
fn imports() -> String {
    let contract = signature::IMPORTS.iter().map(|function| (MODULE, function));
    let wasi = signature::WASI.iter().map(|function| (wasi::MODULE, function));
    let declared = contract.chain(wasi).map(|(module, function)| {
        let parameters: Vec<&str> = function.parameters().collect();
        let result = function.result().map_or_else(String::new, |result| format!("(result {result})"));
        let (name, parameters) = (function.name, parameters.join(" "));
        format!("(import \"{module}\" \"{name}\" (func ${name} (param {parameters}) {result}))")
    });
    declared.collect()
}

/// The verdict `abstain`, as a WAT expression.
pub(super) const ABSTAIN: &str = "(i64.const 0x1_0000_0000)";

/// A guest with all imports, one page of memory and these fields. `init` and `pick` are added if they are not there:
/// ready, and abstain.
pub(super) fn guest(fields: &str) -> Vec<u8> {
    let mut module = format!("(module {} (memory (export \"memory\") 1) {fields}", imports());
    for (name, body) in [("init", "(result i32) (i32.const 0)"), ("pick", &format!("(result i64) {ABSTAIN}"))]
    {
        if !fields.contains(&format!("pointsman_{name}")) {
            module += &format!("(func (export \"pointsman_{name}\") {body})");
        }
    }
    wat::parse_str(module + ")").expect("test guests are well-formed")
}

/// A guest whose hook has this body.
pub(super) fn guest_with(hook: &str, body: &str) -> Vec<u8> {
    let signature = match hook {
        "init" => "(result i32)",
        "pick" => "(result i64)",
        "observe" => "(param i32 i32 i32 i64 i64)",
        _ => "",
    };
    guest(&format!("(func (export \"pointsman_{hook}\") {signature} {body})"))
}

/// Backends of these names; `-` in front makes one draining.
pub(super) fn backends(names: &[&str]) -> Vec<Arc<Backend>> {
    let backends = names.iter().enumerate().map(|(place, &name)| {
        Arc::new(Backend {
            weight: 1000 * (1 + place as u32),
            attributes: Attributes {
                zone: "west".into(),
                labels: [("gpu".to_owned(), "h200".to_owned())].into(),
            },
            draining: name.starts_with('-'),
            ..Backend::new(name.trim_start_matches('-'), ([127, 0, 0, 1], 8000 + place as u16))
        })
    });
    backends.collect()
}

/// A topology of [`backends`].
pub(super) fn topology(generation: u64, names: &[&str]) -> Topology {
    Topology::new(TopologyGeneration(generation), backends(names))
}

/// Puts these [`backends`] in the place of a pool's.
pub(super) fn replace_backends(pool: &Pool, names: &[&str]) {
    pool.change_backends(|members| members.file = backends(names), Member::healthy);
}

/// A pool of these backends.
pub(super) fn pool(name: &str, names: &[&str]) -> Arc<Pool> {
    Arc::new(Pool::new(name, 7, &UpstreamLimits::default(), backends(names)))
}

/// A loader for this many workers.
pub(super) fn loader(workers: usize) -> PolicyLoader {
    let workers = NonZeroUsize::new(workers).expect("tests have workers");
    PolicyLoader::start(Clock::start(), workers, 1).expect("the engine starts")
}

pub(super) fn plugin(content: Vec<u8>) -> Plugin {
    Plugin { origin: "test".into(), content: content.into() }
}

/// Opens a slot for a pool of three backends.
pub(super) fn open(loader: &PolicyLoader, content: Vec<u8>, cells: &Arc<Cells>) -> Opened {
    let pool = pool("api", &["a", "b", "c"]);
    loader
        .open(pool, PolicySettings::default(), Arc::clone(cells), plugin(content))
        .expect("the guest passes admission")
}

/// A slot of the pool's cells under the schema without a name: how tests talk to guests.
pub(super) fn with_cell<R>(cells: &Cells, slot: u32, use_cell: impl FnOnce(Cell<'_>) -> R) -> R {
    let resolved = cells.open("").resolve(&topology(0, &[]));
    use_cell(resolved.cell(CellAddress { scope: 0, index: 0, slot }).expect("pools have cells"))
}

/// One guest without slot and loader.
pub(super) struct Bench {
    pub(super) engine: GuestEngine,
    pub(super) context: Arc<PolicyContext>,
}

impl Bench {
    pub(super) fn new(pool: Arc<Pool>, settings: PolicySettings) -> Self {
        let engine = GuestEngine::start().expect("the engine starts");
        let context = PolicyContext::new(ContextId(0), pool, settings, Arc::default(), Clock::start());
        Self { engine, context: Arc::new(context) }
    }

    pub(super) fn compile(&self, content: &[u8]) -> Result<Arc<PolicyVersion>, Refusal> {
        let linker = imports::linker(&self.engine.engine).expect("the contract links");
        let scratch =
            GuestState::new(Arc::clone(&self.context), String::new(), self.context.pool.topology(), 0);
        admission::compile(&linker, scratch, VersionId::of(content), content.to_vec().into()).map(Arc::new)
    }

    pub(super) fn build(&self, content: &[u8]) -> Result<Instance, BuildError> {
        let version = self.compile(content).expect("the guest compiles");
        Instance::build(&self.engine, &version, &self.context, (self.context.pool.topology(), 1), 1)
    }
}

/// A request with everything in it that policies can ask for.
pub(super) fn request() -> RequestHead {
    let parts = http::Request::post("/v1/users?id=7&id=8")
        .header("host", "api.example.com:8080")
        .header("X-User", "ada")
        .header("cookie", "theme=dark; session=abc")
        .body(())
        .expect("the request is well-formed")
        .into_parts()
        .0;
    RequestHead::new(parts, [10, 0, 0, 7].into())
}

/// Waits for something that happens on another thread.
pub(super) fn wait_for(what: &str, mut happened: impl FnMut() -> bool) {
    let started = Instant::now();
    while !happened() {
        assert!(started.elapsed() < Duration::from_secs(20), "timed out waiting for {what}");
        std::thread::yield_now();
    }
}
