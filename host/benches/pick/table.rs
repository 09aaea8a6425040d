//! What was measured, as one table: the least and the median of the samples that criterion took.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion};
use rustix::time::{ClockId, clock_gettime};

/// Shorter samples are criterion's first steps of warming up.
const SAMPLE: Duration = Duration::from_millis(1);

/// By policy and number of backends: the samples of each way of running, in ns.
#[derive(Default)]
pub(crate) struct Table(BTreeMap<(String, usize), BTreeMap<&'static str, Vec<f64>>>);

impl Table {
    /// Has criterion measure `policy/way/backends`, of which each run makes so many `calls` of what is asked for.
    pub(crate) fn measure(
        &mut self,
        criterion: &mut Criterion,
        policy: &str,
        way: &'static str,
        backends: usize,
        calls: u32,
        mut run: impl FnMut(),
    ) {
        let mut samples = Vec::new();
        criterion.benchmark_group(policy).bench_function(BenchmarkId::new(way, backends), |bencher| {
            bencher.iter_custom(|runs| {
                let began = cpu_time();
                for _ in 0..runs {
                    run();
                }
                let took = cpu_time().saturating_sub(began);
                if took >= SAMPLE {
                    samples.push(took.as_nanos() as f64 / runs as f64 / f64::from(calls));
                }
                took / calls
            });
        });
        if !samples.is_empty() {
            samples.sort_by(f64::total_cmp);
            self.0.entry((policy.to_owned(), backends)).or_default().insert(way, samples);
        }
    }
}

/// What this thread has used: on cores that are shared with others, wall time is theirs as well.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| ns | backends | wasm least | median | native least | median | floor least | median |"
        )?;
        writeln!(f, "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")?;
        for ((policy, backends), ways) in &self.0 {
            write!(f, "| {policy} | {backends} |")?;
            for samples in ["wasm", "native", "floor"].map(|way| ways.get(way)) {
                match samples {
                    Some(samples) => write!(f, " {:.1} | {:.1} |", samples[0], samples[samples.len() / 2])?,
                    None => write!(f, " | |")?,
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
