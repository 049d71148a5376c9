//! Imports run one way: between the modules of the crate, and between the files of each module.
//!
//! These tests read the sources, as a reviewer would. `cargo test --test import_order -- --ignored --nocapture print_the_graph` prints the imports, the circles, and an order
//! for each folder.

mod graph;
mod reader;
mod resolve;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use graph::{Graph, show};
use reader::Sources;
use resolve::Place;

/// The modules in the order in which they may import one another: modules of one rank do not import each other.
const ORDER: &[&[&str]] = &[
    &["sync"],
    &["error"],
    &["verbosity", "clock"],
    &["record"],
    &["format"],
    &["read", "sink"],
    &["context"],
    &["scope"],
    &["layer"],
    &["build"],
];

fn sources() -> Sources {
    fn collect(folder: &Path, prefix: &str, found: &mut Sources) {
        for entry in fs::read_dir(folder).expect("the folder is there") {
            let path = entry.expect("the folder can be read").path();
            let name =
                format!("{prefix}{}", path.file_name().and_then(|name| name.to_str()).expect("a name in Unicode"));
            if path.is_dir() {
                collect(&path, &format!("{name}/"), found);
            } else if name.ends_with(".rs") {
                found.insert(name, fs::read_to_string(&path).expect("the file can be read"));
            }
        }
    }
    let mut found = Sources::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "", &mut found);
    found
}

fn graph() -> Graph {
    Graph::read(&sources()).expect("the sources can be read")
}

#[test]
fn modules_import_one_way() {
    let graph = graph();
    let rank = |module: &String| ORDER.iter().position(|modules| modules.contains(&module.as_str()));
    for ((from, to), edges) in &graph.folders[""].edges {
        assert!(rank(to).expect(to) < rank(from).expect(from), "{}", graph.describe(&edges[0]));
    }
    assert!(graph.imports.unresolved.is_empty(), "{:?}", graph.imports.unresolved);
}

/// The paths that code names in `places`.
fn list(places: &[Place]) -> String {
    let names: BTreeSet<&str> = places.iter().map(|place| place.path.as_str()).collect();
    names.into_iter().collect::<Vec<_>>().join(", ")
}

#[test]
#[ignore = "a tool: it prints the graph"]
fn print_the_graph() {
    let graph = graph();
    println!("# Imports, file by file (^ = a module below or above, which no circle counts)\n");
    for (id, file) in graph.found.files.iter().enumerate() {
        println!("src/{}", file.path);
        for ((_, to), places) in graph.imports.edges.range((id, 0)..(id + 1, 0)) {
            let imported = &graph.found.files[*to];
            let is_kin = imported.module.starts_with(&file.module) || file.module.starts_with(&imported.module);
            let (mark, line) = (if is_kin { "^" } else { " " }, places[0].line);
            println!("  {mark} src/{} (line {line}: {})", imported.path, list(places));
        }
    }
    println!("\n# Circles\n");
    for circle in graph.circles(|_| false) {
        println!("{circle}");
    }
    println!("\n# Every import inside a circle\n");
    for (path, folder) in &graph.folders {
        for group in folder.groups().into_iter().filter(|group| group.len() > 1) {
            println!("{}: {}", show(path), group.join(", "));
            for ((from, to), edges) in
                folder.edges.iter().filter(|((from, to), _)| group.contains(from) && group.contains(to))
            {
                println!("  {from} → {to}");
                edges.iter().for_each(|edge| println!("      {}", graph.describe(edge)));
            }
        }
    }
    println!("\n# Modules that import from a module around them, which may import from them\n");
    for ((from, to), places) in &graph.imports.edges {
        let (importer, imported) = (&graph.found.files[*from], &graph.found.files[*to]);
        if importer.module.starts_with(&imported.module) && !imported.module.is_empty() {
            let back =
                graph.imports.edges.get(&(*to, *from)).map_or(String::new(), |back| format!("; back: {}", list(back)));
            println!("src/{} from src/{}: {}{back}", importer.path, imported.path, list(places));
        }
    }
    println!("\n# An order for each folder, each rank importing from those before it ({{…}} = a circle)\n");
    for (path, folder) in &graph.folders {
        let show_group = |group: &Vec<String>| match group.as_slice() {
            [one] => one.clone(),
            circle => format!("{{{}}}", circle.join(" ")),
        };
        let ranks: Vec<String> =
            folder.ranks().iter().map(|rank| rank.iter().map(show_group).collect::<Vec<_>>().join(", ")).collect();
        println!("{:12} {}", show(path), ranks.join(" → "));
    }
    println!("\n# Paths that lead nowhere\n");
    for path in &graph.imports.unresolved {
        println!("{path}");
    }
}
