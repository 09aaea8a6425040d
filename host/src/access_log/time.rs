//! Moments as they are written, without the work of a calendar for each.

use std::time::UNIX_EPOCH;

use pointsman_core::clock::{Clock, Moment, WallClock};

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// How moments are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TimeFormat {
    /// `2026-11-27T02:05:56.123456Z` (RFC 3339).
    Rfc3339,
    /// `27/Nov/2026:02:05:56 +0000`, as in the logs of other servers.
    Common,
}

/// What turns moments into text.
#[derive(Debug)]
pub(super) struct TimeWriter {
    clock: Clock,
    format: TimeFormat,
    /// From moments to µs of Unix time, as of the last [`set`](Self::set).
    offset: u64,
    /// A second of Unix time, and how it is written.
    second: u64,
    text: Vec<u8>,
}

impl TimeWriter {
    /// Writes moments of this clock.
    pub(super) fn new(clock: Clock, format: TimeFormat) -> Self {
        let mut writer = Self { clock, format, offset: 0, second: u64::MAX, text: Vec::with_capacity(32) };
        writer.set();
        writer
    }

    /// Writes moments as if the clock had begun with Unix time.
    #[cfg(test)]
    pub(super) fn at_unix_epoch(clock: Clock, format: TimeFormat) -> Self {
        Self { offset: 0, ..Self::new(clock, format) }
    }

    /// Follows the system's time, which may have been set.
    pub(super) fn set(&mut self) {
        let began = WallClock::read(&self.clock).at(Moment(0));
        let unix = began.duration_since(UNIX_EPOCH).unwrap_or_default();
        self.offset = u64::try_from(unix.as_micros()).unwrap_or_default();
    }

    /// Adds a moment to a line.
    pub(super) fn write(&mut self, moment: Moment, line: &mut Vec<u8>) {
        self.write_unix(self.offset.saturating_add(moment.0), line);
    }

    fn write_unix(&mut self, micros: u64, line: &mut Vec<u8>) {
        let second = micros / 1_000_000;
        if second != self.second {
            self.second = second;
            self.text.clear();
            render(second, self.format, &mut self.text);
        }
        line.extend_from_slice(&self.text);
        if self.format == TimeFormat::Rfc3339 {
            // The digit more keeps the zeros in front.
            let mut digits = itoa::Buffer::new();
            let digits = digits.format(1_000_000 + (micros % 1_000_000) as u32);
            let mut fraction = *b".000000Z";
            fraction[1..7].copy_from_slice(&digits.as_bytes()[1..7]);
            line.extend_from_slice(&fraction);
        }
    }
}

/// Writes a second; that of RFC 3339 without its zone, before which a fraction comes.
fn render(second: u64, format: TimeFormat, text: &mut Vec<u8>) {
    let (year, month, day) = date(second / 86_400);
    let time = second % 86_400;
    let (hour, minute, second) = (time / 3_600, time / 60 % 60, time % 60);
    let written = match format {
        TimeFormat::Rfc3339 => format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"),
        TimeFormat::Common => {
            let month = MONTHS[usize::try_from(month - 1).unwrap_or_default() % 12];
            format!("{day:02}/{month}/{year:04}:{hour:02}:{minute:02}:{second:02} +0000")
        }
    };
    text.extend_from_slice(written.as_bytes());
}

/// Year, month and day, from days since 1970 (proleptic Gregorian calendar). Years are counted from March, so that the day that some
/// have more is their last.
fn date(days: u64) -> (u64, u64, u64) {
    // Days since March 1 of the year 0.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn written(format: TimeFormat, micros: &[u64]) -> Vec<String> {
        let mut writer = TimeWriter::new(Clock::manual().0, format);
        let write = |&micros: &u64| {
            let mut line = Vec::new();
            writer.write_unix(micros, &mut line);
            String::from_utf8(line).unwrap()
        };
        micros.iter().map(write).collect()
    }

    #[test]
    fn moments_are_written_to_the_microsecond() {
        let micros = [0, 1, 951_782_400_000_000, 951_868_799_999_999, 1_795_745_156_123_456];
        assert_eq!(
            written(TimeFormat::Rfc3339, &micros),
            [
                "1970-01-01T00:00:00.000000Z",
                "1970-01-01T00:00:00.000001Z",
                "2000-02-29T00:00:00.000000Z",
                "2000-02-29T23:59:59.999999Z",
                "2026-11-27T02:05:56.123456Z",
            ]
        );
        assert_eq!(written(TimeFormat::Common, &micros[4..]), ["27/Nov/2026:02:05:56 +0000"]);
    }

    /// Every day of 400 years is what the package says that the responses' dates come from.
    #[test]
    fn every_day_is_the_right_one() {
        for day in 0..146_097 {
            let (year, month, number) = date(day);
            let known = httpdate::HttpDate::from(UNIX_EPOCH + Duration::from_secs(day * 86_400)).to_string();
            let month = MONTHS[usize::try_from(month - 1).unwrap()];
            assert_eq!(known[5..16], format!("{number:02} {month} {year}"), "{day}");
        }
    }

    #[test]
    fn a_moment_is_now_as_the_system_says() {
        let clock = Clock::start();
        let mut writer = TimeWriter::new(clock, TimeFormat::Rfc3339);
        let mut line = Vec::new();
        let before = std::time::SystemTime::now();
        writer.write(clock.now(), &mut line);
        let offset = Duration::from_micros(writer.offset + clock.now().0);
        let (from, to) = (before - Duration::from_secs(1), before + Duration::from_secs(60));
        assert!((from..to).contains(&(UNIX_EPOCH + offset)));
    }
}
