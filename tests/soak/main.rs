//! Long runs inside the test's process, where the numbers of the runtime can be read. Each has a short form in the
//! normal suite, and a long form: `cargo test -p pointsman --test soak -- --ignored --nocapture`.

mod measured;
mod swaps_at_rest;
mod swaps_under_load;
