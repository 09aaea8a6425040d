//! Words, semicolons and braces of nginx's language, with their lines.

use super::super::text::Unreadable;

/// A piece of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Word(String),
    Semicolon,
    Open,
    Close,
    /// The code of a `…_by_lua_block { … }`, which is in another language.
    Foreign(String),
}

/// Reads a text piece by piece.
#[derive(Debug)]
pub(super) struct Lexer<'a> {
    file: &'a str,
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    line: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(file: &'a str, text: &'a str) -> Self {
        Self { file, rest: text.chars().peekable(), line: 1 }
    }

    pub(super) fn file(&self) -> &'a str {
        self.file
    }

    pub(super) fn fail(&self, line: usize, message: impl Into<String>, hint: &str) -> Unreadable {
        Unreadable {
            file: self.file.to_owned(),
            line: Some(line),
            message: message.into(),
            hint: hint.to_owned(),
        }
    }

    fn bump(&mut self) -> Option<char> {
        let next = self.rest.next();
        if next == Some('\n') {
            self.line += 1;
        }
        next
    }

    /// The next piece and the line on which it begins; none at the end.
    pub(super) fn next(&mut self) -> Result<Option<(usize, Token)>, Unreadable> {
        self.skip_space();
        let line = self.line;
        let Some(&sign) = self.rest.peek() else { return Ok(None) };
        let token = match sign {
            ';' => self.sign(Token::Semicolon),
            '{' => self.sign(Token::Open),
            '}' => self.sign(Token::Close),
            '"' | '\'' => Token::Word(self.quoted(line, sign)?),
            _ => Token::Word(self.plain()),
        };
        Ok(Some((line, token)))
    }

    fn sign(&mut self, token: Token) -> Token {
        self.bump();
        token
    }

    fn skip_space(&mut self) {
        while let Some(&sign) = self.rest.peek() {
            match sign {
                '#' => while self.bump().is_some_and(|sign| sign != '\n') {},
                _ if sign.is_ascii_whitespace() => {
                    self.bump();
                }
                _ => break,
            }
        }
    }

    /// A word in quotes, without them.
    fn quoted(&mut self, line: usize, quote: char) -> Result<String, Unreadable> {
        self.bump();
        let mut word = String::new();
        loop {
            match self.bump() {
                Some('\\') => self.escaped(&mut word),
                Some(sign) if sign == quote => break,
                Some(sign) => word.push(sign),
                None => {
                    let hint = "close it where the text ends";
                    return Err(self.fail(
                        line,
                        format!("a quote ({quote}) opens here and never closes"),
                        hint,
                    ));
                }
            }
        }
        match self.rest.peek() {
            None | Some(';' | '{' | ')') => Ok(word),
            Some(sign) if sign.is_ascii_whitespace() => Ok(word),
            Some(sign) => {
                let message = format!("`{}` follows a closing quote", sign.escape_default());
                Err(self.fail(
                    self.line,
                    message,
                    "put a space between, or look for a quote that isn't closed",
                ))
            }
        }
    }

    fn plain(&mut self) -> String {
        let mut word = String::new();
        while let Some(&sign) = self.rest.peek() {
            match sign {
                ';' => break,
                // `${name}` is a variable.
                '{' if !word.ends_with('$') => break,
                _ if sign.is_ascii_whitespace() => break,
                '\\' => {
                    self.bump();
                    self.escaped(&mut word);
                }
                _ => {
                    self.bump();
                    word.push(sign);
                }
            }
        }
        word
    }

    /// What follows a backslash. Before anything but these few it stays, as in `\.`.
    fn escaped(&mut self, word: &mut String) {
        match self.bump() {
            Some(sign @ ('"' | '\'' | '\\')) => word.push(sign),
            Some('t') => word.push('\t'),
            Some('r') => word.push('\r'),
            Some('n') => word.push('\n'),
            Some(sign) => word.extend(['\\', sign]),
            None => word.push('\\'),
        }
    }

    /// Code in braces up to the one that closes them, after the opening one.
    pub(super) fn foreign(&mut self, opened: usize) -> Result<Token, Unreadable> {
        let mut depth = 1;
        let mut code = String::new();
        while let Some(sign) = self.bump() {
            match sign {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return Ok(Token::Foreign(code));
            }
            code.push(sign);
        }
        Err(self.fail(opened, "a brace opens here and never closes", "close it where its block ends"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Result<Vec<String>, String> {
        let mut lexer = Lexer::new("f", text);
        let mut found = Vec::new();
        while let Some((line, token)) = lexer.next().map_err(|error| error.to_string())? {
            found.push(match token {
                Token::Word(word) => format!("{line}:{word}"),
                Token::Semicolon => ";".into(),
                Token::Open => "{".into(),
                Token::Close => "}".into(),
                Token::Foreign(code) => format!("<{code}>"),
            });
        }
        Ok(found)
    }

    #[test]
    fn reads_words_as_nginx_does() {
        let cases: [(&str, &[&str]); 8] = [
            ("a b;", &["1:a", "1:b", ";"]),
            ("a{b 2;}#c", &["1:a", "{", "1:b", "1:2", ";", "}"]),
            ("a \"x; {y} # z\" 'it''s';", &["1:a", "1:x; {y} # z"]),
            ("a\n'b\nc'\nd;", &["1:a", "2:b\nc", "4:d", ";"]),
            ("log ${x}y;", &["1:log", "1:${x}y", ";"]),
            (r#"r ^/\.x "say \"no\"\n";"#, &["1:r", r"1:^/\.x", "1:say \"no\"\n", ";"]),
            ("if ($a = \"b\") {", &["1:if", "1:($a", "1:=", "1:b", "1:)", "{"]),
            ("a#b c;", &["1:a#b", "1:c", ";"]),
        ];
        for (text, expected) in cases {
            match words(text) {
                Ok(found) => assert_eq!(found, expected, "{text}"),
                // `'it''s'` is refused: a quote right behind a quote.
                Err(error) => assert!(text.contains("''") && error.contains("closing quote"), "{error}"),
            }
        }
    }

    #[test]
    fn says_where_a_quote_opened() {
        let error = words("a b;\nc \"d;\n\ne;").unwrap_err();
        assert_eq!(error, "f:2: a quote (\") opens here and never closes; close it where the text ends");
    }
}
