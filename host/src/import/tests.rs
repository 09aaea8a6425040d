//! The ten samples, inputs that are no configuration, and directives at random.

mod carried;
mod inputs;
mod limits_and_shares;
mod pages;
mod policies;
mod refusals;
mod samples;
mod soup;
