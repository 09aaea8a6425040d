//! What a plugin must pass before it serves.
//!
//! Two halves: [`compile`] looks at the content alone, and its answer holds for every pool; [`rehearse`] runs the
//! compiled version on the terms of one pool. Both take their time and belong on a thread where nobody waits.

mod container;
mod contract;
mod refusal;
mod rehearsal;

use std::time::Instant;

use pointsman_sdk::abi::limit::{PLUGIN_BYTES, TABLE_ELEMENTS};
use wasmtime::{Linker, Module};

use super::guest::GuestState;
use super::version::{PolicyVersion, VersionId};

pub use refusal::Refusal;
pub(super) use rehearsal::{Rehearsed, rehearse};

/// Checks a plugin's content, which `id` names, and compiles it. `scratch` is of no pool in particular.
pub(super) fn compile(
    linker: &Linker<GuestState>,
    scratch: GuestState,
    id: VersionId,
    content: &[u8],
) -> Result<PolicyVersion, Refusal> {
    if content.len() > PLUGIN_BYTES {
        return Err(Refusal::TooLarge { found: content.len(), allowed: PLUGIN_BYTES });
    }
    container::check(content)?;

    let started = Instant::now();
    let module = Module::from_binary(linker.engine(), content)
        .map_err(|error| Refusal::Invalid { reason: format!("{error:#}") })?;
    let compile_time = started.elapsed();

    let uses = contract::check_imports(linker, scratch, &module)?;
    let hooks = contract::check_exports(&module)?;
    check_tables(&module)?;
    let pre =
        linker.instantiate_pre(&module).map_err(|error| Refusal::Invalid { reason: format!("{error:#}") })?;
    Ok(PolicyVersion {
        id,
        size: content.len(),
        compile_time,
        hooks,
        reach: uses.request,
        uses_cells: uses.cells,
        pre,
    })
}

fn check_tables(module: &Module) -> Result<(), Refusal> {
    let needs = module.resources_required();
    if needs.num_tables > 1 {
        return Err(Refusal::Tables { found: needs.num_tables });
    }
    let elements = needs.max_initial_table_size.unwrap_or(0);
    if elements > TABLE_ELEMENTS as u64 {
        return Err(Refusal::TableTooLarge { found: elements, allowed: TABLE_ELEMENTS });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
