//! Variables whose value is known without a request, as far as one is: `set` with a text, and the default of a `map`.

use super::super::ledger::{Ledger, Rank};
use super::scope::Scope;
use super::tree::Directive;

/// Deepest chain of variables.
const DEEPEST: usize = 10;

/// The value of a text with variables in it, if it is the same for every request, or for those that nothing else is said of. What
/// decides otherwise for some requests is listed.
pub(super) fn constant(ledger: &mut Ledger, scope: &Scope<'_>, text: &str) -> Option<String> {
    value(ledger, scope, text, 0)
}

fn value(ledger: &mut Ledger, scope: &Scope<'_>, text: &str, depth: usize) -> Option<String> {
    if depth > DEEPEST {
        return None;
    }
    let mut whole = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        whole.push_str(before);
        let (name, behind) = match after.strip_prefix('{') {
            Some(inner) => inner.split_once('}')?,
            None => {
                let end =
                    after.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
                after.split_at(end)
            }
        };
        whole.push_str(&of(ledger, scope, name, depth)?);
        rest = behind;
    }
    whole.push_str(rest);
    Some(whole)
}

fn of(ledger: &mut Ledger, scope: &Scope<'_>, name: &str, depth: usize) -> Option<String> {
    let variable = format!("${name}");
    if let Some(set) = scope.all(&["set"]).into_iter().find(|set| set.arg(0) == variable) {
        let found = value(ledger, scope, set.arg(1), depth + 1)?;
        ledger.near(set.place, format!("its value is taken to be `{found}` for every request"));
        return Some(found);
    }
    let map = scope.all(&["map"]).into_iter().find(|map| map.arg(1) == variable)?;
    let default = map.children().iter().find(|entry| entry.name == "default")?;
    let found = value(ledger, scope, default.arg(0), depth + 1)?;
    ledger.near(map.place, format!("only its default is carried over, `{found}`; what it makes of some requests needs routes of their own"));
    ledger.carry(default.place);
    for entry in map.children().iter().filter(|entry| entry.name != "default") {
        ledger.list(
            entry.place,
            Rank::B,
            format!("such requests go where the others go, to `{found}`; give them a route"),
        );
    }
    Some(found)
}

/// Whether a map does nothing but say what the proxy does anyway: the field `Connection` of an upgrade.
pub(super) fn is_upgrade_map(map: &Directive) -> bool {
    map.arg(0) == "$http_upgrade"
        && map.children().iter().all(|entry| {
            let value = entry.arg(0).to_ascii_lowercase();
            matches!(value.as_str(), "upgrade" | "close" | "" | "keep-alive" | "$http_connection")
        })
}
