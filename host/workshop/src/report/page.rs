//! A report as a page of its own: no script, no other file, light and dark.

use std::fmt::Write as _;

use super::line::{Line, Verdict};
use super::model::{Report, Section, Table};
use crate::chart::{self, Chart};
use crate::markup::Text;

const STYLE: &str = include_str!("page.css");

impl Report {
    /// The page.
    #[must_use]
    pub fn page(&self) -> String {
        let name = Text(&self.policy);
        let mut page = format!(
            "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n\
             <title>{name}: report of a policy</title>\n<style>\n{}{STYLE}</style>\n<main>\n<header>\n<h1>{name}</h1>\n\
             <p class=\"verdict {}\">{}</p>\n<p class=\"sum\">{}</p>\n</header>\n",
            chart::COLOURS,
            class(self.verdict),
            self.verdict,
            self.sum(),
        );
        let _ = write!(
            page,
            "<dl>\n<dt>SHA-256</dt><dd><code>{}</code></dd>\n<dt>configuration</dt><dd><code>{}</code></dd>\n\
             <dt>runs</dt><dd>{} of each simulation, each with another seed; ± is a 95 % interval</dd>\n</dl>\n",
            Text(&self.sha256),
            Text(&self.config),
            self.seeds
        );
        for section in &self.sections {
            section.write(&mut page);
        }
        page + "<footer>Made by <code>pointsman policy report</code> with the plugin itself, in the proxy's own runtime.</footer>\n</main>\n</html>\n"
    }
}

impl Report {
    /// The charts alone, each with the name that a file of it has.
    #[must_use]
    pub fn charts(&self) -> Vec<(String, String)> {
        let chart = |section: &Section| {
            let name = section.title.to_lowercase().replace(' ', "-") + ".svg";
            Some((name, section.chart.as_ref()?.file(&self.policy)))
        };
        self.sections.iter().filter_map(chart).collect()
    }
}

impl Section {
    fn write(&self, page: &mut String) {
        let _ = write!(
            page,
            "<section>\n<h2>{}</h2>\n<p>{}</p>\n<ul class=\"lines\">\n",
            Text(self.title),
            Text(&self.about)
        );
        for Line { id, what, verdict, found, wanted, .. } in &self.lines {
            let _ = write!(
                page,
                "<li class=\"{}\"><b>{verdict}</b> {} <code>{id}</code><br><span>{}",
                class(*verdict),
                Text(what),
                Text(found)
            );
            if *verdict != Verdict::NotApplicable {
                let _ = write!(page, "; wanted: {}", Text(wanted));
            }
            *page += "</span></li>\n";
        }
        *page += "</ul>\n";
        if let Some(chart) = &self.chart {
            chart.write(page);
        }
        self.table.write(page);
        *page += "</section>\n";
    }
}

impl Chart {
    fn write(&self, page: &mut String) {
        let _ =
            write!(page, "<figure>\n<figcaption>{}</figcaption>\n<ul class=\"legend\">", Text(&self.title));
        for (number, name) in (1..).zip(self.names()) {
            let _ = write!(page, "<li style=\"--colour:var(--series-{number})\">{}</li>", Text(name));
        }
        let _ = write!(
            page,
            "</ul>\n<div role=\"img\" aria-label=\"{}\">{}</div>\n</figure>\n",
            Text(&self.title),
            self.svg()
        );
    }
}

impl Table {
    fn write(&self, page: &mut String) {
        *page += "<div class=\"table\"><table>\n";
        for (place, row) in self.0.iter().enumerate() {
            let cell = if place == 0 { "th" } else { "td" };
            *page += "<tr>";
            for text in row {
                let _ = write!(page, "<{cell}>{}</{cell}>", Text(text));
            }
            *page += "</tr>\n";
        }
        *page += "</table></div>\n";
    }
}

fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::NotApplicable => "none",
        Verdict::Pass => "pass",
        Verdict::Allowed | Verdict::Warn => "warn",
        Verdict::Fail => "fail",
    }
}
