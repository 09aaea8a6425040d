//! Routes of the proxy that is counted.

/// Which routes there are. Requests take the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Routes {
    /// None but the one that there always is.
    One,
    /// 20 by prefix, each with a rewrite and three rules for header fields.
    Prefixes,
    /// 5,000 by host.
    Hosts,
    /// 100 of one host, by regular expression.
    Expressions,
}

impl Routes {
    /// What stands in the configuration, after everything else.
    pub(super) fn text(self) -> String {
        let lines =
            |matches: String, more: String| format!("[[route]]\n{matches}\npool = \"backends\"\n{more}");
        let host = |name: &str| lines(format!("host = \"{name}\""), String::new());
        let expression =
            |regex: &str| lines(format!("host = \"bench.example\"\nregex = '{regex}'"), String::new());
        let prefix = |prefix: &str| {
            let rules = "request_headers = { set = { x-site = \"a\" }, remove = [\"cookie\"] }\n\
                response_headers = { set = { x-frame-options = \"DENY\" } }";
            let more = format!("rewrite = {{ strip_prefix = \"{prefix}\" }}\n{rules}\n");
            lines(format!("prefix = \"{prefix}\""), more)
        };
        match self {
            Self::One => String::new(),
            Self::Prefixes => {
                (1..20).map(|route| prefix(&format!("/site-{route}"))).chain([prefix("/users")]).collect()
            }
            Self::Hosts => (1..5_000)
                .map(|route| host(&format!("site-{route}.example")))
                .chain([host("bench.example")])
                .collect(),
            Self::Expressions => (1..100)
                .map(|route| expression(&format!("^/api/v[0-9]+/service-{route}/([a-z]+)$")))
                .chain([expression("^/users/([0-9]+)$")])
                .collect(),
        }
    }
}
