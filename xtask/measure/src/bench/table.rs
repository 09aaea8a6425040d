//! The results as text.
//!
//! Without a table library: what is drawn is a row of numbers with a fixed width each, and most lines here say which numbers.

use std::fmt::Write as _;

use super::report::{ContenderReport, GrowthReport, MemoryReport, ScenarioReport};

/// Columns of a scenario's table.
const HEADS: [&str; 15] = [
    "",
    "CPU µs",
    "user",
    "kernel",
    "spread",
    "ratio",
    "95 % CI",
    "p50 µs",
    "p99 µs",
    "max req/s",
    "CPU µs then",
    "its CPU",
    "load's",
    "memory",
    "",
];

/// One scenario.
pub(crate) fn scenario(report: &ScenarioReport) -> String {
    let mut rows = vec![HEADS.map(str::to_owned).to_vec()];
    rows.extend(report.contenders.iter().map(row));
    let mut text = format!(
        "\n{}: {}, {} worker{}{}; {:.0} requests/s offered; load average {:.1}\n",
        report.name,
        report.what,
        report.workers,
        if report.workers == 1 { "" } else { "s" },
        if report.pinned { "" } else { ", nothing pinned" },
        report.offered_per_second,
        report.load_average,
    );
    text.push_str(&align(&rows));
    text.push_str(&align(&counters(report)));
    if report.rounds_left_out > 0 {
        // Writing to a String doesn't fail.
        let _ = writeln!(text, "  {} rounds left out, as something failed", report.rounds_left_out);
    }
    for contender in &report.contenders {
        if let Some(negotiated) = &contender.negotiated {
            let _ = writeln!(text, "  {}: {negotiated}", contender.name);
        }
        for fault in &contender.faults {
            let _ = writeln!(text, "  {}: {fault}", contender.name);
        }
    }
    text
}

/// The memory of all.
pub(crate) fn memory(reports: &[MemoryReport]) -> String {
    let mut rows = vec![["", "idle, 2 workers", "per idle connection", "held"].map(str::to_owned).to_vec()];
    rows.extend(reports.iter().map(|report| {
        vec![
            report.name.to_owned(),
            mebibytes(report.idle_bytes),
            format!("{:.2} KiB", report.connection_bytes / 1024.0),
            report.connections.to_string(),
        ]
    }));
    format!("\nmemory\n{}", align(&rows))
}

/// What requests leave behind.
pub(crate) fn growth(report: &GrowthReport) -> String {
    let looks: Vec<String> = report.resident_bytes.iter().map(|bytes| (bytes / 1024).to_string()).collect();
    format!("\ngrowth\n  {} after each {} requests: {} KiB\n", report.name, report.step, looks.join(", "))
}

fn row(report: &ContenderReport) -> Vec<String> {
    let (cpu, spread) = report.cpu_us.map_or_else(
        || ("none".to_owned(), String::new()),
        |cpu| (format!("{:.2}", cpu.median), format!("{:.0} %", cpu.spread_percent)),
    );
    let (ratio, interval) = report.ratio.map_or_else(
        || ("1".to_owned(), String::new()),
        |ratio| (format!("{:.2}", ratio.median), format!("{:.2} to {:.2}", ratio.low, ratio.high)),
    );
    vec![
        report.name.to_owned(),
        cpu,
        format!("{:.2}", report.user_us),
        format!("{:.2}", report.kernel_us),
        spread,
        ratio,
        interval,
        format!("{:.0}", report.p50_us),
        format!("{:.0}", report.p99_us),
        format!("{:.0}", report.saturation.per_second),
        format!("{:.2}", report.saturation.cpu_us),
        format!("{:.0} %", 100.0 * report.saturation.cpu_share),
        format!("{:.0} %", 100.0 * report.saturation.load_cpu_share),
        mebibytes(report.resident_bytes),
        String::new(),
    ]
}

/// What a request needs beside time.
fn counters(report: &ScenarioReport) -> Vec<Vec<String>> {
    let mut rows = vec![
        ["per request", "system calls", "switches", "page faults", "of the calls"]
            .map(str::to_owned)
            .to_vec(),
    ];
    rows.extend(report.contenders.iter().map(|contender| {
        let mut calls: Vec<_> = contender.calls.iter().filter(|(_, calls)| **calls >= 0.05).collect();
        calls.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        let named: Vec<String> = calls.iter().map(|(name, calls)| format!("{name} {calls:.2}")).collect();
        let total: f64 = contender.calls.values().sum();
        vec![
            contender.name.to_owned(),
            if contender.calls.is_empty() { "not counted".to_owned() } else { format!("{total:.2}") },
            format!("{:.3}", contender.switches),
            format!("{:.3}", contender.page_faults),
            named.join(", "),
        ]
    }));
    rows
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

/// Columns below each other: the first and the last to the left, the others to the right.
fn align(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let padding = " ".repeat(width(column) - cell.chars().count());
            let to_the_left = column == 0 || column + 1 == columns;
            line.push_str("  ");
            line.push_str(if to_the_left { cell } else { &padding });
            line.push_str(if to_the_left { &padding } else { cell });
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other() {
        let rows = [["", "µs", "x"], ["nginx", "10.5", "yy"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(align(&rows), "           µs  x\n  nginx  10.5  yy\n");
    }

    #[test]
    fn what_was_not_measured_is_not_shown_as_a_number() {
        let cells = row(&ContenderReport::new("nginx", &[], None));
        assert_eq!(cells[1], "none");
        assert_eq!(cells.len(), HEADS.len());
    }
}
