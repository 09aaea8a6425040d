//! What makes a function costly to compile, with its prices.

use std::fmt;

/// What things cost at worst, in nanoseconds.
pub(super) mod price {
    pub(in crate::admission::work) const INSTRUCTION: u64 = 1_500;
    pub(in crate::admission::work) const BLOCK: u64 = 3_000;
    pub(in crate::admission::work) const BRANCH: u64 = 10_000;
    pub(in crate::admission::work) const BRANCH_TARGET: u64 = 500;
    pub(in crate::admission::work) const LOOP: u64 = 15_000;
    pub(in crate::admission::work) const CALL: u64 = 5_000;
    /// A call through a table, or of the runtime.
    pub(in crate::admission::work) const INDIRECT: u64 = 50_000;
    /// A parameter or a result of a call.
    pub(in crate::admission::work) const ARGUMENT: u64 = 6_000;
    pub(in crate::admission::work) const FUNCTION: u64 = 20_000;
    pub(in crate::admission::work) const LOCAL: u64 = 1_000;
    pub(in crate::admission::work) const TYPE: u64 = 50_000;
    pub(in crate::admission::work) const GLOBAL: u64 = 50_000;
    pub(in crate::admission::work) const ELEMENT: u64 = 60_000;
    /// For each pair of branches, and each local: the value of a local is looked up in every block, back through all blocks before.
    pub(in crate::admission::work) const BRANCHES_LOCALS: u64 = 4;
    /// For each pair of loops.
    pub(in crate::admission::work) const LOOPS: u64 = 300;
    /// For each loop, and each pair of locals.
    pub(in crate::admission::work) const LOOPS_LOCALS: u64 = 3;
    /// For each instruction and loop around the innermost one.
    pub(in crate::admission::work) const DEPTH: u64 = 220;
    /// For each loop, the loops around it and itself, and each local: what is changed within passes all of them.
    pub(in crate::admission::work) const NESTED_LOCALS: u64 = 900;
}

/// What a function is made of, as far as it matters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shape {
    /// Its number, imports included.
    pub number: u32,
    /// Loops.
    pub(super) loops: u64,
    /// Loops inside each other.
    pub(super) depth: u64,
    /// The depths of all loops together.
    pub(super) nested: u64,
    /// Places where it branches.
    pub(super) branches: u64,
    /// Locals, parameters and what blocks take and give.
    pub(super) locals: u64,
    pub(super) instructions: u64,
    /// What costs in proportion to its number.
    pub(super) flat: u64,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, loops, depth, branches, locals, instructions, .. } = self;
        write!(
            f,
            "function {number}, with {instructions} instructions, {branches} branches, {loops} loops up to {depth} deep, and \
             {locals} locals and block parameters"
        )
    }
}

impl Shape {
    pub(super) fn cost(&self) -> u64 {
        let Self { loops, depth, nested, branches, locals, instructions, .. } = *self;
        let product = |price: u64, factors: [u64; 3]| {
            factors.iter().fold(price, |cost, factor| cost.saturating_mul(*factor))
        };
        [
            self.flat,
            product(price::BRANCHES_LOCALS, [branches, branches, locals + 1]),
            product(price::LOOPS, [loops, loops, 1]),
            product(price::LOOPS_LOCALS, [loops, locals, locals]),
            product(price::DEPTH, [depth, instructions, 1]),
            product(price::NESTED_LOCALS, [nested, locals + 1, 1]),
        ]
        .into_iter()
        .fold(0, u64::saturating_add)
    }
}
