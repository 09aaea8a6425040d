//! `location`: which requests it is for.

use super::super::matching::{Kind, Test};
use super::super::value;
use super::scope::Scope;
use super::tree::Directive;

/// How a location compares paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Exact,
    Prefix,
    /// A prefix that keeps regular expressions out: `^~`.
    FirmPrefix,
    Regex,
    Named,
}

/// A location with the blocks around it.
#[derive(Debug, Clone)]
pub(super) struct Location<'a> {
    pub(super) directive: &'a Directive,
    pub(super) shape: Shape,
    pub(super) path: String,
    pub(super) ignores_case: bool,
    pub(super) scope: Scope<'a>,
    pub(super) nested: Vec<Self>,
}

/// The locations of a block, each with those within it.
pub(super) fn collect<'a>(scope: &Scope<'a>) -> Vec<Location<'a>> {
    scope.own("location").map(|directive| read(scope, directive)).collect()
}

fn read<'a>(scope: &Scope<'a>, directive: &'a Directive) -> Location<'a> {
    let (shape, path, ignores_case) = match (directive.arg(0), directive.args.len()) {
        ("=", 2) => (Shape::Exact, directive.arg(1), false),
        ("^~", 2) => (Shape::FirmPrefix, directive.arg(1), false),
        ("~", 2) => (Shape::Regex, directive.arg(1), false),
        ("~*", 2) => (Shape::Regex, directive.arg(1), true),
        (one, _) => match one.as_bytes() {
            [b'=', ..] => (Shape::Exact, &one[1..], false),
            [b'^', b'~', ..] => (Shape::FirmPrefix, &one[2..], false),
            [b'~', b'*', ..] => (Shape::Regex, &one[2..], true),
            [b'~', ..] => (Shape::Regex, &one[1..], false),
            [b'@', ..] => (Shape::Named, one, false),
            _ => (Shape::Prefix, one, false),
        },
    };
    let inner = scope.inside(directive);
    let nested = collect(&inner);
    Location { directive, shape, path: path.to_owned(), ignores_case, scope: inner, nested }
}

impl Location<'_> {
    /// What a route has to ask; none for what no request asks for.
    pub(super) fn test(&self) -> Option<Test> {
        let path = value::escaped_path(&self.path);
        let path = if path.starts_with('/') { path } else { format!("/{path}") };
        match self.shape {
            Shape::Exact => Some(Test::one(Kind::PathIs, path)),
            Shape::Prefix | Shape::FirmPrefix => Some(Test::one(Kind::PathStart, path)),
            Shape::Regex => {
                let mut test = Test::one(Kind::PathRegex, self.path.clone());
                test.ignores_case = self.ignores_case;
                Some(test)
            }
            Shape::Named => None,
        }
    }
}
