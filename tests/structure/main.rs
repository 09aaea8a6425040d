//! The structure that `host/ARCHITECTURE.md` and `host/docs/code-map.md` state, held against the code.
//!
//! [`source`] parses a file, [`modules`] follows its paths to the files that define what they name; the rest are the rules.

mod allowed;
mod circles;
mod code_map;
mod events;
mod limits;
mod modules;
mod owners;
mod repository;
mod source;
