//! What a plugin must pass before it serves.
//!
//! Two halves: [`compile`] checks the content alone, and its result is valid for every pool; [`rehearse`] runs the compiled
//! version in the context of one pool. Both take long, so they belong on a thread that serves no requests.

mod container;
mod contract;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzz;
mod hint;
mod refusal;
mod rehearsal;
mod report;
mod usage;
mod work;

use std::borrow::Cow;
use std::time::Instant;

use pointsman_core::printable::Printable;
use wasmtime::{Linker, Module};

use crate::engine;
use crate::guest::GuestState;
use crate::version::{PolicyVersion, VersionId};

pub use refusal::Refusal;
pub(super) use rehearsal::{Rehearsed, rehearse};
pub use report::AdmissionReport;
pub(crate) use report::Admitted;
pub use usage::Usage;
pub use work::Shape;

/// Checks a plugin's content, which `id` names, and compiles it. `scratch` is of no pool in particular.
pub(super) fn compile(
    linker: &Linker<GuestState>,
    scratch: GuestState,
    id: VersionId,
    content: Cow<'static, [u8]>,
) -> Result<PolicyVersion, Refusal> {
    engine::assert_no_worker();
    let contained = container::check(&content)?;
    let estimate = work::check(&content)?;

    let started = Instant::now();
    let module = Module::from_binary(linker.engine(), &content)
        .map_err(|error| Refusal::Invalid { reason: Printable::text(format_args!("{error:#}")) })?;
    let compile_time = started.elapsed();

    let uses = contract::check_imports(linker, scratch, &module)?;
    let hooks = contract::check_exports(&module)?;
    let tables = module.resources_required().num_tables;
    if tables > 1 {
        return Err(Refusal::Tables { found: tables });
    }
    let pre = linker
        .instantiate_pre(&module)
        .map_err(|error| Refusal::Invalid { reason: Printable::text(format_args!("{error:#}")) })?;
    let usage = Usage {
        compiled: contained.compiled,
        functions: contained.functions,
        largest_function: contained.largest_function,
        compile_estimate: estimate,
        memory: contract::least_memory(&module),
        table: module.resources_required().max_initial_table_size.unwrap_or(0),
    };
    Ok(PolicyVersion {
        id,
        content,
        compile_time,
        usage,
        hooks,
        access: uses.request,
        uses_cells: uses.cells,
        pre,
    })
}

#[cfg(test)]
mod tests;
