//! What a route asks of a request.

use pointsman_core::route::Regex;

/// What is looked at, and how it is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// The host is this one.
    Host,
    /// The host is below this domain.
    HostBelow,
    /// The host fits a regular expression.
    HostRegex,
    /// The path is this one.
    PathIs,
    /// The path starts with this.
    PathStart,
    /// The path ends with this.
    PathEnd,
    /// The path fits a regular expression.
    PathRegex,
    /// The method is this one.
    Method,
    /// A header of this name has such a value.
    Header(String, Compare),
    /// A parameter of the query has such a value.
    Query(String, Compare),
    /// A cookie has such a value.
    Cookie(String, Compare),
    /// The client's address is in this network.
    Client,
    /// What the client speaks, by its name in a route.
    Protocol,
    /// It comes in by the listener at this address.
    Listener,
}

/// How a text is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compare {
    Is,
    Start,
    End,
    Contains,
    Regex,
    Present,
}

/// One condition: any of the values, or none of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Test {
    pub(super) kind: Kind,
    pub(super) values: Vec<String>,
    pub(super) is_negated: bool,
    pub(super) ignores_case: bool,
}

impl Test {
    pub(super) fn new(kind: Kind, values: Vec<String>) -> Self {
        Self { kind, values, is_negated: false, ignores_case: false }
    }

    pub(super) fn one(kind: Kind, value: impl Into<String>) -> Self {
        Self::new(kind, vec![value.into()])
    }

    /// Whether a route can ask this.
    pub(super) fn can_be_written(&self) -> bool {
        self.plain().is_some()
    }

    /// The same with its case compared, as routes do: what ignores case is a regular expression. None for what no route can ask.
    pub(super) fn plain(&self) -> Option<Self> {
        let test = if self.ignores_case { self.in_any_case() } else { self.clone() };
        let is_path = |value: &String| value.starts_with('/') && !value.ends_with('*') && on_the_wire(value);
        let is_regex = |value: &String| Regex::new(value).is_ok();
        let values = |good: &dyn Fn(&String) -> bool| !test.values.is_empty() && test.values.iter().all(good);
        let is_good = match &test.kind {
            Kind::Host | Kind::HostBelow => values(&|value| super::value::is_host(value)),
            Kind::HostRegex => false,
            Kind::PathIs | Kind::PathStart => values(&is_path),
            Kind::PathEnd => values(&|value| !value.is_empty() && on_the_wire(value)),
            Kind::PathRegex => values(&is_regex),
            Kind::Method => values(&|value| {
                !value.is_empty()
                    && value.bytes().all(|byte| byte.is_ascii_uppercase() || matches!(byte, b'-' | b'_'))
            }),
            Kind::Header(name, compare) => is_token(name) && value_is_good(*compare, &test.values),
            Kind::Query(name, compare) => !name.is_empty() && value_is_good(*compare, &test.values),
            Kind::Cookie(name, compare) => is_token(name) && value_is_good(*compare, &test.values),
            Kind::Client => values(&|value| super::value::is_network(value)),
            Kind::Protocol => true,
            Kind::Listener => !test.values.is_empty(),
        };
        is_good.then_some(test)
    }

    fn in_any_case(&self) -> Self {
        let (kind, values) = match &self.kind {
            Kind::PathIs => (Kind::PathRegex, self.regexes("^", "$")),
            Kind::PathStart => (Kind::PathRegex, self.regexes("^", "")),
            Kind::PathEnd => (Kind::PathRegex, self.regexes("", "$")),
            Kind::PathRegex => {
                (Kind::PathRegex, self.values.iter().map(|value| format!("(?i){value}")).collect())
            }
            Kind::Header(name, compare) => {
                let (compare, values) = self.named(*compare);
                (Kind::Header(name.clone(), compare), values)
            }
            Kind::Query(name, compare) => {
                let (compare, values) = self.named(*compare);
                (Kind::Query(name.clone(), compare), values)
            }
            Kind::Cookie(name, compare) => {
                let (compare, values) = self.named(*compare);
                (Kind::Cookie(name.clone(), compare), values)
            }
            kind => (kind.clone(), self.values.clone()),
        };
        Self { kind, values, is_negated: self.is_negated, ignores_case: false }
    }

    fn named(&self, compare: Compare) -> (Compare, Vec<String>) {
        match compare {
            Compare::Is => (Compare::Regex, self.regexes("^", "$")),
            Compare::Start => (Compare::Regex, self.regexes("^", "")),
            Compare::End => (Compare::Regex, self.regexes("", "$")),
            Compare::Contains => (Compare::Regex, self.regexes("", "")),
            Compare::Regex => {
                (Compare::Regex, self.values.iter().map(|value| format!("(?i){value}")).collect())
            }
            Compare::Present => (Compare::Present, Vec::new()),
        }
    }

    /// One regular expression for all of the values.
    fn regexes(&self, before: &str, after: &str) -> Vec<String> {
        let all: Vec<String> = self.values.iter().map(|value| escaped(value)).collect();
        let all = if all.len() == 1 { all.concat() } else { format!("(?:{})", all.join("|")) };
        vec![format!("(?i){before}{all}{after}")]
    }
}

fn value_is_good(compare: Compare, values: &[String]) -> bool {
    let is_good = |value: &String| match compare {
        Compare::Present | Compare::Is => true,
        Compare::Regex => Regex::new(value).is_ok(),
        Compare::Start | Compare::End | Compare::Contains => !value.is_empty(),
    };
    compare == Compare::Present || !values.is_empty() && values.iter().all(is_good)
}

fn on_the_wire(path: &str) -> bool {
    path.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#'))
}

fn is_token(name: &str) -> bool {
    !name.is_empty()
        && name.len() < 200
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// A text as a regular expression that fits it alone.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for sign in text.chars() {
        if sign.is_ascii_punctuation() && !"/-_:;,=@%\"'<>!~`".contains(sign) {
            escaped.push('\\');
        }
        escaped.push(sign);
    }
    escaped
}

/// Whether all requests that fit the later tests fit the earlier ones.
pub(super) fn covers(earlier: &[Test], later: &[Test]) -> bool {
    earlier.iter().all(|test| later.iter().any(|other| implies(other, test)))
}

/// Whether some request may fit both.
pub(super) fn overlap(one: &[Test], other: &[Test]) -> bool {
    one.iter().all(|test| {
        let mut same = other.iter().filter(|other| group(&other.kind) == group(&test.kind));
        same.all(|other| {
            test.is_negated
                || other.is_negated
                || test.ignores_case
                || other.ignores_case
                || any_in_both(test, other)
        })
    })
}

/// What two tests have to be about to exclude each other.
fn group(kind: &Kind) -> u8 {
    match kind {
        Kind::Host | Kind::HostBelow | Kind::HostRegex => 0,
        Kind::PathIs | Kind::PathStart | Kind::PathEnd | Kind::PathRegex => 1,
        Kind::Method => 2,
        Kind::Header(..) | Kind::Query(..) | Kind::Cookie(..) | Kind::Client | Kind::Protocol => 3,
        Kind::Listener => 4,
    }
}

fn is_below(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
}

fn any_in_both(one: &Test, other: &Test) -> bool {
    one.values.iter().any(|a| {
        other.values.iter().any(|b| match (&one.kind, &other.kind) {
            (Kind::Host, Kind::Host)
            | (Kind::PathIs, Kind::PathIs)
            | (Kind::Method, Kind::Method)
            | (Kind::Listener, Kind::Listener) => a == b,
            (Kind::Host, Kind::HostBelow) => is_below(a, b),
            (Kind::HostBelow, Kind::Host) => is_below(b, a),
            (Kind::HostBelow, Kind::HostBelow) => a == b || is_below(a, b) || is_below(b, a),
            (Kind::PathIs, Kind::PathStart) => a.starts_with(b.as_str()),
            (Kind::PathStart, Kind::PathIs) => b.starts_with(a.as_str()),
            (Kind::PathStart, Kind::PathStart) => a.starts_with(b.as_str()) || b.starts_with(a.as_str()),
            (Kind::PathIs, Kind::PathEnd) => a.ends_with(b.as_str()),
            (Kind::PathEnd, Kind::PathIs) => b.ends_with(a.as_str()),
            (Kind::PathIs, Kind::PathRegex) => fits(b, a),
            (Kind::PathRegex, Kind::PathIs) => fits(a, b),
            (Kind::PathStart, Kind::PathRegex) => may_start_with(b, a),
            (Kind::PathRegex, Kind::PathStart) => may_start_with(a, b),
            _ => true,
        })
    })
}

fn fits(regex: &str, path: &str) -> bool {
    Regex::new(regex).map_or(true, |regex| regex.matches(path.as_bytes()))
}

/// Whether what a regular expression fits may start so, as far as its own start is plain text.
fn may_start_with(regex: &str, start: &str) -> bool {
    let Some(rest) = regex.strip_prefix('^') else { return true };
    let plain = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || b"/_-".contains(byte)).count();
    // What follows may make the last character optional.
    let plain = &rest[..plain];
    let plain = if plain.len() == rest.len() { plain } else { &plain[..plain.len().saturating_sub(1)] };
    !rest.contains('|') && (plain.starts_with(start) || start.starts_with(plain)) || rest.contains('|')
}

/// Whether what fits `test` fits `other` as well.
fn implies(test: &Test, other: &Test) -> bool {
    if test == other {
        return true;
    }
    // Every path starts with a slash.
    if other.kind == Kind::PathStart && !other.is_negated && other.values.iter().any(|value| value == "/") {
        return true;
    }
    if test.is_negated || other.is_negated {
        return false;
    }
    test.values.iter().all(|a| {
        other.values.iter().any(|b| match (&test.kind, &other.kind) {
            (Kind::Host, Kind::HostBelow) => is_below(a, b),
            (Kind::HostBelow, Kind::HostBelow) => a == b || is_below(a, b),
            (Kind::PathIs | Kind::PathStart, Kind::PathStart) => {
                a.starts_with(b.as_str()) && !test.ignores_case && !other.ignores_case
            }
            (one, two) => one == two && a == b && test.ignores_case == other.ignores_case,
        })
    })
}
