//! Calls of gRPC, and what they are told.

mod checks;
mod own_answers;
mod python;
mod statuses;
