//! `sticky`: clients stay with a server.

use super::super::keys::Keys;
use super::super::ledger::{Ledger, Rank};
use super::super::value;
use super::quantity;
use super::tree::Directive;
use crate::config::literal;

/// The longest that a session may be.
const LONGEST_MS: u64 = 400 * value::DAY_MS;

/// The sessions that an upstream asks for; no keys if none, or of a kind that there isn't.
pub(super) fn read(ledger: &mut Ledger, directive: &Directive) -> Keys {
    let mut keys = Keys::default();
    if directive.arg(0) != "cookie" || directive.arg(1).is_empty() {
        ledger.list(
            directive.place,
            Rank::B,
            "sessions are kept by a cookie of the proxy's own: see `[pool.NAME.sticky]`",
        );
        return keys;
    }
    keys.set("cookie", literal(directive.arg(1)));
    ledger
        .near(directive.place, "sessions begin anew, as the cookie's values are made of the backends' names");
    for arg in directive.args.iter().skip(2) {
        if let Err(why) = parameter(&mut keys, arg) {
            ledger.list_piece(directive.place, arg, Rank::B, why);
        }
    }
    keys
}

/// Takes a parameter, or says why not.
fn parameter(keys: &mut Keys, arg: &str) -> Result<(), &'static str> {
    let (key, given) = arg.split_once('=').unwrap_or((arg, ""));
    match (key, given) {
        ("expires", "max") => keys.set("max_age", value::duration(LONGEST_MS)),
        ("expires", time) => {
            let time = quantity::time(time).ok_or("is no time")?;
            keys.set("max_age", value::duration(time.clamp(1_000, LONGEST_MS)));
        }
        ("samesite", "strict" | "lax" | "none") => keys.set("same_site", literal(given)),
        ("samesite", _) => return Err("`same_site` is one of \"strict\", \"lax\" and \"none\""),
        ("httponly", _) | ("path", "/") => {}
        ("secure", _) => return Err("the cookie is `Secure` where the request came over TLS"),
        ("path", _) => return Err("the cookie is for all paths"),
        ("domain", _) => return Err("the cookie is for the host that was asked"),
        _ => return Err("isn't carried over"),
    }
    Ok(())
}
