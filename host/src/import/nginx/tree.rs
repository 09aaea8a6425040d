//! Directives in their blocks, and `include`.

use std::path::{Path, PathBuf};

use super::super::ledger::{Ledger, Place, Rank};
use super::super::text::{Files, Unreadable, refuse_template};
use super::lexer::{Lexer, Token};

/// Deepest nesting of blocks, and of files in files.
const DEEPEST: usize = 50;

/// A directive with its arguments, and with its block if it has one.
#[derive(Debug, Clone)]
pub(super) struct Directive {
    pub(super) place: Place,
    pub(super) name: String,
    pub(super) args: Vec<String>,
    pub(super) block: Option<Vec<Self>>,
}

impl Directive {
    pub(super) fn arg(&self, index: usize) -> &str {
        self.args.get(index).map_or("", String::as_str)
    }

    pub(super) fn children(&self) -> &[Self] {
        self.block.as_deref().unwrap_or_default()
    }

    /// Calls for each directive in the block, however deep.
    pub(super) fn each<'d>(&'d self, call: &mut impl FnMut(&'d Self)) {
        for child in self.children() {
            call(child);
            child.each(call);
        }
    }
}

/// Reads files and what they include.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    pub(super) ledger: &'a mut Ledger,
    pub(super) files: &'a mut Files,
    /// The files that are being read, each included by the one before it.
    open: Vec<PathBuf>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(ledger: &'a mut Ledger, files: &'a mut Files) -> Self {
        Self { ledger, files, open: Vec::new() }
    }

    /// The directives of a text, which is the file's.
    pub(super) fn text(&mut self, path: &Path, text: &str) -> Result<Vec<Directive>, Unreadable> {
        let name = path.display().to_string();
        refuse_template(&name, text)?;
        let file = self.ledger.file(&name);
        self.open.push(path.canonicalize().unwrap_or_else(|_| path.to_owned()));
        let mut lexer = Lexer::new(&name, text);
        let read = self.block(&mut lexer, file, None, 0);
        self.open.pop();
        read
    }

    /// The directives up to the closing brace of the block that `opened` on a line, or to the end of the file.
    fn block(
        &mut self,
        lexer: &mut Lexer<'_>,
        file: usize,
        opened: Option<usize>,
        depth: usize,
    ) -> Result<Vec<Directive>, Unreadable> {
        let mut directives = Vec::new();
        loop {
            let Some((line, token)) = lexer.next()? else {
                return match opened {
                    None => Ok(directives),
                    Some(opened) => {
                        let message = "a brace opens here and never closes";
                        Err(lexer.fail(opened, message, "close it where its block ends"))
                    }
                };
            };
            match token {
                Token::Word(name) => self.directive(lexer, (file, line, name), depth, &mut directives)?,
                Token::Close if opened.is_some() => return Ok(directives),
                Token::Close => return Err(lexer.fail(line, "`}` closes nothing", "remove it")),
                // nginx refuses it; nothing is lost by it.
                Token::Semicolon => {}
                Token::Open | Token::Foreign(_) => {
                    return Err(lexer.fail(line, "`{` without a directive before it", "remove it"));
                }
            }
        }
    }

    fn directive(
        &mut self,
        lexer: &mut Lexer<'_>,
        (file, line, name): (usize, usize, String),
        depth: usize,
        directives: &mut Vec<Directive>,
    ) -> Result<(), Unreadable> {
        let mut args = Vec::new();
        let unended = |lexer: &Lexer<'_>| {
            let message = format!("the directive `{}` isn't ended", excerpt(&name));
            lexer.fail(line, message, "end it with `;`, or with a block in braces")
        };
        loop {
            let Some((at, token)) = lexer.next()? else { return Err(unended(lexer)) };
            match token {
                Token::Word(word) => args.push(word),
                Token::Semicolon => {
                    let place = self.add(file, line, &name, &args);
                    let directive = Directive { place, name, args, block: None };
                    return match directive.name.as_str() {
                        "include" => self.include(lexer, &directive, directives),
                        _ => {
                            directives.push(directive);
                            Ok(())
                        }
                    };
                }
                Token::Open if name.ends_with("_by_lua_block") => {
                    let place = self.add(file, line, &name, &args);
                    lexer.foreign(at)?;
                    directives.push(Directive { place, name, args, block: Some(Vec::new()) });
                    return Ok(());
                }
                Token::Open if depth >= DEEPEST => {
                    let message = format!("more than {DEEPEST} blocks in one another");
                    return Err(lexer.fail(line, message, "nginx has no use for so many"));
                }
                Token::Open => {
                    let place = self.add(file, line, &name, &args);
                    let block = self.block(lexer, file, Some(at), depth + 1)?;
                    directives.push(Directive { place, name, args, block: Some(block) });
                    return Ok(());
                }
                Token::Close | Token::Foreign(_) => return Err(unended(lexer)),
            }
        }
    }

    fn add(&mut self, file: usize, line: usize, name: &str, args: &[String]) -> Place {
        let words = args.iter().map(|word| shown(word));
        let text: Vec<_> = std::iter::once(name.to_owned()).chain(words).collect();
        self.ledger.add(file, line, &text.join(" "))
    }

    /// Puts the directives of the included files in the place of `include`.
    fn include(
        &mut self,
        lexer: &Lexer<'_>,
        directive: &Directive,
        directives: &mut Vec<Directive>,
    ) -> Result<(), Unreadable> {
        let pattern = directive.arg(0);
        let line = self.ledger.line(directive.place);
        let found = self.files.matching(pattern);
        if found.is_empty() && !pattern.contains(['*', '?', '[']) {
            let is_known = HARMLESS.iter().any(|name| pattern.ends_with(name));
            let (rank, why) = match is_known {
                true => (Rank::C, "there is no such file here; what is in it usually has no effect here"),
                false => (
                    Rank::A,
                    "there is no such file here, and what is in it may protect something; run the import where it is, or name its folder with `--root`",
                ),
            };
            self.ledger.list(directive.place, rank, why);
            return Ok(());
        }
        self.ledger.carry(directive.place);
        for path in found {
            let canonical = path.canonicalize().unwrap_or_else(|_| path.clone());
            if self.open.contains(&canonical) {
                let message = format!("`include {}` includes this file itself", excerpt(pattern));
                return Err(lexer.fail(line, message, "remove it"));
            }
            if self.open.len() >= DEEPEST {
                let message = format!("more than {DEEPEST} files include one another");
                return Err(lexer.fail(line, message, "look for files that include each other"));
            }
            let text = self.files.read(&path).map_err(|mut fault| {
                fault.hint = format!("{} (included by line {line} of {})", fault.hint, lexer.file());
                fault
            })?;
            directives.extend(self.text(&path, &text)?);
        }
        Ok(())
    }
}

/// Files that many configurations include and that come with nginx.
const HARMLESS: [&str; 6] =
    ["mime.types", "fastcgi_params", "fastcgi.conf", "uwsgi_params", "scgi_params", "koi-win"];

/// A word as it may have been written.
fn shown(word: &str) -> String {
    let is_plain = !word.is_empty() && !word.contains([' ', '\t', '\n', ';', '{', '}', '"', '\'', '#']);
    match (is_plain, word.contains('"')) {
        (true, _) => word.to_owned(),
        (false, true) => format!("'{word}'"),
        (false, false) => format!("\"{word}\""),
    }
}

/// The start of a word, for messages.
pub(super) fn excerpt(word: &str) -> String {
    match word.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &word[..end]),
        None => word.to_owned(),
    }
}
