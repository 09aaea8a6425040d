//! The ten samples, inputs that are no configuration, and directives at random.

mod inputs;
mod pages;
mod samples;
mod soup;
