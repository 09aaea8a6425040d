//! Circles among files: a group in which each file needs, over some way, each other one.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::allowed::IN_CIRCLES;
use super::modules::Dependency;
use super::repository;

/// Files that can't be understood without each other.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Circle {
    pub(crate) files: BTreeSet<String>,
    /// A shortest way around, as `a.rs:3 → b.rs:8 → a.rs`.
    pub(crate) way: String,
}

type Graph<'a> = BTreeMap<&'a str, BTreeMap<&'a str, usize>>;

pub(crate) fn circles(dependencies: &BTreeSet<Dependency>) -> Vec<Circle> {
    let mut graph = Graph::new();
    for dependency in dependencies {
        let line =
            graph.entry(&dependency.from).or_default().entry(&dependency.to).or_insert(dependency.line);
        *line = dependency.line.min(*line);
    }
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        graph.keys().map(|file| (*file, reachable(&graph, file))).collect();
    let mut found: Vec<Circle> = Vec::new();
    for (file, to) in &reached {
        if !to.contains(file) || found.iter().any(|circle| circle.files.contains(*file)) {
            continue;
        }
        let returns = |other: &&&str| reached.get(**other).is_some_and(|back| back.contains(file));
        let files: BTreeSet<String> = to.iter().filter(returns).map(|file| (*file).to_owned()).collect();
        let ways = files.iter().filter_map(|file| shortest(&graph, file));
        let way = ways.min_by_key(|way| way.matches('→').count()).unwrap_or_default();
        found.push(Circle { files, way });
    }
    found
}

fn reachable<'a>(graph: &Graph<'a>, from: &str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<&str> = graph.get(from).into_iter().flat_map(|to| to.keys().copied()).collect();
    while let Some(file) = next.pop() {
        if reached.insert(file) {
            next.extend(graph.get(file).into_iter().flat_map(|to| to.keys().copied()));
        }
    }
    reached
}

/// The shortest way from a file back to itself, with the line that each step stands in.
fn shortest(graph: &Graph<'_>, start: &str) -> Option<String> {
    let mut came_from: BTreeMap<&str, (&str, usize)> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(file) = queue.pop_front() {
        for (to, line) in graph.get(file).into_iter().flatten() {
            if *to == start {
                let mut way = vec![format!("{file}:{line}"), start.to_owned()];
                let mut at = file;
                while at != start {
                    let (before, line) = came_from[at];
                    way.insert(0, format!("{before}:{line}"));
                    at = before;
                }
                return Some(way.join(" → "));
            }
            if !came_from.contains_key(to) {
                came_from.insert(to, (file, *line));
                queue.push_back(to);
            }
        }
    }
    None
}

#[test]
fn no_files_need_each_other() {
    let circles = circles(&repository::dependencies().list);
    let is_allowed = |file: &String| IN_CIRCLES.contains(&file.as_str());
    let new: Vec<&Circle> = circles.iter().filter(|circle| !circle.files.iter().all(is_allowed)).collect();
    assert!(new.is_empty(), "files in circles, with the lines that close them: {new:#?}");
    let is_in_one = |file: &&&str| circles.iter().any(|circle| circle.files.contains(**file));
    let stale: Vec<_> = IN_CIRCLES.iter().filter(|file| !is_in_one(file)).collect();
    assert!(
        stale.is_empty(),
        "in no circle any more, remove them from tests/structure/allowed.rs: {stale:#?}"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(edges: &[(&str, usize, &str)]) -> Vec<(Vec<String>, String)> {
        let dependencies = edges
            .iter()
            .map(|(from, line, to)| Dependency { from: (*from).into(), to: (*to).into(), line: *line })
            .collect();
        circles(&dependencies)
            .into_iter()
            .map(|circle| (circle.files.into_iter().collect(), circle.way))
            .collect()
    }

    #[test]
    fn a_way_down_is_no_circle() {
        assert!(found(&[("a", 1, "b"), ("b", 1, "c"), ("a", 2, "c")]).is_empty());
    }

    #[test]
    fn a_circle_is_reported_with_its_lines() {
        let circles = found(&[
            ("a", 1, "b"),
            ("b", 2, "c"),
            ("c", 3, "a"),
            ("a", 9, "b"),
            ("x", 1, "a"),
            ("c", 4, "y"),
        ]);
        assert_eq!(circles, [(vec!["a".into(), "b".into(), "c".into()], "a:1 → b:2 → c:3 → a".into())]);
    }

    #[test]
    fn the_shortest_way_of_a_group_is_shown() {
        let circles = found(&[("a", 1, "b"), ("b", 2, "c"), ("c", 3, "a"), ("c", 4, "b")]);
        assert_eq!(circles.len(), 1);
        assert_eq!(circles[0].0.len(), 3);
        assert_eq!(circles[0].1, "b:2 → c:4 → b");
    }

    #[test]
    fn two_groups_are_two_circles() {
        assert_eq!(
            found(&[("a", 1, "b"), ("b", 1, "a"), ("b", 2, "c"), ("c", 1, "d"), ("d", 1, "c")]).len(),
            2
        );
    }
}
