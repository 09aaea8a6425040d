//! `pointsman import`: another proxy's configuration as one of ours, and a list of what isn't in it.
//!
//! A file becomes directives with their lines, directives become a draft of the configuration, the draft becomes text, and the text is
//! read as `pointsman check` reads it. Each directive is entered in a ledger when it is read; in the end it is carried over, or listed with
//! what its loss means. A directive isn't interpreted where its meaning isn't sure.

mod balance;
mod draft;
mod fields;
mod haproxy;
mod keys;
mod ledger;
mod listing;
mod matches;
mod matching;
mod meaning;
mod media_type;
mod nginx;
mod paths;
mod render;
mod routing;
#[cfg(test)]
mod tests;
mod text;
mod value;

use std::path::{Path, PathBuf};

use crate::config::{Config, ConfigErrors};

pub use ledger::{Counts, Finding, Rank};
pub use text::Unreadable;

use draft::Draft;
use ledger::Ledger;
use paths::Paths;
use render::Hosts;
use text::Files;

/// Whose configuration it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// nginx's.
    Nginx,
    /// HAProxy's.
    Haproxy,
}

impl Dialect {
    /// As the command has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
        }
    }
}

/// What is known beside the file.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Where relative paths in the file start. Default: the file's folder, or else the one that the process is in.
    pub root: Option<PathBuf>,
    /// Where relative paths in the result have to lead from, if not from where they start.
    pub start: Option<PathBuf>,
    /// The `frontend` or `listen` of HAProxy to carry over alone. Default: all of them.
    pub only: Option<String>,
    /// Variables of the environment.
    pub environment: Vec<(String, String)>,
    /// CPUs that the process may use.
    pub workers: u64,
}

/// What came of a file.
#[derive(Debug, Clone)]
pub struct Imported {
    /// The configuration; none if nothing is left that could serve.
    pub text: Option<String>,
    /// What isn't carried over, or with another meaning, in the order of the file.
    pub findings: Vec<Finding>,
    /// How many directives there were.
    pub counts: Counts,
    /// What is wrong with the text, which is a fault of this program.
    pub fault: Option<ConfigErrors>,
}

impl Imported {
    /// Entries of a rank.
    #[must_use]
    pub fn count(&self, rank: Rank) -> usize {
        self.findings.iter().filter(|finding| finding.rank == rank).count()
    }
}

/// Makes a configuration of a file.
///
/// # Errors
///
/// The file, or one that it includes, isn't a configuration in this language.
pub fn import(dialect: Dialect, path: &Path, options: &Options) -> Result<Imported, Unreadable> {
    let folder = path.parent().map_or_else(PathBuf::new, Path::to_path_buf);
    let roots = match &options.root {
        Some(root) => vec![root.clone()],
        None => vec![folder, PathBuf::new()],
    };
    let mut files = Files::new(roots);
    let content = files.read(path)?;
    let file = path.display().to_string();
    text::refuse_empty(&file, &content)?;
    text::refuse_template(&file, &content)?;
    let paths = Paths { start: options.start.clone() };
    let mut ledger = Ledger::default();
    let draft = match dialect {
        Dialect::Nginx => {
            nginx::import(&mut ledger, &mut files, (path, &content), (options.workers.max(1), &paths))?
        }
        Dialect::Haproxy => haproxy::import(
            &mut ledger,
            &mut files,
            (path, &content),
            (&options.environment, options.only.as_deref(), &paths),
        )?,
    };
    let (findings, counts) = ledger.finish();
    Ok(imported(dialect, &file, &draft, (findings, counts)))
}

fn imported(
    dialect: Dialect,
    file: &str,
    draft: &Draft,
    (findings, counts): (Vec<Finding>, Counts),
) -> Imported {
    let serves = !draft.listeners.is_empty() && !draft.routes.is_empty();
    let redirects = draft.listeners.iter().any(|listener| listener.keys.get("redirect").is_some());
    let has_pool = draft.pools.iter().any(draft::PoolDraft::serves);
    // Without routes everything would go to the only pool.
    if !has_pool || !(serves || redirects && !draft.routes.is_empty()) {
        return Imported { text: None, findings, counts, fault: None };
    }
    let of = |rank| findings.iter().filter(|finding| finding.rank == rank).count();
    let head = format!(
        "Made by `pointsman import {} {file}`: {} of {} directives are carried over.\n\
         What isn't, or has another meaning here, stands in its list: {} that open access or remove protection (A),\n\
         {} that change what clients or backends see (B), {} without effect (C).",
        dialect.name(),
        counts.carried,
        counts.directives,
        of(Rank::A),
        of(Rank::B),
        of(Rank::C),
    );
    let fault = Config::parse(&render::text(draft, &head, Hosts::StandIns), Path::new("result.toml")).err();
    let text = render::text(draft, &head, Hosts::Named);
    Imported { text: Some(text), findings, counts, fault }
}
