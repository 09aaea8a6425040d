//! `errorfile`, `errorfiles` and `http-error`: pages for what the proxy answers by itself.

use std::path::Path;

use super::super::draft::{Draft, PageContent, PageDraft};
use super::super::ledger::{Ledger, Rank};
use super::super::paths::Paths;
use super::super::text::Files;
use super::chain::Chain;
use super::sections::{Line, Section};
use crate::config::{is_media_type, type_of_name};

/// Longest text of a page, bytes.
const LONGEST: usize = 64 << 10;

/// A page without its status, or why there is none.
type Read = Result<(PageContent, Option<String>), String>;

/// What pages are read from.
pub(super) struct Pages<'p> {
    pub(super) files: &'p mut Files,
    pub(super) sections: &'p [Section],
    pub(super) paths: &'p Paths,
}

impl Pages<'_> {
    /// The pages of a section and its `defaults`. Of several for a status the last one of the nearest section counts.
    pub(super) fn of(&mut self, ledger: &mut Ledger, chain: &Chain<'_>) -> Vec<PageDraft> {
        let mut pages: Vec<PageDraft> = Vec::new();
        for line in chain.lines(is_page).into_iter().rev() {
            for (word, source) in sources(ledger, self.sections, line) {
                let status = word.parse::<u16>().ok().filter(|status| (400..=599).contains(status));
                let Some(status) = status else {
                    let why = "is no status of an error that is answered here";
                    ledger.list_piece(source.place, word, Rank::B, why);
                    continue;
                };
                if pages.iter().any(|page| page.statuses == [status]) {
                    ledger.list(source.place, Rank::C, "another line is for the same status");
                    continue;
                }
                let read = if source.is("http-error") {
                    self.of_words(source)
                } else {
                    self.of_file(ledger, source)
                };
                match read {
                    Ok((content, media_type)) => {
                        ledger.carry(source.place);
                        pages.push(PageDraft { statuses: vec![status], media_type, content });
                    }
                    Err(why) => ledger.list(source.place, Rank::B, why),
                }
            }
        }
        pages.sort_by_key(|page| page.statuses.first().copied());
        pages
    }

    /// A file with a whole response in it.
    fn of_file(&mut self, ledger: &mut Ledger, line: &Line) -> Read {
        let path = self.files.locate(line.word(2));
        let text = self.files.read(&path).map_err(|fault| format!("its file can't be read: {fault}"))?;
        let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
        let mut media_type = None;
        for field in head.lines().skip(1) {
            let (name, value) = field.split_once(':').unwrap_or((field, ""));
            match name.trim().to_ascii_lowercase().as_str() {
                "content-type" => media_type = Some(value.trim().to_owned()),
                "content-length" | "connection" | "date" => {}
                _ => ledger.list_piece(
                    line.place,
                    field,
                    Rank::B,
                    "pages have no fields of their own; see `response_headers` of routes and pools",
                ),
            }
        }
        if body.trim().is_empty() {
            return Err("is no page, so that clients get the proxy's own text".into());
        }
        Ok((PageContent::Text(checked(body)?), Some(media_type.unwrap_or_else(|| "text/html".to_owned()))))
    }

    /// An `http-error` that says itself what it is.
    fn of_words(&self, line: &Line) -> Read {
        let (mut media_type, mut content) = (None, None);
        let mut words = line.words.iter().skip(3);
        while let Some(word) = words.next() {
            let given = words.next().ok_or("is cut off")?;
            match word.as_str() {
                "content-type" => media_type = Some(given.clone()),
                "string" => content = Some(PageContent::Text(checked(given)?)),
                "lf-string" if !given.contains('%') => content = Some(PageContent::Text(checked(given)?)),
                "file" => content = Some(PageContent::File(self.paths.of(given))),
                _ => return Err(format!("`{word}` isn't carried over; write an `[[error_page]]`")),
            }
        }
        let content = content.ok_or("has no content; the proxy answers a line of text")?;
        let essence = media_type.as_deref().map(|text| text.split(';').next().unwrap_or_default().trim_end());
        if !essence.is_none_or(is_media_type) {
            return Err("its `content-type` is no media type".into());
        }
        let media_type = media_type.or_else(|| match &content {
            PageContent::File(file) if type_of_name(Path::new(file)).is_some() => None,
            _ => Some("text/plain".to_owned()),
        });
        Ok((content, media_type))
    }
}

/// The statuses that a line is for, each with the line that says what it is answered with.
fn sources<'l>(ledger: &mut Ledger, sections: &'l [Section], line: &'l Line) -> Vec<(&'l str, &'l Line)> {
    match line.word(0) {
        "errorfile" => return vec![(line.word(1), line)],
        "http-error" => return vec![(line.word(2), line)],
        _ => {}
    }
    let is_named = |section: &&Section| section.kind() == "http-errors" && section.name() == line.word(1);
    let Some(section) = sections.iter().find(is_named) else {
        ledger.list(line.place, Rank::B, "there is no `http-errors` of this name");
        return Vec::new();
    };
    ledger.carry(line.place);
    ledger.carry(section.header.place);
    let wanted = line.words.get(2..).unwrap_or_default();
    let is_wanted = |file: &&Line| wanted.is_empty() || wanted.iter().any(|status| status == file.word(1));
    section.all("errorfile").filter(is_wanted).map(|file| (file.word(1), file)).collect()
}

fn is_page(line: &Line) -> bool {
    ["errorfile", "errorfiles", "http-error"].iter().any(|keyword| line.is(keyword))
}

/// A text that a page can have.
fn checked(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("has no content; the proxy answers a line of text".into());
    }
    if text.len() > LONGEST {
        return Err(format!("has more than {LONGEST} bytes; name a file in an `[[error_page]]`"));
    }
    if ["{status}", "{reason}", "{request_id}"].iter().any(|name| text.contains(name)) {
        return Err("has a name in braces that stands for something here".into());
    }
    Ok(text.to_owned())
}

/// The pages of sections where clients come in are those of all pools, and of what comes to none: pools keep only what is otherwise.
pub(super) fn settle(ledger: &mut Ledger, draft: &mut Draft, entries: Vec<(&Section, Vec<PageDraft>)>) {
    let first = entries.iter().find(|(_, pages)| !pages.is_empty());
    let Some((first_section, all)) = first.cloned() else { return };
    for (section, _) in entries.iter().filter(|(_, pages)| *pages != all) {
        let line = ledger.line(first_section.header.place);
        let why = format!(
            "before a backend is chosen, errors are answered by the pages of line {line}; there is one set for all listeners"
        );
        ledger.list(section.header.place, Rank::B, why);
    }
    for pool in &mut draft.pools {
        pool.responses.error_pages.retain(|page| !all.contains(page));
    }
    draft.error_pages = all;
}
