//! `pointsman policy report`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use http::HeaderName;
use pointsman_workshop::report::{self, ReportError, ReportOptions, Verdict};
use pointsman_workshop::spec::Loaded;

use super::super::file;
use super::super::progress_line::ProgressLine;
use super::plugin;
use crate::console;
use crate::log::{self, Log};

/// Stands for standard output.
const STDOUT: &str = "-";

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// The plugin, or the name of a bundled policy
    file: PathBuf,
    /// The policy's configuration as JSON, as `policy.config` would have it
    #[arg(long, default_value = "{}", value_parser = plugin::config)]
    config: String,
    /// The header field that the policy takes its key from; default: the client's address is the key
    #[arg(long, value_name = "HEADER")]
    key: Option<HeaderName>,
    /// Write the report with charts as an HTML page, in the place of a file that is there; `-` prints it instead of the table
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write the charts alone as SVG files into this folder, which is made if it isn't there
    #[arg(long, value_name = "FOLDER")]
    charts: Option<PathBuf>,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    /// Fewer and shorter runs, whose figures scatter more
    #[arg(long)]
    quick: bool,
    /// Accept the failure of this line; may be given again
    #[arg(long, value_name = "LINE")]
    allow: Vec<String>,
}

/// Exit codes: 0 = nothing failed; 1 = something did, or the plugin can't serve; 2 = it can't be read, no line is called so, or there is no place for the report.
pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let log = Log::start(log::parse_filter("warn").map_err(anyhow::Error::msg)?).context("no log")?;
    let plugin = match plugin::read(&arguments.file) {
        Ok(plugin) => plugin,
        Err(code) => return Ok(code),
    };
    let prints_page = arguments.html.as_deref() == Some(Path::new(STDOUT));
    if prints_page && arguments.json {
        console::complain("pointsman: --html -: what is printed is either the page or, by --json, the JSON");
        return Ok(ExitCode::from(2));
    }
    let page = arguments.html.as_deref().filter(|_| !prints_page);
    if let Err(error) =
        page.map_or(Ok(()), file::check_place).and_then(|()| file::make_folder(arguments.charts.as_deref()))
    {
        console::complain(format_args!("pointsman: {error:#}"));
        return Ok(ExitCode::from(2));
    }
    let stem = arguments.file.file_stem().unwrap_or(arguments.file.as_os_str());
    let subject = Loaded::new(&stem.to_string_lossy(), plugin, &arguments.config);
    let options = ReportOptions {
        header: arguments.key.as_ref().map(ToString::to_string),
        quick: arguments.quick,
        allowed: arguments.allow.clone(),
    };
    let mut line = ProgressLine::begin();
    let made = report::make(&subject, &options, &mut |step| {
        line.show(step.share, format_args!("{}", step.what));
        true
    });
    line.clear();
    log.flush();
    let report = match made {
        Err(error @ ReportError::NoLine { .. }) => {
            console::complain(format_args!("pointsman: --allow: {error}"));
            return Ok(ExitCode::from(2));
        }
        made => made.with_context(|| arguments.file.display().to_string())?,
    };
    if prints_page {
        console::put(report.page().as_bytes())?;
    } else if arguments.json {
        console::put(format!("{}\n", serde_json::to_string_pretty(&report)?).as_bytes())?;
    } else {
        console::say_text(report.table())?;
    }
    if let Some(path) = page {
        file::write(path, &report.page(), true)?;
    }
    if let Some(folder) = &arguments.charts {
        file::write_into(folder, report.charts())?;
    }
    Ok(if report.verdict == Verdict::Fail { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
