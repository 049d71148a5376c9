//! The table of ranks, and the imports that break it.

use std::collections::BTreeMap;

use crate::graph::{Folder, Graph, show};

/// For each folder, its modules by rank.
pub(crate) type Table<'a> = [(&'a str, &'a str)];

/// Between two ranks of a folder.
pub(crate) const ARROW: &str = " → ";

/// A message for each import against the table, each module without a place in it, and each place without a module.
pub(crate) fn faults(graph: &Graph, table: &Table<'_>) -> Vec<String> {
    let mut faults = Vec::new();
    for (folder, _) in table {
        if !graph.folders.keys().any(|path| show(path) == *folder) {
            faults.push(format!("{folder}: it is in the table, but no module there has files below it"));
        }
    }
    for (path, folder) in &graph.folders {
        match table.iter().find(|(name, _)| *name == show(path)) {
            Some((_, ranks)) => faults.extend(faults_of(graph, path, folder, &ranks_of(ranks))),
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

/// The rank of each module in a row such as `sync → error → clock, verbosity`.
fn ranks_of(row: &str) -> BTreeMap<&str, usize> {
    let ranks = row.split(ARROW).enumerate();
    ranks.flat_map(|(rank, names)| names.split(", ").map(move |name| (name, rank))).collect()
}
