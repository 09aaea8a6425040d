//! Reports: how a policy does where others have failed, beside what chance, turns and two choices do there.
//!
//! Every experiment is a simulation or a series of picks with the plugin itself. What is judged is judged by limits that stand beside the
//! experiment; what depends on the machine (nanoseconds) is shown and not judged.

mod cost;
mod failing_backend;
mod herd;
mod keys;
mod lab;
mod line;
mod model;
mod new_backend;
mod page;
mod repeat;
mod shares;
mod slow_backend;
mod spread;
mod terminal;

use pointsman_policy::VersionId;

use crate::spec::Loaded;
use lab::Lab;
pub use lab::Step;
pub use line::{Line, Verdict};
pub use model::{Report, ReportError, ReportOptions, Section, Table};

/// Tries a policy in every way. `progress` is called now and then, and ends it if it answers false.
///
/// # Errors
///
/// If the plugin can't serve, it was ended, or a line that is to be allowed doesn't exist.
pub fn make(
    subject: &Loaded,
    options: &ReportOptions,
    progress: &mut dyn FnMut(Step) -> bool,
) -> Result<Report, ReportError> {
    if let Some(unknown) = options.allowed.iter().find(|id| !line::IDS.contains(&id.as_str())) {
        return Err(ReportError::NoLine { unknown: unknown.clone(), known: line::IDS.to_vec() });
    }
    let mut lab = Lab::open(subject, options, progress)?;
    let mut sections = vec![
        spread::try_out(&mut lab)?,
        keys::try_out(&mut lab)?,
        herd::several_proxies(&mut lab)?,
        herd::old_counts(&mut lab)?,
        slow_backend::try_out(&mut lab)?,
        failing_backend::try_out(&mut lab)?,
        new_backend::try_out(&mut lab)?,
        cost::picks(&lab)?,
        cost::memory(&mut lab)?,
        repeat::try_out(&mut lab)?,
    ];
    let lines = sections.iter_mut().flat_map(|section| &mut section.lines);
    for line in lines {
        line.allow(&options.allowed);
    }
    let verdict = sections.iter().flat_map(|section| &section.lines).map(|line| line.verdict).max();
    Ok(Report {
        policy: subject.name.clone(),
        sha256: VersionId::of(&subject.plugin.content).to_hex(),
        config: subject.config.clone(),
        verdict: verdict.unwrap_or_default(),
        seeds: lab.seeds(),
        sections,
    })
}

#[cfg(test)]
mod tests;
