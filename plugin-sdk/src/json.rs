//! JSON read into the types of serde, small: the host's configuration tables.
//!
//! `serde_json` brings 80 KB into a plugin, most of it for numbers with a fraction, which few configurations have. Here a number becomes
//! one only where the type that is read asks for it, so that the linker leaves the rest out. Errors name the key that they are about.
//! Texts are RFC 8259's. As an exception, an array is no struct.

mod deserialize;
mod error;
mod key;

pub(crate) use error::Error;
use serde::de::{DeserializeOwned, Expected};

/// How deep arrays and objects may be in each other: a guest's stack is small.
const DEEPEST: u32 = 64;

/// Reads a whole text.
pub(crate) fn from_slice<T: DeserializeOwned>(text: &[u8]) -> Result<T, Error> {
    let mut reader = Reader::new(text);
    let value = T::deserialize(&mut reader)?;
    match reader.next_token() {
        None => Ok(value),
        Some(_) => Err(Error::syntax("something follows the end")),
    }
}

/// A text and how far it has been read.
struct Reader<'a> {
    text: &'a [u8],
    place: usize,
    depth: u32,
}

/// A number as it is written.
enum Number<'a> {
    Unsigned(u64),
    Signed(i64),
    /// With a fraction or an exponent, or beyond 64 bits.
    Other(&'a str),
}

impl<'a> Reader<'a> {
    fn new(text: &'a [u8]) -> Self {
        Self { text, place: 0, depth: 0 }
    }

    /// The next byte that is not white space, which stays the next.
    #[inline(never)]
    fn next_token(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.byte() {
            self.place += 1;
        }
        self.byte()
    }

    /// Goes past the next byte that is not white space, if it is this one.
    #[inline(never)]
    fn take(&mut self, token: u8) -> bool {
        let found = self.next_token() == Some(token);
        self.place += usize::from(found);
        found
    }

    #[inline(never)]
    fn expect(&mut self, token: u8) -> Result<(), Error> {
        if self.take(token) { Ok(()) } else { Err(Error::syntax("a sign between values is missing")) }
    }

    /// Goes past this word, if it is next.
    #[inline(never)]
    fn take_word(&mut self, word: &str) -> bool {
        self.next_token();
        let found = self.rest().starts_with(word.as_bytes());
        self.place += if found { word.len() } else { 0 };
        found
    }

    /// Goes into an array or an object.
    #[inline(never)]
    fn enter(&mut self, opening: u8) -> Result<(), Error> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Error::syntax("tables and lists are too deep in each other"));
        }
        self.expect(opening)
    }

    /// Goes out of it.
    #[inline(never)]
    fn leave(&mut self, closing: u8) -> Result<(), Error> {
        self.depth -= 1;
        self.expect(closing)
    }

    /// Whether there is a further item before `closing`; goes past the comma before it.
    #[inline(never)]
    fn has_item(&mut self, closing: u8, is_first: bool) -> Result<bool, Error> {
        if self.next_token() == Some(closing) {
            return Ok(false);
        }
        if !is_first {
            self.expect(b',')?;
            if self.next_token() == Some(closing) {
                return Err(Error::syntax("nothing follows a comma"));
            }
        }
        Ok(true)
    }

    #[inline(never)]
    fn boolean(&mut self) -> Option<bool> {
        if self.take_word("true") { Some(true) } else { self.take_word("false").then_some(false) }
    }

    #[inline(never)]
    fn string(&mut self) -> Result<String, Error> {
        self.expect(b'"')?;
        let mut bytes = Vec::new();
        while let Some(byte) = self.byte().filter(|byte| *byte >= b' ') {
            self.place += 1;
            match byte {
                b'"' => return String::from_utf8(bytes).map_err(|_| Error::syntax("a string is not UTF-8")),
                b'\\' => match self.escaped() {
                    Some(char) => bytes.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
                    None => break,
                },
                _ => bytes.push(byte),
            }
        }
        Err(Error::syntax("a string is broken"))
    }

    /// What stands behind a backslash.
    fn escaped(&mut self) -> Option<char> {
        let sign = self.byte()?;
        self.place += 1;
        let meant = match sign {
            b'"' | b'\\' | b'/' => sign,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => return self.unicode(),
            _ => return None,
        };
        Some(char::from(meant))
    }

    /// What stands behind `\u`.
    fn unicode(&mut self) -> Option<char> {
        // Four digits, or two times four for a character beyond 16 bits.
        let high = self.hexadecimal()?;
        if !(0xd800..0xdc00).contains(&high) {
            return char::from_u32(high);
        }
        self.rest().starts_with(b"\\u").then_some(())?;
        self.place += 2;
        let low = self.hexadecimal()?;
        (0xdc00..0xe000).contains(&low).then_some(())?;
        char::from_u32(0x1_0000 + ((high - 0xd800) << 10 | (low - 0xdc00)))
    }

    #[inline(never)]
    fn hexadecimal(&mut self) -> Option<u32> {
        let digits = self.rest().get(..4)?;
        self.place += 4;
        digits.iter().try_fold(0, |number, digit| Some(number << 4 | char::from(*digit).to_digit(16)?))
    }

    #[inline(never)]
    fn number(&mut self) -> Result<Number<'a>, Error> {
        self.next_token();
        let start = self.place;
        let is_negative = self.byte() == Some(b'-');
        self.place += usize::from(is_negative);
        let (first, from) = (self.byte(), self.place);
        let magnitude = match self.digits() {
            // No digit follows a leading zero.
            Some(magnitude) if first != Some(b'0') || self.place == from + 1 => magnitude,
            _ => return Err(Error::syntax("a value is missing")),
        };
        let is_whole = !matches!(self.byte(), Some(b'.' | b'e' | b'E'));
        self.fraction()?;
        let text = self.since(start);
        Ok(match magnitude {
            Some(number) if is_whole && !is_negative => Number::Unsigned(number),
            Some(number) if is_whole && number <= 1 << 63 => {
                Number::Signed(number.wrapping_neg().cast_signed())
            }
            _ => Number::Other(text),
        })
    }

    /// The number that digits make, if there are digits, if 64 bits are enough.
    #[inline(never)]
    fn digits(&mut self) -> Option<Option<u64>> {
        let start = self.place;
        let mut number = Some(0_u64);
        while let Some(byte @ b'0'..=b'9') = self.byte() {
            number = number.and_then(|number| number.checked_mul(10)?.checked_add(u64::from(byte - b'0')));
            self.place += 1;
        }
        (self.place > start).then_some(number)
    }

    fn fraction(&mut self) -> Result<(), Error> {
        let missing = || Error::syntax("a number ends too early");
        if self.byte() == Some(b'.') {
            self.place += 1;
            self.digits().ok_or_else(missing)?;
        }
        if let Some(b'e' | b'E') = self.byte() {
            self.place += 1;
            if let Some(b'+' | b'-') = self.byte() {
                self.place += 1;
            }
            self.digits().ok_or_else(missing)?;
        }
        Ok(())
    }

    /// Goes past a value of any kind.
    fn skip(&mut self) -> Result<(), Error> {
        match self.next_token() {
            Some(b'"') => self.string().map(drop),
            Some(b'{') => {
                self.enter(b'{')?;
                let mut is_first = true;
                while self.has_item(b'}', is_first)? {
                    self.string()?;
                    self.expect(b':')?;
                    self.skip()?;
                    is_first = false;
                }
                self.leave(b'}')
            }
            Some(b'[') => {
                self.enter(b'[')?;
                let mut is_first = true;
                while self.has_item(b']', is_first)? {
                    self.skip()?;
                    is_first = false;
                }
                self.leave(b']')
            }
            _ if self.take_word("null") || self.boolean().is_some() => Ok(()),
            _ => self.number().map(drop),
        }
    }

    /// An error that says what stands here in the place of what was expected.
    #[cold]
    fn unexpected(&mut self, expected: &dyn Expected) -> Error {
        let first = self.next_token();
        let start = self.place;
        let kind = match first {
            Some(b'{') => return Error::invalid("type", &["map"], expected),
            Some(b'[') => return Error::invalid("type", &["sequence"], expected),
            Some(b'n') => return Error::invalid("type", &["null"], expected),
            Some(b'"') => match self.string() {
                Ok(text) => return Error::invalid("type", &["string \"", &text, "\""], expected),
                Err(error) => return error,
            },
            _ if self.boolean().is_some() => "boolean `",
            _ => match self.number() {
                Ok(Number::Other(_)) => "floating point `",
                Ok(_) => "integer `",
                Err(error) => return error,
            },
        };
        Error::invalid("type", &[kind, self.since(start), "`"], expected)
    }

    /// A number or a word from there to here.
    fn since(&self, start: usize) -> &'a str {
        let bytes = self.text.get(start..self.place).unwrap_or_default();
        str::from_utf8(bytes).unwrap_or_default()
    }

    fn byte(&self) -> Option<u8> {
        self.text.get(self.place).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.text.get(self.place..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
