//! The import graph of files, the circles in it, and the order of the modules of each folder.
//!
//! A module with children is a *folder* here, wherever its own file stands. Imports between a module and those below it are
//! looked at on their own. Every other import joins two children of one folder: the nearest folder around both files. If the
//! children of each folder have no circle, then neither have the files, but for circles through a module and those below it,
//! and no two folders import each other.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::reader::{Crate, File, FileId, Sources};
use crate::resolve::{Imports, Place};

/// The imports between the children of one folder.
#[derive(Debug, Default)]
pub(crate) struct Folder {
    pub(crate) children: BTreeSet<String>,
    /// For each child that imports another, the files and places.
    pub(crate) edges: BTreeMap<(String, String), Vec<Edge>>,
}

/// An import of one file by another.
#[derive(Clone, Debug)]
pub(crate) struct Edge {
    pub(crate) from: FileId,
    pub(crate) to: FileId,
    pub(crate) places: Vec<Place>,
}

pub(crate) struct Graph {
    pub(crate) found: Crate,
    pub(crate) imports: Imports,
    /// The folders by path, such as `sink/file`. The root of the crate has an empty path.
    pub(crate) folders: BTreeMap<String, Folder>,
}

impl Graph {
    pub(crate) fn read(sources: &Sources) -> Result<Graph, String> {
        let found = Crate::read(sources)?;
        let imports = Imports::of(&found);
        let mut folders: BTreeMap<String, Folder> = BTreeMap::new();
        for File { module, .. } in &found.files {
            if let Some((name, folder)) = module.split_last() {
                folders.entry(folder.join("/")).or_default().children.insert(name.clone());
            }
        }
        for (&(from, to), places) in &imports.edges {
            let (importer, imported) = (&found.files[from].module, &found.files[to].module);
            let common = importer.iter().zip(imported).take_while(|(a, b)| a == b).count();
            if let (Some(a), Some(b)) = (importer.get(common), imported.get(common)) {
                let folder = folders.entry(importer[..common].join("/")).or_default();
                let edge = Edge { from, to, places: places.clone() };
                folder.edges.entry((a.clone(), b.clone())).or_default().push(edge);
            }
        }
        Ok(Graph { found, imports, folders })
    }

    /// A message for each group of modules that import one another, with a circle through each of the shortest kind.
    pub(crate) fn circles(&self) -> Vec<String> {
        let mut messages = Vec::new();
        for (path, folder) in &self.folders {
            for group in folder.groups().into_iter().filter(|group| group.len() > 1) {
                let mut message = format!("{}: a circle of imports among {}", show(path), group.join(", "));
                for step in folder.shortest_circle(&group) {
                    let _ = write!(message, "\n    {}", self.describe(&folder.edges[&step][0]));
                }
                messages.push(message);
            }
        }
        messages
    }

    /// A message for each circle through a module and a module below it, and for each pair in `allowed` that has no circle. The
    /// root of the crate is left out: it re-exports from every module.
    pub(crate) fn circles_with_a_parent(&self, allowed: &[(&str, &str)]) -> Vec<String> {
        let mut messages = Vec::new();
        let mut unused = allowed.to_vec();
        for (id, parent) in self.found.files.iter().enumerate().filter(|(_, file)| !file.module.is_empty()) {
            let is_below = |file: FileId| {
                let module = &self.found.files[file].module;
                module.len() > parent.module.len() && module.starts_with(&parent.module)
            };
            let mut reached = BTreeSet::new();
            let mut next = vec![id];
            while let Some(file) = next.pop() {
                let imported = self.imports.edges.range((file, 0)..(file + 1, 0)).map(|((_, to), _)| *to);
                next.extend(imported.filter(|to| is_below(*to) && reached.insert(*to)));
            }
            for child in reached {
                let Some(places) = self.imports.edges.get(&(child, id)) else { continue };
                let pair = (parent.path.as_str(), self.found.files[child].path.as_str());
                unused.retain(|allowed| *allowed != pair);
                if !allowed.contains(&pair) {
                    let edge = Edge { from: child, to: id, places: places.clone() };
                    messages.push(format!(
                        "src/{} imports src/{}, or a module that does, and\n    {}",
                        pair.0,
                        pair.1,
                        self.describe(&edge)
                    ));
                }
            }
        }
        messages.extend(unused.iter().map(|(parent, child)| format!("src/{parent} and src/{child} are no circle")));
        messages
    }

    /// `src/a.rs:3 names crate::b::Thing (src/b.rs)`
    pub(crate) fn describe(&self, edge: &Edge) -> String {
        let (from, to) = (&self.found.files[edge.from].path, &self.found.files[edge.to].path);
        let Place { line, path } = &edge.places[0];
        format!("src/{from}:{line} names {path} (src/{to})")
    }
}

impl Folder {
    /// The children in groups, each of which imports only from groups before it. A group of several children is a circle.
    pub(crate) fn groups(&self) -> Vec<Vec<String>> {
        let reachable: BTreeMap<&String, BTreeSet<&String>> =
            self.children.iter().map(|child| (child, self.reachable(child))).collect();
        let mut groups: Vec<Vec<String>> = Vec::new();
        let mut left: BTreeSet<&String> = self.children.iter().collect();
        while let Some(next) = left.iter().copied().find(|child| {
            reachable[child].iter().all(|other| !left.contains(other) || reachable[other].contains(child))
        }) {
            let group: Vec<String> = left
                .iter()
                .filter(|other| {
                    **other == next || (reachable[next].contains(*other) && reachable[*other].contains(next))
                })
                .map(|other| (*other).clone())
                .collect();
            left.retain(|child| !group.contains(child));
            groups.push(group);
        }
        groups
    }

    /// The groups as ranks: a rank has the groups that import only from lower ranks.
    pub(crate) fn ranks(&self) -> Vec<Vec<Vec<String>>> {
        let mut ranks: Vec<Vec<Vec<String>>> = Vec::new();
        let mut rank_of: BTreeMap<String, usize> = BTreeMap::new();
        for group in self.groups() {
            let imported =
                self.edges.keys().filter(|(from, _)| group.contains(from)).filter_map(|(_, to)| rank_of.get(to));
            let rank = imported.max().map_or(0, |rank| rank + 1);
            rank_of.extend(group.iter().map(|child| (child.clone(), rank)));
            ranks.resize_with(ranks.len().max(rank + 1), Vec::new);
            ranks[rank].push(group);
        }
        ranks
    }

    fn imported(&self, child: &String) -> impl Iterator<Item = &String> {
        self.edges.keys().filter(move |(from, _)| from == child).map(|(_, to)| to)
    }

    fn reachable(&self, child: &String) -> BTreeSet<&String> {
        let mut found = BTreeSet::new();
        let mut next: Vec<&String> = self.imported(child).collect();
        while let Some(child) = next.pop() {
            if found.insert(child) {
                next.extend(self.imported(child));
            }
        }
        found
    }

    /// The imports of the shortest circle in `group`.
    fn shortest_circle(&self, group: &[String]) -> Vec<(String, String)> {
        let circles = group.iter().filter_map(|start| {
            let mut paths = vec![vec![start]];
            let mut seen = BTreeSet::new();
            loop {
                let mut longer = Vec::new();
                for path in &paths {
                    for next in self.imported(path[path.len() - 1]) {
                        let path = [path.as_slice(), &[next]].concat();
                        if next == start {
                            return Some(path);
                        }
                        if seen.insert(next) {
                            longer.push(path);
                        }
                    }
                }
                if longer.is_empty() {
                    return None;
                }
                paths = longer;
            }
        });
        let shortest = circles.min_by_key(Vec::len).unwrap_or_default();
        shortest.windows(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect()
    }
}

/// The folder as messages name it.
pub(crate) fn show(folder: &str) -> String {
    if folder.is_empty() { "src".to_owned() } else { format!("src/{folder}") }
}
