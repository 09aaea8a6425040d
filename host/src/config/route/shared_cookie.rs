//! Cookies of one name that tell of different things.

use std::collections::HashMap;

use pointsman_core::route::HostPattern;

use crate::config::model::{PoolConfig, RouteConfig, RouteTarget};
use crate::config::read::Section;

/// A cookie that clients of a route get.
struct Given<'a> {
    name: &'a str,
    by: Giver<'a>,
    hosts: &'a [HostPattern],
}

/// What a cookie tells of.
enum Giver<'a> {
    /// A backend of this pool.
    Sessions(&'a str),
    /// Which of its pools the split of this route has chosen.
    Split(usize, Vec<usize>),
}

/// Says of routes whose clients get a cookie of a name that means something else at the same host: they keep only the last of the two, so that the
/// other one's session ends with each request.
pub(in crate::config) fn warn_of_shared_cookies(
    section: &mut Section<'_>,
    routes: &[RouteConfig],
    pools: &[(&str, Option<PoolConfig>)],
) {
    let items = section.get("route").and_then(|value| value.items(super::HINT)).unwrap_or_default();
    // By name, as there may be thousands of routes.
    let mut known: HashMap<&str, Vec<Given<'_>>> = HashMap::new();
    for (number, route) in routes.iter().enumerate() {
        for given in given(number, route, pools) {
            let same = known.entry(given.name).or_default();
            let other = same.iter().find(|other| other.clashes_with(&given));
            if let (Some(other), Some(item)) = (other, items.get(number)) {
                item.warn(
                    format!(
                        "clients get a cookie `{}` for {}, and one of the same name for {}, and keep only one of them",
                        given.name,
                        given.by.shown(),
                        other.by.shown()
                    ),
                    "give one of them another name, by `cookie`",
                );
                break;
            }
            same.push(given);
        }
    }
}

fn given<'a>(
    number: usize,
    route: &'a RouteConfig,
    pools: &'a [(&str, Option<PoolConfig>)],
) -> Vec<Given<'a>> {
    let hosts = &route.pattern.hosts[..];
    let sessions = route.pools().into_iter().filter_map(|pool| {
        let (name, pool) = pools.get(pool)?;
        let sticky = pool.as_ref()?.sticky.as_ref()?;
        Some(Given { name: &sticky.cookie, by: Giver::Sessions(name), hosts })
    });
    let split = match &route.target {
        RouteTarget::Split(split) => split.cookie.as_ref(),
        _ => None,
    };
    let split =
        split.map(|cookie| Given { name: &cookie.name, by: Giver::Split(number, route.pools()), hosts });
    sessions.chain(split).collect()
}

impl Given<'_> {
    fn clashes_with(&self, other: &Self) -> bool {
        !self.by.means_the_same_as(&other.by) && self.shares_a_host_with(other)
    }

    fn shares_a_host_with(&self, other: &Self) -> bool {
        let every = |hosts: &[HostPattern]| hosts.is_empty() || hosts.contains(&HostPattern::Any);
        every(self.hosts) || every(other.hosts) || self.hosts.iter().any(|host| other.hosts.contains(host))
    }
}

impl Giver<'_> {
    /// Two routes may split the requests of one site among the same pools, whose clients are to stay in the same one then.
    fn means_the_same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Sessions(pool), Self::Sessions(other)) => pool == other,
            (Self::Split(_, pools), Self::Split(_, others)) => {
                pools.len() == others.len() && pools.iter().all(|pool| others.contains(pool))
            }
            _ => false,
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Sessions(pool) => format!("the sessions of pool `{pool}`"),
            Self::Split(route, _) => format!("the split of route[{route}]"),
        }
    }
}
