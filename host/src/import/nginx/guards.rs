//! What has to be asked before a request may pass, and isn't asked here.

use super::condition;
use super::scope::Scope;
use super::tree::Directive;

/// Why requests may not pass, and what they get instead.
pub(super) struct Guard {
    pub(super) why: &'static str,
    pub(super) status: u16,
}

/// What keeps a location, if anything does.
pub(super) fn of(scope: &Scope<'_>) -> Option<Guard> {
    let refused = |why| Some(Guard { why, status: 403 });
    if scope.own("stub_status").next().is_some() || scope.own("status").next().is_some() {
        return Some(Guard { why: "shows the server's numbers; use `[admin]` or `[metrics]`", status: 404 });
    }
    let any = scope.find("satisfy").is_some_and(|found| found.arg(0) == "any");
    let rules = scope.all(&["allow", "deny"]);
    if rules.iter().any(|rule| rule.name == "deny") && (any || networks(scope).is_none()) {
        return refused("asks for the client's network, or for something else in its place");
    }
    for (name, why) in [
        ("auth_basic", "asks for a password"),
        ("auth_request", "asks another server first"),
        ("auth_jwt", "asks for a token"),
        ("secure_link", "asks for a signature in the link"),
        ("access_by_lua_block", "asks a script first"),
        ("access_by_lua_file", "asks a script first"),
    ] {
        if scope.find(name).is_some_and(|found| found.arg(0) != "off") {
            return refused(why);
        }
    }
    if scope.own("limit_except").next().is_some() {
        return refused("lets some methods pass only to some");
    }
    let is_asked = |found: &Directive| found.children().len() == 1 && condition::read(found).is_some();
    if scope.own("if").any(|found| refuses(found) && !is_asked(found)) {
        return refused("refuses some requests by a condition");
    }
    None
}

/// The networks that may pass or may not, in their order, and none for all; none if something else is asked.
pub(super) fn networks<'a>(scope: &Scope<'a>) -> Option<Vec<(&'a Directive, Option<String>)>> {
    let mut found = Vec::new();
    for rule in scope.all(&["allow", "deny"]) {
        match rule.arg(0) {
            "all" => found.push((rule, None)),
            network if super::super::value::is_network(network) => {
                found.push((rule, Some(network.to_owned())))
            }
            _ => return None,
        }
    }
    Some(found)
}

/// Whether a condition refuses what fits it.
pub(super) fn refuses(condition: &Directive) -> bool {
    condition.children().iter().any(|child| match child.name.as_str() {
        "return" => child.arg(0).starts_with(['4', '5']),
        "deny" => true,
        _ => false,
    })
}

/// Whether a condition sends what fits it elsewhere, for another reason than the host that was asked for.
pub(super) fn keeps_by_redirect(condition: &Directive) -> bool {
    let is_of_host = condition.args.iter().any(|word| {
        let word = word.trim_start_matches('(');
        matches!(word, "$host" | "$http_host" | "$server_name")
    });
    let redirects = |child: &Directive| match child.name.as_str() {
        "return" => child.arg(0).starts_with('3') || child.arg(0).contains("://"),
        "rewrite" => matches!(child.arg(2), "redirect" | "permanent") || child.arg(1).contains("://"),
        _ => false,
    };
    !is_of_host && condition.children().iter().any(redirects)
}
