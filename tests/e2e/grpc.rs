//! Calls of gRPC, and what they are told.

mod own_answers;
mod python;
mod statuses;
