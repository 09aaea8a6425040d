//! `[[error_page]]` and `[[pool.NAME.error_page]]`: what errors are answered with, and `intercept` of pools and routes.

use std::path::PathBuf;

use http::StatusCode;

use super::media_type::{content_type, type_of_file};
use super::read::{Section, Value, excerpt};

const HINT: &str = "write `[[error_page]]` above its keys";
const STATUS: &str = "write a status such as `503`, a class such as `\"5xx\"`, or a list of them";

/// Most pages of a pool, and of all pools together.
const MOST: usize = 64;

/// Longest text of a page that stands in the file, bytes.
const LONGEST: usize = 64 << 10;

/// A page that takes the place of the proxy's own text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorPageConfig {
    /// For which statuses; at least one.
    pub statuses: Vec<StatusPattern>,
    /// What it is, as it stands in `Content-Type`.
    pub media_type: String,
    /// Its bytes.
    pub content: PageContent,
}

/// Where the bytes of a page come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageContent {
    /// From the configuration.
    Text(String),
    /// From this file, which stands on a line of the configuration.
    File(PathBuf, usize),
}

/// One status, or all of a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusPattern {
    /// This one.
    One(StatusCode),
    /// `4xx` or `5xx`, by its first digit.
    Class(u16),
}

impl StatusPattern {
    /// Whether it is for this status.
    #[must_use]
    pub fn matches(self, status: StatusCode) -> bool {
        match self {
            Self::One(one) => one == status,
            Self::Class(class) => status.as_u16() / 100 == class,
        }
    }

    /// Whether there is a status that both are for.
    fn meets(self, other: Self) -> bool {
        match (self, other) {
            (Self::Class(one), Self::Class(other)) => one == other,
            (one, Self::One(status)) | (Self::One(status), one) => one.matches(status),
        }
    }
}

/// The pages in this section.
pub(super) fn error_pages(section: &mut Section<'_>) -> Option<Vec<ErrorPageConfig>> {
    let Some(value) = section.get("error_page") else { return Some(Vec::new()) };
    let items = value.items(HINT)?;
    if items.len() > MOST {
        value.fail(format!("has {} pages", items.len()), format!("write at most {MOST}"));
        return None;
    }
    let mut pages: Vec<ErrorPageConfig> = Vec::new();
    let mut is_good = true;
    for item in &items {
        let Some(page) = Section::read(item, HINT, page) else {
            is_good = false;
            continue;
        };
        let is_same = |other: &ErrorPageConfig| {
            (&other.statuses, &other.media_type) == (&page.statuses, &page.media_type)
        };
        if pages.iter().any(is_same) {
            item.fail("is for the same statuses and of the same type as one before it", "remove one of them");
        }
        pages.push(page);
    }
    is_good.then_some(pages)
}

fn page(section: &mut Section<'_>) -> Option<ErrorPageConfig> {
    let statuses = section.required("status", "status = \"5xx\"").and_then(|value| one_or_more(&value));
    let media_type = section.get("type").map(|value| content_type(&value));
    let (text, file) = (section.get("text"), section.get("file"));
    if let (Some(_), Some(file)) = (&text, &file) {
        file.fail("stands beside `text`", "write one of them");
        return None;
    }
    let content = match (&text, &file) {
        (Some(text), _) => content(text),
        (None, Some(file)) => file.path().map(|path| PageContent::File(path, file.line())),
        (None, None) => {
            section.fail("file", "is missing", "write `file = \"errors/5xx.html\"`, or `text = \"…\"`");
            None
        }
    };
    let media_type = match (media_type, &file) {
        (Some(written), _) => written,
        (None, Some(file)) => type_of_file(file),
        (None, None) => Some("text/plain; charset=utf-8".to_owned()),
    };
    Some(ErrorPageConfig { statuses: statuses?, media_type: media_type?, content: content? })
}

fn content(text: &Value<'_>) -> Option<PageContent> {
    let content = text.string()?;
    if content.len() > LONGEST {
        text.fail(format!("has {} bytes", content.len()), format!("write at most {LONGEST}, or a file"));
        return None;
    }
    Some(PageContent::Text(content.to_owned()))
}

fn one_or_more(value: &Value<'_>) -> Option<Vec<StatusPattern>> {
    value.one_or_more(status)
}

fn status(value: &Value<'_>) -> Option<StatusPattern> {
    if value.raw().is_integer() {
        return StatusCode::from_u16(value.integer(400..=599)?).ok().map(StatusPattern::One);
    }
    match value.raw().as_str() {
        Some("4xx") => Some(StatusPattern::Class(4)),
        Some("5xx") => Some(StatusPattern::Class(5)),
        Some(text) => {
            value.fail(format!("`{}` is no status of an error", excerpt(text)), STATUS);
            None
        }
        None => value.mistyped("a status", STATUS),
    }
}

/// The statuses of `intercept`; none if it is an empty list.
pub(super) fn statuses(value: &Value<'_>) -> Option<Vec<StatusPattern>> {
    match value.raw().as_array() {
        Some(list) if list.is_empty() => Some(Vec::new()),
        _ => one_or_more(value),
    }
}

/// The statuses of backends' responses in whose place a page comes: one of `pages`.
pub(super) fn intercept(value: &Value<'_>, pages: &[&[ErrorPageConfig]]) -> Option<Vec<StatusPattern>> {
    let intercepted = statuses(value)?;
    has_page(&intercepted, pages, value);
    Some(intercepted)
}

/// Whether there is a page for each of these; otherwise that is a fault.
pub(super) fn has_page(
    intercepted: &[StatusPattern],
    pages: &[&[ErrorPageConfig]],
    value: &Value<'_>,
) -> bool {
    let has_page = |pattern: &StatusPattern| {
        let mut statuses = pages.iter().flat_map(|pages| pages.iter()).flat_map(|page| &page.statuses);
        statuses.any(|status| status.meets(*pattern))
    };
    let have_pages = intercepted.iter().all(has_page);
    if !have_pages {
        let hint = "add a `[[pool.NAME.error_page]]`, or an `[[error_page]]` for all pools";
        value.fail("there is no page for one of these", hint);
    }
    have_pages
}
