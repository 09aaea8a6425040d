//! Texts in which captures of a route's regular expressions take their places.

use super::text_pattern::Regex;
use crate::percent::push_escape;

/// A text with captures: `$1` or `${name}` of the regular expression that a path matched; `$$` is a dollar sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// The text for each regular expression of the route; one without any, if it has no captures.
    variants: Box<[Variant]>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Variant {
    regex: Option<Regex>,
    pieces: Box<[Piece]>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(Box<str>),
    /// What this group of the regular expression matched.
    Capture(usize),
}

/// Why a text is no template. Places count characters, from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A dollar sign begins nothing that there is.
    #[error("at character {place}: a `$` that begins no capture")]
    Dollar {
        /// Where it is.
        place: usize,
    },
    /// The regular expressions don't all have this capture.
    #[error("at character {place}: `{regex}` has no capture `{name}`")]
    Unknown {
        /// Where it begins.
        place: usize,
        /// Number or name.
        name: String,
        /// The regular expression that doesn't have it.
        regex: String,
    },
    /// There is no regular expression that could capture something.
    #[error("at character {place}: there is no regular expression with a capture `{name}`")]
    NoRegex {
        /// Where it begins.
        place: usize,
        /// Number or name.
        name: String,
    },
}

/// Where a text will stand, which decides what of a capture has to be escaped there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Path,
    Query,
}

/// A part of a template as it is written.
enum Written<'a> {
    Text(&'a str),
    /// With the place where it begins.
    Capture(usize, &'a str),
}

impl Template {
    /// The template of a text, for paths that one of these regular expressions matches.
    ///
    /// # Errors
    ///
    /// A capture isn't there.
    pub fn new(text: &str, regexes: &[Regex]) -> Result<Self, TemplateError> {
        let written = written(text)?;
        let capture = written.iter().find_map(|piece| match piece {
            Written::Capture(place, name) => Some((*place, *name)),
            Written::Text(_) => None,
        });
        let variants = match capture {
            None => Box::new([Variant { regex: None, pieces: pieces(&written, None)? }]) as Box<[Variant]>,
            Some((place, name)) if regexes.is_empty() => {
                return Err(TemplateError::NoRegex { place, name: name.to_owned() });
            }
            Some(_) => {
                let variant = |regex: &Regex| {
                    Ok(Variant { regex: Some(regex.clone()), pieces: pieces(&written, Some(regex))? })
                };
                regexes.iter().map(variant).collect::<Result<_, _>>()?
            }
        };
        Ok(Self { variants })
    }

    /// The text, if it is always the same.
    #[must_use]
    pub fn literal(&self) -> Option<String> {
        let [Variant { regex: None, pieces }] = &*self.variants else { return None };
        let texts = pieces.iter().map(|piece| match piece {
            Piece::Text(text) => &**text,
            Piece::Capture(_) => "",
        });
        Some(texts.collect())
    }

    /// Appends the text for a path in the form in which it was compared. Of captures, what can't stand there is escaped; what is
    /// escaped already stays so. Answers whether one of the regular expressions matches the path.
    #[must_use]
    pub(super) fn expand(&self, path: &[u8], part: Part, out: &mut Vec<u8>) -> bool {
        for Variant { regex, pieces } in &self.variants {
            let captures = regex.as_ref().map(|regex| regex.expression().captures(path));
            if let Some(None) = captures {
                continue;
            }
            let captures = captures.flatten();
            for piece in pieces {
                match piece {
                    Piece::Text(text) => out.extend_from_slice(text.as_bytes()),
                    Piece::Capture(group) => {
                        let captured = captures.as_ref().and_then(|captures| captures.get(*group));
                        push_escaped(out, captured.map_or(&[][..], |found| found.as_bytes()), part);
                    }
                }
            }
            return true;
        }
        false
    }
}

fn written(text: &str) -> Result<Vec<Written<'_>>, TemplateError> {
    let mut written = Vec::new();
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        let (before, after) = (&rest[..dollar], &rest[dollar + 1..]);
        if !before.is_empty() {
            written.push(Written::Text(before));
        }
        let place = text[..text.len() - rest.len() + dollar].chars().count() + 1;
        let digits = after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let braced = after.strip_prefix('{').and_then(|name| name.split_once('}'));
        rest = match braced {
            _ if after.starts_with('$') => {
                written.push(Written::Text("$"));
                &after[1..]
            }
            Some((name, after)) if !name.is_empty() => {
                written.push(Written::Capture(place, name));
                after
            }
            _ if digits > 0 => {
                written.push(Written::Capture(place, &after[..digits]));
                &after[digits..]
            }
            _ => return Err(TemplateError::Dollar { place }),
        };
    }
    if !rest.is_empty() {
        written.push(Written::Text(rest));
    }
    Ok(written)
}

fn pieces(written: &[Written<'_>], regex: Option<&Regex>) -> Result<Box<[Piece]>, TemplateError> {
    let piece = |piece: &Written<'_>| match piece {
        Written::Text(text) => Ok(Piece::Text((*text).into())),
        Written::Capture(place, name) => {
            let group = regex.and_then(|regex| group(regex, name));
            group.map(Piece::Capture).ok_or_else(|| TemplateError::Unknown {
                place: *place,
                name: (*name).to_owned(),
                regex: regex.map_or_else(String::new, |regex| regex.text().to_owned()),
            })
        }
    };
    written.iter().map(piece).collect()
}

/// The number of a capture by its name, or by itself.
fn group(regex: &Regex, name: &str) -> Option<usize> {
    let expression = regex.expression();
    match name.parse::<usize>() {
        Ok(number) => (number < expression.captures_len()).then_some(number),
        Err(_) => expression.capture_names().position(|known| known == Some(name)),
    }
}

/// Appends a text, with an escape for each byte that can't stand in this part of a URI. Percent signs stay: they begin escapes.
pub(super) fn push_escaped(out: &mut Vec<u8>, text: &[u8], part: Part) {
    for &byte in text {
        let stays = match byte {
            b'-' | b'.' | b'_' | b'~' | b'%' | b':' | b'@' | b'/' | b'!' | b'$' | b'\'' | b'(' | b')'
            | b'*' | b',' => true,
            b'&' | b'+' | b';' | b'=' => part == Part::Path,
            _ => byte.is_ascii_alphanumeric(),
        };
        if stays { out.push(byte) } else { push_escape(out, byte) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(text: &str, regexes: &[&str]) -> Result<Template, String> {
        let regexes: Vec<Regex> =
            regexes.iter().map(|regex| Regex::new(regex).expect("a regular expression")).collect();
        Template::new(text, &regexes).map_err(|error| error.to_string())
    }

    #[test]
    fn captures_take_their_places() {
        for (text, regexes, path, expected) in [
            ("/a", &[][..], "/x", "/a"),
            ("/a$$1", &[], "/x", "/a$1"),
            ("/n/$1", &["^/o/(.*)$"], "/o/b/c", "/n/b/c"),
            ("/n/${1}0/$0", &["^/o/(.)"], "/o/bc", "/n/b0//o/b"),
            ("/$2/$1", &["^/(?P<year>[0-9]+)/(?<day>.+)$"], "/1/2", "/2/1"),
            ("/${day}-${year}", &["^/(?P<year>[0-9]+)/(?<day>.+)$"], "/1/2", "/2-1"),
            ("/$1", &["^/a/(.*)", "^/b/c(.*)"], "/b/cd", "/d"),
            ("/x$1", &["^/a(b)?"], "/a", "/x"),
            ("/$10", &["^/(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)"], "/abcdefghij", "/j"),
        ] {
            let mut out = Vec::new();
            let template = template(text, regexes).expect(text);
            assert!(template.expand(path.as_bytes(), Part::Path, &mut out));
            assert_eq!(String::from_utf8(out).expect("text"), expected, "{text}");
        }
    }

    #[test]
    fn a_capture_is_escaped_for_its_place() {
        let everything = template("$1", &["(?s-u)^(.*)$"]).expect("a template");
        let expand = |path: &[u8], part| {
            let mut out = Vec::new();
            assert!(everything.expand(path, part, &mut out));
            String::from_utf8(out).expect("text")
        };
        assert_eq!(
            expand(b"/a b\r\n\0\x7f\xff\"<>\\^`{|}#?[]", Part::Path),
            "/a%20b%0D%0A%00%7F%FF%22%3C%3E%5C%5E%60%7B%7C%7D%23%3F%5B%5D"
        );
        assert_eq!(expand(b"/%41;a=b&c+d:@!$'()*,~", Part::Path), "/%41;a=b&c+d:@!$'()*,~");
        assert_eq!(expand(b"a=b&c+d;e", Part::Query), "a%3Db%26c%2Bd%3Be");
    }

    #[test]
    fn what_isnt_there_is_refused_with_its_place() {
        for (text, regexes, expected) in [
            ("/é$", &[][..], "at character 3: a `$` that begins no capture"),
            ("/$host", &[], "at character 2: a `$` that begins no capture"),
            ("/${}", &[], "at character 2: a `$` that begins no capture"),
            ("/${a", &["(?<a>.)"], "at character 2: a `$` that begins no capture"),
            ("/a/$1", &[], "at character 4: there is no regular expression with a capture `1`"),
            ("/a/$2", &["(.)"], "at character 4: `(.)` has no capture `2`"),
            ("/$1/${b}", &["(?<b>.)", "(?<c>.)"], "at character 5: `(?<c>.)` has no capture `b`"),
            (
                "/$99999999999999999999999",
                &["(.)"],
                "at character 2: `(.)` has no capture `99999999999999999999999`",
            ),
        ] {
            assert_eq!(template(text, regexes), Err(expected.to_owned()), "{text}");
        }
    }
}
