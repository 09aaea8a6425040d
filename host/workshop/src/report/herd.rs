//! Whether proxies run after each other, and after counts that are out of date.

use super::lab::Lab;
use super::line::{Line, Verdict};
use super::model::{ReportError, Section, Table};
use crate::chart::{Axis, Chart};
use crate::simulate::{Estimate, PolicyResult};

/// What one request takes on average, µs.
const SERVICE: f64 = 10_000.0;

/// Numbers of proxies that share the backends.
const PROXIES: [u32; 5] = [1, 2, 8, 32, 100];

/// How old counts get, in units of what a request takes.
const AGES: [u32; 4] = [0, 1, 5, 20];

const LOAD: &str = "[[backends]]\ncount = 10\n[load]\nutilization = 0.8";

pub(super) fn several_proxies(lab: &mut Lab<'_>) -> Result<Section, ReportError> {
    let duration = lab.span(20.0);
    let series = Series::try_out(lab, "several proxies", &PROXIES, |proxies| {
        format!("[run]\nduration = \"{duration}\"\nproxies = {proxies}\n{LOAD}")
    })?;
    let worst = (0..PROXIES.len()).map(|place| series.to_chance(place)).fold(0.0, f64::max);
    Ok(Section {
        title: "Several proxies",
        about: "Ten backends at 80 %, shared by 1 to 100 proxies that each see their own requests only. Mean time of a request, where one alone \
                takes 1. Chance takes 5 whatever the number; a policy in which proxies all choose the same backend takes longer than chance."
            .to_owned(),
        lines: vec![Line {
            id: "proxies",
            what: "many proxies do no worse than chance",
            verdict: Verdict::at_most(worst, 1.25, 2.0),
            found: format!("at most {worst:.2} times the time of chance"),
            value: Some(worst),
            wanted: "at most 1.25 times".to_owned(),
        }],
        table: series.table("proxies", &PROXIES),
        chart: Some(series.chart("Mean time of a request by the number of proxies", "proxies", &PROXIES, Axis::Logarithmic)),
    })
}

pub(super) fn old_counts(lab: &mut Lab<'_>) -> Result<Section, ReportError> {
    let duration = lab.span(20.0);
    let series = Series::try_out(lab, "old counts", &AGES, |age| {
        let every = f64::from(age) * SERVICE;
        format!("[run]\nduration = \"{duration}\"\ncounts_every = \"{every}us\"\n{LOAD}")
    })?;
    let (young, old) = (series.to_chance(1), series.to_chance(2).max(series.to_chance(3)));
    let line = |id, what, found: f64, verdict| Line {
        id,
        what,
        verdict,
        found: format!("{found:.2} times the time of chance"),
        value: Some(found),
        wanted: "at most 1.25 times".to_owned(),
    };
    Ok(Section {
        title: "Old counts",
        about: "The same backends with one proxy, whose policy sees counts of requests as they were 1, 5 or 20 times ago what a request takes. Who looks \
                for the least of all then sends everything to one backend until the counts come again."
            .to_owned(),
        lines: vec![
            line("old-counts", "counts of one request ago do no harm", young, Verdict::at_most(young, 1.25, 2.0)),
            line(
                "very-old-counts",
                "counts of 5 and 20 requests ago do no harm",
                old,
                Verdict::at_most(old, 1.25, 2.0).only_warns(),
            ),
        ],
        table: series.table("age of the counts", &AGES),
        chart: Some(series.chart(
            "Mean time of a request by the age of the counts",
            "age, in times of a request",
            &AGES,
            Axis::Linear,
        )),
    })
}

/// Mean times of all policies in a series of simulations.
struct Series {
    names: Vec<String>,
    /// By the place in the series, then by policy.
    means: Vec<Vec<Estimate>>,
}

impl Series {
    fn try_out(
        lab: &mut Lab<'_>,
        what: &'static str,
        values: &[u32],
        spec: impl Fn(u32) -> String,
    ) -> Result<Self, ReportError> {
        let names = lab.names().map(str::to_owned).collect();
        let mut means = Vec::new();
        for value in values {
            let results = lab.simulate(what, &spec(*value))?;
            means.push(results.iter().map(mean).collect());
        }
        Ok(Self { names, means })
    }

    /// The subject's time as a multiple of that of chance, which is the second.
    fn to_chance(&self, place: usize) -> f64 {
        self.means[place][0].mean / self.means[place][1].mean
    }

    fn table(&self, what: &str, values: &[u32]) -> Table {
        let columns: Vec<&str> = std::iter::once(what).chain(self.names.iter().map(String::as_str)).collect();
        let mut table = Table::new(&columns);
        for (value, means) in values.iter().zip(&self.means) {
            let cells = means.iter().map(|mean| match mean.plus_minus {
                Some(plus_minus) => format!("{:.2} ± {plus_minus:.2}", mean.mean),
                None => format!("{:.2}", mean.mean),
            });
            table.add(std::iter::once(value.to_string()).chain(cells));
        }
        table
    }

    fn chart(&self, title: &str, x: &str, values: &[u32], axis: Axis) -> Chart {
        let series = self.names.iter().enumerate().map(|(policy, name)| {
            let points = values.iter().zip(&self.means).map(|(x, means)| (f64::from(*x), means[policy].mean));
            (name.clone(), points.collect())
        });
        Chart::lines(title, (x, axis), ("mean time", Axis::Logarithmic), series.collect())
    }
}

fn mean(result: &PolicyResult) -> Estimate {
    Estimate::of(&result.runs.iter().map(|run| run.mean / SERVICE).collect::<Vec<_>>())
}
