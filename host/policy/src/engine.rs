//! What compiles and runs guests: one [`wasmtime::Engine`] for the whole process.

use std::num::NonZeroUsize;
use std::sync::Arc;

use rustix::process::{Resource, getrlimit};
use wasmtime::{Config, Engine, OptLevel, Strategy};

use crate::ticker::Ticker;

/// Stack of a guest, bytes. Overflow is a trap; a worker's thread must have more than this left.
const GUEST_STACK: usize = 128 << 10;

/// What a memory may grow by without being moved, where address space is scarce.
const GROWTH: u64 = 64 << 10;

/// Frames of a fault's backtrace.
const BACKTRACE_FRAMES: NonZeroUsize = NonZeroUsize::new(8).expect("8 is not 0");

/// The engine, and what ends a call that takes too long. Copies share both.
#[derive(Clone)]
pub(super) struct GuestEngine {
    pub(super) engine: Engine,
    pub(super) meter: Meter,
}

/// How the deadline of a call is measured.
#[derive(Clone)]
pub(super) enum Meter {
    /// In CPU time, by the thread that advances the engine's epoch.
    Time(Arc<Ticker>),
    /// In fuel, of which each instruction of a guest takes some: the same for the same call, whatever the machine does.
    Fuel,
}

/// Fuel for a microsecond of a deadline. An instruction takes one, and no machine runs more in a microsecond: what is in time in a proxy
/// must not fail here.
pub(super) const FUEL_PER_MICROSECOND: u64 = 10_000;

impl GuestEngine {
    /// Builds the engine and starts its ticker.
    pub(super) fn start() -> wasmtime::Result<Self> {
        let engine = Engine::new(config().epoch_interruption(true))?;
        let meter = Meter::Time(Ticker::start(&engine)?);
        Ok(Self { engine, meter })
    }

    /// Builds an engine in which the same calls always have the same results and the same cost. It has no thread.
    pub(super) fn deterministic() -> wasmtime::Result<Self> {
        let mut config = config();
        // The bits of a number that is none may be those of any machine.
        config.consume_fuel(true).cranelift_nan_canonicalization(true);
        Ok(Self { engine: Engine::new(&config)?, meter: Meter::Fuel })
    }
}

/// Compiling and instantiating take long, and no worker ever does either. Workers are recognised by the name of their thread,
/// in debug builds only, which end-to-end tests use.
pub(super) fn assert_no_worker() {
    debug_assert!(
        !std::thread::current().name().is_some_and(|name| name.starts_with("worker-")),
        "a worker compiles or instantiates a policy"
    );
}

/// The narrowest engine that runs what Rust, C, Zig and TinyGo compile to for `wasm32-unknown-unknown`.
fn config() -> Config {
    let mut config = Config::new();
    config
        .strategy(Strategy::Cranelift)
        .cranelift_opt_level(OptLevel::Speed)
        .max_wasm_stack(GUEST_STACK)
        .wasm_backtrace_max_frames(Some(BACKTRACE_FRAMES))
        // Only native unwinders need it, and it makes dropping a module slow: swaps would pay for it.
        .native_unwind_info(false)
        // A mapping of a plugin's data that is copied on write would take two of the process's memory maps for each
        // instance, of which there are 65,530, and be no faster: plugins have little data.
        .memory_init_cow(false)
        // A policy computes with integers. What isn't compiled in can't be miscompiled: vector instructions were
        // behind most code generation advisories.
        .wasm_simd(false)
        .wasm_relaxed_simd(false)
        .wasm_multi_memory(false)
        .wasm_memory64(false)
        .wasm_tail_call(false)
        .wasm_wide_arithmetic(false)
        .wasm_custom_page_sizes(false);
    if address_space_is_limited() {
        // As much as an instance uses and no more. Bounds are then checked by code, a few percent of a pick, and a memory that grows may be copied.
        config
            .memory_reservation(0)
            .memory_reservation_for_growth(GROWTH)
            .memory_guard_size(0)
            .memory_may_move(true);
    } else {
        // Lets the compiled code keep the base address. The reservation (4 GiB of address space) stays at its
        // default: it is what makes bounds checks free.
        config.memory_may_move(false);
    }
    config
}

/// Whether the address space of this process is limited, as by `ulimit -v` and `LimitAS=`.
fn address_space_is_limited() -> bool {
    getrlimit(Resource::As).current.is_some()
}
