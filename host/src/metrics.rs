//! The numbers of the proxy, for those who collect them (Prometheus).
//!
//! What is counted is counted elsewhere, by those who do it: here it is read, named and written. A scrape changes nothing, and nobody on
//! the way of a request waits for it.

mod access_log;
mod backends;
mod collector;
mod configuration;
mod discovery;
mod exposition;
mod families;
mod limits;
mod listeners;
mod policies;
mod pools;
mod process;
mod saturation;
mod scrape;
mod scrapes;
mod selection;
#[cfg(test)]
mod tests;
mod thread_times;
mod tls;
mod traces;
mod workers;

pub use saturation::Saturation;
pub use scrape::Scrape;
pub use scrapes::Scrapes;
pub use selection::Selection;
pub use thread_times::ThreadTimes;
