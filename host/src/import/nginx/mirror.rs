//! `mirror`: copies of requests for another pool.

use super::super::keys::Keys;
use super::super::ledger::Ledger;
use super::location::{Location, Shape};
use super::pass::Pools;
use super::scope::Scope;
use crate::config::literal;

/// Writes the mirror of a place, whose pool is `pool`, if it is one that passes requests on as they are. Others are listed.
pub(super) fn write(
    ledger: &mut Ledger,
    pools: &mut Pools<'_>,
    (all, pool): (&[Location<'_>], &str),
    scope: &Scope<'_>,
    route: &mut Keys,
) {
    let found = scope.all(&["mirror"]);
    let [mirror] = found[..] else { return };
    let without_body = scope.find("mirror_request_body").is_some_and(|body| body.arg(0) == "off");
    if mirror.arg(0) == "off" {
        return ledger.carry(mirror.place);
    }
    let is_it = |location: &&Location<'_>| {
        matches!(location.shape, Shape::Exact | Shape::Prefix | Shape::FirmPrefix)
            && location.path == mirror.arg(0)
    };
    let Some(target) = all.iter().find(is_it).filter(|_| !without_body) else { return };
    // Any other path than the request's own would have to be written anew.
    let passes = target.scope.own("proxy_pass").next().filter(|pass| pass.arg(0).ends_with("$request_uri"));
    let has_rules =
        target.scope.own("rewrite").next().is_some() || target.scope.own("proxy_set_header").next().is_some();
    let Some(pass) = passes.filter(|_| !has_rules) else { return };
    let Ok((shadow, None)) = pools.of(ledger, &target.scope, (pass, target)) else { return };
    if shadow == pool {
        return;
    }
    ledger.carry(target.directive.place);
    let why = "copies have bodies up to 64 KiB, `Host` as it came, and at most 100 are on their way at a time; see `mirror` of the route";
    ledger.near(mirror.place, why);
    route.set("mirror", format!("{{ pool = {} }}", literal(&shadow)));
}
