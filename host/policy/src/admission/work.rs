//! How long compiling a module can take, estimated from its instructions before the compiler sees it.
//!
//! A compiler can't be stopped, nor held to an amount of memory. It takes time in proportion to most code, but there are
//! modules of a few kilobytes that it takes minutes and gigabytes for: many loops over many locals, chains of branches, block types
//! with a thousand parameters, an element segment of a million functions. So what makes it explode is counted, and priced with what it
//! costs at worst. The prices are those of a core of about 3 GHz, and were found by measuring generated modules of some
//! sixty shapes. Code that real compilers produce comes out at one to two times what it takes.

mod shape;

use std::time::Duration;

use pointsman_core::printable::Printable;
use wasmparser::{
    BlockType, CompositeInnerType, ElementItems, ElementSectionReader, FunctionBody, ImportSectionReader,
    Operator, Parser, Payload, TypeRef, TypeSectionReader,
};

use super::refusal::Refusal;
use super::usage::Usage;
pub use shape::Shape;
use shape::price;

const MODULE: Duration = Usage::COMPILE_ESTIMATE;

/// Greatest estimate for one function. The main loop of SQLite takes half a second, and few programs have a larger function.
const FUNCTION: Duration = Duration::from_secs(2);

/// Most globals, and most elements of all element segments: what instances are given is built by a function that the compiler makes
/// up, and each of them lies in the instances, too.
const GLOBALS: u64 = 10_000;
const ELEMENTS: u64 = 50_000;

/// Checks that compiling the content is bounded; answers the estimate.
pub(super) fn check(content: &[u8]) -> Result<Duration, Refusal> {
    let mut scan = Scan::default();
    scan.read(content).map_err(|error| match error {
        Unfit::Invalid(error) => Refusal::Invalid { reason: Printable::text(error) },
        Unfit::Refused(refusal) => refusal,
    })?;
    Ok(Duration::from_nanos(scan.cost))
}

enum Unfit {
    Invalid(wasmparser::BinaryReaderError),
    Refused(Refusal),
}

impl From<wasmparser::BinaryReaderError> for Unfit {
    fn from(error: wasmparser::BinaryReaderError) -> Self {
        Self::Invalid(error)
    }
}

/// What was seen of a module so far.
#[derive(Default)]
struct Scan {
    /// Parameters and results of each type.
    types: Vec<u64>,
    /// Parameters and results of each function.
    functions: Vec<u64>,
    imported: usize,
    bodies: usize,
    elements: u64,
    cost: u64,
}

impl Scan {
    fn read(&mut self, content: &[u8]) -> Result<(), Unfit> {
        for payload in Parser::new(0).parse_all(content) {
            match payload? {
                Payload::TypeSection(types) => self.types(types)?,
                Payload::ImportSection(imports) => self.imports(imports)?,
                Payload::FunctionSection(functions) => {
                    for index in functions {
                        self.function(index?)?;
                    }
                }
                Payload::GlobalSection(globals) => {
                    let found = u64::from(globals.count());
                    within("globals", found, GLOBALS)?;
                    self.add(found * price::GLOBAL)?;
                }
                Payload::ElementSection(elements) => self.elements(elements)?,
                Payload::CodeSectionEntry(body) => self.body(&body)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn types(&mut self, types: TypeSectionReader<'_>) -> Result<(), Unfit> {
        for group in types {
            for kind in group?.into_types() {
                let arity = match &kind.composite_type.inner {
                    CompositeInnerType::Func(function) => function.params().len() + function.results().len(),
                    _ => 0,
                };
                self.types.push(arity as u64);
                self.add(price::TYPE + arity as u64 * price::ARGUMENT)?;
            }
        }
        Ok(())
    }

    fn imports(&mut self, imports: ImportSectionReader<'_>) -> Result<(), Unfit> {
        for import in imports.into_imports() {
            if let TypeRef::Func(index) = import?.ty {
                self.function(index)?;
                self.imported += 1;
            }
        }
        Ok(())
    }

    fn function(&mut self, kind: u32) -> Result<(), Unfit> {
        let arity = self.arity(kind);
        self.functions.push(arity);
        self.add(price::FUNCTION + arity * price::LOCAL)
    }

    fn elements(&mut self, elements: ElementSectionReader<'_>) -> Result<(), Unfit> {
        for segment in elements {
            let count = match segment?.items {
                ElementItems::Functions(functions) => functions.count(),
                ElementItems::Expressions(_, expressions) => expressions.count(),
            };
            self.elements += u64::from(count);
            within("elements of tables", self.elements, ELEMENTS)?;
            self.add(u64::from(count) * price::ELEMENT)?;
        }
        Ok(())
    }

    fn body(&mut self, body: &FunctionBody<'_>) -> Result<(), Unfit> {
        let number = self.imported + self.bodies;
        self.bodies += 1;
        let mut shape = Shape {
            number: u32::try_from(number).unwrap_or(u32::MAX),
            // A body that no function belongs to is invalid.
            locals: self.functions.get(number).copied().unwrap_or(0),
            ..Shape::default()
        };
        for locals in body.get_locals_reader()? {
            shape.locals = shape.locals.saturating_add(u64::from(locals?.0));
        }
        shape.flat = shape.locals * price::LOCAL;
        let mut nesting = Nesting::default();
        for instruction in body.get_operators_reader()? {
            let instruction = instruction?;
            nesting.follow(&instruction);
            self.instruction(&mut shape, &instruction);
        }
        shape.depth = nesting.deepest;
        shape.nested = nesting.sum;
        let (found, allowed) = (Duration::from_nanos(shape.cost()), FUNCTION);
        if found > allowed {
            return Err(Unfit::Refused(Refusal::FunctionTooComplex { shape, found, allowed }));
        }
        self.add(shape.cost())
    }

    fn instruction(&self, shape: &mut Shape, instruction: &Operator<'_>) {
        shape.instructions += 1;
        let (branches, cost) = match instruction {
            Operator::Loop { .. } => (1, price::LOOP),
            Operator::Block { .. } => (0, price::BLOCK),
            Operator::If { .. } | Operator::BrIf { .. } => (1, price::BRANCH),
            Operator::BrTable { targets } => {
                (1, price::BRANCH + u64::from(targets.len()) * price::BRANCH_TARGET)
            }
            Operator::Call { function_index } => {
                let arity = self.functions.get(*function_index as usize).copied().unwrap_or(0);
                (0, price::CALL + arity * price::ARGUMENT)
            }
            Operator::CallIndirect { type_index, .. } => {
                (2, price::INDIRECT + self.arity(*type_index) * price::ARGUMENT)
            }
            Operator::MemoryGrow { .. } | Operator::MemoryCopy { .. } | Operator::MemoryFill { .. } => {
                (0, price::CALL)
            }
            plain if is_plain(plain) => (0, 0),
            _ => (2, price::INDIRECT),
        };
        if let Operator::Loop { blockty } | Operator::Block { blockty } | Operator::If { blockty } =
            instruction
        {
            shape.locals += match blockty {
                BlockType::Empty => 0,
                BlockType::Type(_) => 1,
                BlockType::FuncType(index) => self.arity(*index),
            };
        }
        shape.loops += u64::from(matches!(instruction, Operator::Loop { .. }));
        shape.branches += branches;
        shape.flat = shape.flat.saturating_add(price::INSTRUCTION + cost);
    }

    /// Parameters and results of a type. One that isn't there is for the compiler to refuse.
    fn arity(&self, kind: u32) -> u64 {
        self.types.get(kind as usize).copied().unwrap_or(0)
    }

    fn add(&mut self, cost: u64) -> Result<(), Unfit> {
        self.cost = self.cost.saturating_add(cost);
        let (found, allowed) = (Duration::from_nanos(self.cost), MODULE);
        if found > allowed { Err(Unfit::Refused(Refusal::TooComplex { allowed })) } else { Ok(()) }
    }
}

fn within(what: &'static str, found: u64, allowed: u64) -> Result<(), Unfit> {
    if found > allowed { Err(Unfit::Refused(Refusal::TooMany { what, found, allowed })) } else { Ok(()) }
}

/// Loops inside each other.
#[derive(Default)]
struct Nesting {
    /// The blocks around this place: whether each is a loop.
    around: Vec<bool>,
    loops: u64,
    deepest: u64,
    /// Of the depths of all loops.
    sum: u64,
}

impl Nesting {
    fn follow(&mut self, instruction: &Operator<'_>) {
        match instruction {
            Operator::Loop { .. } => {
                self.around.push(true);
                self.loops += 1;
                self.deepest = self.deepest.max(self.loops);
                self.sum += self.loops;
            }
            Operator::End => self.loops -= u64::from(self.around.pop().unwrap_or(false)),
            Operator::Block { .. }
            | Operator::If { .. }
            | Operator::Try { .. }
            | Operator::TryTable { .. } => self.around.push(false),
            _ => {}
        }
    }
}

/// Whether an instruction compiles to a few machine instructions. All others may call the runtime or access tables.
fn is_plain(instruction: &Operator<'_>) -> bool {
    macro_rules! of_proposal {
        ($( @$proposal:ident $name:ident $({ $($field:ident: $type:ty),* })? => $visit:ident ($($rest:tt)*))*) => {
            match instruction {
                $( Operator::$name $({ $($field: _),* })? => of_proposal!(plain @$proposal), )*
                _ => false,
            }
        };
        (plain @mvp) => { true };
        (plain @sign_extension) => { true };
        (plain @saturating_float_to_int) => { true };
        (plain @$other:ident) => { false };
    }
    wasmparser::for_each_operator!(of_proposal)
}

#[cfg(test)]
mod tests;
