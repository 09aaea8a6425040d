//! `cookie NAME insert`: clients stay with a server.

use super::super::keys::Keys;
use super::super::ledger::{Ledger, Rank};
use super::super::value;
use super::chain::Chain;
use super::quantity;
use super::sections::Line;
use crate::config::literal;

/// The longest that a session may be.
const LONGEST_MS: u64 = 400 * value::DAY_MS;

/// The sessions that a section asks for; no keys if none, or of a kind that there isn't.
pub(super) fn sticky(ledger: &mut Ledger, chain: &Chain<'_>) -> Keys {
    let mut keys = Keys::default();
    let Some(line) = chain.find("cookie") else { return keys };
    let has = |word: &str| line.words[2..].iter().any(|found| found == word);
    if line.words.len() < 3 || !has("insert") {
        // Listed as what isn't known: a cookie of the application's is looked at or rewritten.
        return keys;
    }
    keys.set("cookie", literal(line.word(1)));
    if has("indirect") {
        keys.set("strip", "true");
    }
    // The one is counted from the last request, as here; the other from the first.
    if let Some(age) = age(line, "maxidle").or_else(|| age(line, "maxlife")) {
        keys.set("max_age", value::duration(age));
    }
    ledger.near(line.place, "sessions begin anew, as the cookie's values are made of the servers' names");
    for (word, why) in [
        ("postonly", "the cookie is set by every response"),
        ("preserve", "a cookie of this name that a server sets goes on beside the proxy's"),
        ("domain", "the cookie is for the host that was asked"),
        ("attr", "the cookie has `Path=/; HttpOnly`, `SameSite` as the key says, and over TLS `Secure`"),
        ("dynamic", "values are made of names, so `dynamic-cookie-key` isn't needed; see `secret_file`"),
    ] {
        if has(word) {
            ledger.list_piece(line.place, word, Rank::B, why);
        }
    }
    if has("maxlife") {
        ledger.list_piece(
            line.place,
            "maxlife",
            Rank::B,
            "a session lasts as long as its client comes; see `max_age`",
        );
    }
    keys
}

/// A time of the line, which is in seconds if it says nothing.
fn age(line: &Line, word: &str) -> Option<u64> {
    let at = line.words.iter().position(|found| found == word)?;
    let text = line.words.get(at + 1)?;
    let ms = match text.parse::<u64>() {
        Ok(seconds) => seconds.checked_mul(1_000)?,
        Err(_) => quantity::time(text)?,
    };
    Some(ms.clamp(1_000, LONGEST_MS))
}
