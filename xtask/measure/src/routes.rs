//! Many routes to the pool `backends`, as configurations of Pointsman have them. Requests take the last one.

/// The host that every request asks for.
const HOST: &str = "bench.example";

/// 5,000 routes by host.
pub(crate) fn hosts() -> String {
    let route = |host: String| format!("[[route]]\nhost = \"{host}\"\npool = \"backends\"\n");
    (1..5_000).map(|route| format!("site-{route}.example")).chain([HOST.to_owned()]).map(route).collect()
}

/// 100 routes of one host by regular expression, with this one as the last.
pub(crate) fn expressions(last: &str) -> String {
    let route =
        |regex: String| format!("[[route]]\nhost = \"{HOST}\"\nregex = '{regex}'\npool = \"backends\"\n");
    let others = (1..100).map(|route| format!("^/api/v[0-9]+/service-{route}/([a-z]+)$"));
    others.chain([last.to_owned()]).map(route).collect()
}
