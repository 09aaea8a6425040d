//! The structure that `host/ARCHITECTURE.md` and `host/docs/` state, held against the code.
//!
//! [`source`] parses a file, [`modules`] follows its paths to the files that define what they name; the rest are the rules.

mod allowed;
mod circles;
mod code_map;
mod documents;
mod events;
mod limits;
mod modules;
mod owners;
mod repository;
mod source;
