//! Long runs, most of them inside the test's process, where the numbers of the runtime can be read. Each of these has a short form in the
//! normal suite, and a long form: `cargo test -p pointsman --test soak -- --ignored --nocapture`.

mod every_protocol;
mod measured;
mod swaps_at_rest;
mod swaps_under_load;
