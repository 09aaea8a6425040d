//! Logs in columns, separated by commas, whose names stand in the first line.

use csv::{Reader, ReaderBuilder};
use serde::Deserialize;

use super::line::{Kind, Line, Skipped, Written, client};

/// The columns that there can be; the first two must be there.
const COLUMNS: [&str; 6] = ["time_s", "work_ms", "client", "method", "host", "path"];

/// A request in columns.
#[derive(Deserialize)]
struct Row {
    time_s: f64,
    work_ms: f64,
    client: Option<String>,
    method: Option<String>,
    host: Option<String>,
    path: Option<String>,
}

/// Whether the first line of a log names columns.
pub(super) fn are_named(log: &[u8]) -> bool {
    let first = log.split(|byte| *byte == b'\n').next().unwrap_or_default();
    first.windows(COLUMNS[0].len()).any(|window| window == COLUMNS[0].as_bytes()) && !first.starts_with(b"{")
}

/// Its lines, by number from 1.
///
/// # Errors
///
/// If the columns are others.
pub(super) fn lines(log: &[u8]) -> Result<impl Iterator<Item = (usize, Result<Line, Skipped>)>, String> {
    let mut reader = ReaderBuilder::new().trim(csv::Trim::All).from_reader(log);
    check_columns(&mut reader)?;
    Ok(reader.into_deserialize().zip(2..).map(|(row, place)| match row {
        Ok(row) => (place, line(row)),
        Err(error) => {
            let place = error.position().map_or(place, |position| position.line() as usize);
            (place, Err(Skipped::Csv(what_is_wrong(&error))))
        }
    }))
}

fn check_columns(reader: &mut Reader<&[u8]>) -> Result<(), String> {
    let named = reader.headers().map_err(|error| format!("line 1: {error}"))?;
    if let Some(unknown) = named.iter().find(|name| !COLUMNS.contains(name)) {
        return Err(format!("line 1: there is no column {unknown:?}; there are {}", COLUMNS.join(", ")));
    }
    match COLUMNS.iter().take(2).find(|column| named.iter().all(|name| name != **column)) {
        Some(missing) => Err(format!(
            "line 1: no column {missing:?}; `time_s` is when a request came, `work_ms` how long its backend took"
        )),
        None => Ok(()),
    }
}

fn line(row: Row) -> Result<Line, Skipped> {
    let all = Kind::default();
    let kind = Kind {
        client: row.client.map_or(all.client, |address| client(&address)),
        method: row.method.unwrap_or(all.method),
        host: row.host.unwrap_or(all.host),
        target: row.path.unwrap_or(all.target),
        prefix: String::new(),
    };
    let at = micros("time_s", row.time_s * 1e6)?;
    let work = micros("work_ms", row.work_ms * 1e3)?;
    Ok(Line { written: Written::begun(at as i64), work: work as u64, kind, is_sampled: false, prompt: None })
}

fn micros(name: &'static str, micros: f64) -> Result<f64, Skipped> {
    let is_right = (0.0..=1e18).contains(&micros);
    is_right
        .then_some(micros.round())
        .ok_or_else(|| Skipped::Wrong(name, micros.to_string(), "a number from 0 on"))
}

/// Without the place, which is told beside it.
fn what_is_wrong(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Deserialize { err, .. } => {
            let column = err.field().and_then(|field| usize::try_from(field).ok());
            let place = column.map_or_else(String::new, |column| format!("column {}: ", column + 1));
            format!("{place}{}", err.kind())
        }
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} columns, and {expected_len} in the first line")
        }
        csv::ErrorKind::Utf8 { .. } => Skipped::Bytes.to_string(),
        _ => error.to_string(),
    }
}
