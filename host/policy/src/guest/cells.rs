//! A guest's access to its pool's cells.

use std::sync::Arc;

use pointsman_core::topology::Topology;

use crate::cells::{Cells, ResolvedCells, Schema};

/// The cells that a guest uses: none before its first use of one, or before it names a schema.
#[derive(Default)]
pub(super) struct GuestCells {
    schema: Option<Arc<Schema>>,
    resolved: Option<ResolvedCells>,
}

impl GuestCells {
    /// Changes to the schema of this name.
    pub(super) fn open(&mut self, cells: &Cells, schema: &str) {
        self.schema = Some(cells.open(schema));
        self.resolved = None;
    }

    /// The cells by index, resolved on the first use. A guest that has named no schema uses the one without a name.
    #[inline]
    pub(super) fn resolved(&mut self, cells: &Cells, topology: &Topology) -> &ResolvedCells {
        let Self { schema, resolved } = self;
        resolved.get_or_insert_with(|| schema.get_or_insert_with(|| cells.open("")).resolve(topology))
    }

    /// Resolves the cells again for another topology, if they were in use.
    pub(super) fn follow(&mut self, cells: &Cells, topology: &Topology) {
        if self.resolved.take().is_some() {
            self.resolved(cells, topology);
        }
    }
}
