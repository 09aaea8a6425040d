//! Words of a line of HAProxy's: quotes, escapes, variables of the environment, comments.

use std::collections::HashMap;

/// What a line holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Words {
    pub(super) words: Vec<String>,
    /// Variables that were put in, with their values.
    pub(super) variables: Vec<(String, String)>,
}

/// Why a line can't be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unclosed(pub(super) char);

/// The words of a line.
pub(super) fn words(line: &str, environment: &HashMap<String, String>) -> Result<Words, Unclosed> {
    let mut reader =
        Reader { signs: line.chars().peekable(), environment, word: None, found: Words::default() };
    let mut quote = None;
    while let Some(sign) = reader.signs.next() {
        match (sign, quote) {
            ('\'' | '"', None) => {
                reader.word.get_or_insert_default();
                quote = Some(sign);
            }
            (sign, Some(open)) if sign == open => quote = None,
            (sign, Some('\'')) => reader.push(sign),
            ('\\', quote) => reader.escaped(quote.is_some()),
            // Variables are put in only between double quotes.
            ('$', Some('"')) => reader.variable(),
            ('#', None) => break,
            (' ' | '\t', None) => reader.found.words.extend(reader.word.take()),
            (sign, _) => reader.push(sign),
        }
    }
    if let Some(quote) = quote {
        return Err(Unclosed(quote));
    }
    let Reader { word, mut found, .. } = reader;
    found.words.extend(word);
    Ok(found)
}

struct Reader<'l> {
    signs: std::iter::Peekable<std::str::Chars<'l>>,
    environment: &'l HashMap<String, String>,
    /// The word that is being read.
    word: Option<String>,
    found: Words,
}

impl Reader<'_> {
    fn push(&mut self, sign: char) {
        self.word.get_or_insert_default().push(sign);
    }

    /// What follows a backslash. It stays before what needs none, as in `\.`.
    fn escaped(&mut self, is_quoted: bool) {
        let Some(next) = self.signs.next() else { return self.push('\\') };
        let plain = if is_quoted { "\\\"$" } else { "\\\"' #$" };
        match next {
            'n' if !is_quoted => self.push('\n'),
            'r' if !is_quoted => self.push('\r'),
            't' if !is_quoted => self.push('\t'),
            _ => {
                if !plain.contains(next) {
                    self.push('\\');
                }
                self.push(next);
            }
        }
    }

    /// `$NAME`, `${NAME}`, `${NAME-DEFAULT}`.
    fn variable(&mut self) {
        let mut name = String::new();
        if self.signs.next_if_eq(&'{').is_some() {
            name.extend(std::iter::from_fn(|| self.signs.next_if(|sign| *sign != '}')));
            self.signs.next();
        } else {
            let is_name = |sign: &char| sign.is_ascii_alphanumeric() || *sign == '_';
            name.extend(std::iter::from_fn(|| self.signs.next_if(is_name)));
        }
        if name.is_empty() {
            return self.push('$');
        }
        // `[*]` makes several words of a value.
        let name = name.trim_end_matches("[*]");
        let (name, default) = name.split_once('-').unwrap_or((name, ""));
        let value =
            self.environment.get(name).filter(|value| !value.is_empty()).map_or(default, String::as_str);
        self.word.get_or_insert_default().push_str(value);
        self.found.variables.push((name.to_owned(), value.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_words_as_haproxy_does() {
        let environment = HashMap::from([("REGION".to_owned(), "eu-1".to_owned())]);
        let cases: [(&str, &[&str]); 8] = [
            ("a b\t c # d", &["a", "b", "c"]),
            (
                r#"set X 'single "inside" # not a comment'"#,
                &["set", "X", r#"single "inside" # not a comment"#],
            ),
            (r"set escaped\ space\ and\ \#hash", &["set", "escaped space and #hash"]),
            (r#"set "$REGION" '$REGION' $REGION"#, &["set", "eu-1", "$REGION", "$REGION"]),
            (r#"bind "${NONE-127.0.0.1}:80""#, &["bind", "127.0.0.1:80"]),
            (r"acl a path_reg \.pdf$", &["acl", "a", "path_reg", r"\.pdf$"]),
            (r"send PING\r\n", &["send", "PING\r\n"]),
            (r#"f "%ci \"%r\"""#, &["f", r#"%ci "%r""#]),
        ];
        for (line, expected) in cases {
            assert_eq!(words(line, &environment).unwrap().words, expected, "{line}");
        }
        assert_eq!(words("a 'b", &environment), Err(Unclosed('\'')));
    }
}
