//! The table of ranks, and the imports that break it.

use std::collections::BTreeMap;

use crate::graph::{Folder, Graph, show};

/// For each folder, its modules by rank.
pub(crate) type Table<'a> = [(&'a str, &'a str)];

/// Between two ranks of a folder.
pub(crate) const ARROW: &str = " → ";

/// A message for each import against the table, each module that has no place in it or several, and each place without a module.
pub(crate) fn faults(graph: &Graph, table: &Table<'_>) -> Vec<String> {
    let mut faults = Vec::new();
    for (nth, (folder, ranks)) in table.iter().enumerate() {
        if table[..nth].iter().any(|(before, _)| before == folder) {
            faults.push(format!("{folder}: it is in the table twice"));
        }
        let names: Vec<&str> = places_of(ranks).map(|(name, _)| name).collect();
        for (nth, name) in names.iter().enumerate() {
            if names[..nth].contains(name) {
                faults.push(format!("{folder}: {name} has two places in the table"));
            }
        }
        if !graph.folders.keys().any(|path| show(path) == *folder) {
            faults.push(format!("{folder}: it is in the table, but no module there has files below it"));
        }
    }
    for (path, folder) in &graph.folders {
        match table.iter().find(|(name, _)| *name == show(path)) {
            Some((_, ranks)) => faults.extend(faults_of(graph, path, folder, &places_of(ranks).collect())),
            None if folder.children.len() > 1 => {
                faults.push(format!("{}: its modules have no order in the table", show(path)));
            }
            None => {}
        }
    }
    faults
}

fn faults_of(graph: &Graph, path: &str, folder: &Folder, ranks: &BTreeMap<&str, usize>) -> Vec<String> {
    let place = show(path);
    let missing = folder.children.iter().filter(|child| !ranks.contains_key(child.as_str()));
    let unknown = ranks.keys().filter(|name| !folder.children.contains(**name));
    let mut faults: Vec<String> = missing
        .map(|child| format!("{place}: the module {child} has no place in the table"))
        .chain(unknown.map(|name| format!("{place}: {name} has a place in the table, but there is no such module")))
        .collect();
    for ((from, to), edges) in &folder.edges {
        let (Some(importer), Some(imported)) = (ranks.get(from.as_str()), ranks.get(to.as_str())) else { continue };
        if imported >= importer {
            let edges = edges.iter().map(|edge| format!("\n    {}", graph.describe(edge))).collect::<String>();
            faults.push(format!("{place}: {from} imports {to}, which does not stand before it in the table{edges}"));
        }
    }
    faults
}

/// Each module in a row such as `sync → error → clock, verbosity`, with its rank.
fn places_of(row: &str) -> impl Iterator<Item = (&str, usize)> {
    row.split(ARROW).enumerate().flat_map(|(rank, names)| names.split(", ").map(move |name| (name, rank)))
}
