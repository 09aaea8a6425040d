//! Routes of the proxy that is counted.

use crate::routes;

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
        let prefix = |prefix: &str| {
            let rules = "request_headers = { set = { x-site = \"a\" }, remove = [\"cookie\"] }\n\
                response_headers = { set = { x-frame-options = \"DENY\" } }";
            format!(
                "[[route]]\nprefix = \"{prefix}\"\npool = \"backends\"\nrewrite = {{ strip_prefix = \"{prefix}\" }}\n{rules}\n"
            )
        };
        match self {
            Self::One => String::new(),
            Self::Prefixes => {
                (1..20).map(|route| prefix(&format!("/site-{route}"))).chain([prefix("/users")]).collect()
            }
            Self::Hosts => routes::hosts(),
            Self::Expressions => routes::expressions("^/users/([0-9]+)$"),
        }
    }
}
