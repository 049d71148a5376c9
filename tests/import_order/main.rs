//! Imports run one way: between the rooms of the crate, and between the files of each room. The graph of the files is acyclic
//! but for a few parents and their own children, which are listed. Locks and threads come from one module. Files are short.
//!
//! A call of a method counts as an import of the file that defines the method. If several types have a method of that name, or
//! types of other crates have one, such a call is seen only where code names the type: in `Type::name` and `self.name()`.
//!
//! These tests read the sources, as a reviewer would. To see every import, every circle, and an order for each folder:
//! `cargo test --test import_order -- --ignored --nocapture print_the_graph`

mod graph;
mod order;
mod reader;
mod reader_tests;
mod resolve;
mod syntax;
mod walk;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use graph::{Graph, show};
use reader::{File, Sources};
use resolve::Place;

/// The modules of each folder by rank. A module imports only from modules left of it in the row, and not from those of its own
/// rank, which commas separate.
///
/// A module may import from the modules below it, and they from it: no row says anything about them.
const ORDER: &order::Table<'_> = &[
    (
        "src",
        "sync → limits → process → error → lock → clock, line_buffer, trace, verbosity → under_test, record → format → read → bytes → fallback → environment, output → registry → file \
         → queue → delivery → background → sink → context → scope → inherit, rayon, thread, tokio, unclaimed → layer, build, command → http, store \
         → testing → docs",
    ),
    (
        "src/background",
        "options, accounts, inside → fork_gate → queued → drain → pool → front → list → handle → direct → enqueue",
    ),
    ("src/background/pool", "plan, threads"),
    ("src/bytes", "line → batch, byte_writer → line_writer → standard_stream"),
    ("src/clock", "epoch, origin → reading → counter"),
    ("src/clock/counter", "tsc, rates → anchor"),
    (
        "src/command",
        "course, lines, exit → group → options → records → finished, prepare, reaper → recorder, live → running → pump, threads → wait, task",
    ),
    ("src/command/group", "unix, other"),
    ("src/command/task", "ready, receive"),
    ("src/command/wait", "poll, receive"),
    (
        "src/context",
        "handshake, live_list, span_events → inner → output_context → live, snapshot → ceiling, flush → builder → derive → default",
    ),
    (
        "src/delivery",
        "closing, ledger, missing, front, in_flight → own_calls, counters, notices → output_list → core → release → flush",
    ),
    ("src/delivery/in_flight", "waiters → epochs"),
    (
        "src/docs",
        "beside_fmt, build_tool, carry, child_processes, env_logger, fmt, forgotten, layout, server, slog, speed, tenants, test_suite",
    ),
    (
        "src/file",
        "os, rounds → keys, descriptors, folders, rescue → name → roll, old_files → unsynced → options, current → appender → open",
    ),
    ("src/file/appender", "location → roll"),
    ("src/file/name", "period, shown → safe, rolled"),
    ("src/file/os", "identity → streams → folder → closed, unix, other"),
    ("src/file/roll", "options, latest, retention → gzip → when"),
    (
        "src/format",
        "ansi, buffer, callsites, color, escape, local, number, reserved → quote, timestamp → times → options, names → plain → layout → choice → \
         setters, build, json, logfmt, pretty, raw, text → renderer → portable, scratch",
    ),
    ("src/format/build", "vocabulary → aligned"),
    ("src/format/json", "value, serialize → fields, fragments"),
    ("src/format/logfmt", "value → fragments"),
    ("src/format/layout", "look, pieces → writer → parts, columns → visit"),
    ("src/format/plain", "literal, name, value → braces, fields"),
    ("src/http", "request_id → running → body, raise → future, layer → service"),
    ("src/inherit", "pairs, trust, clock → offer → variable → command → take"),
    (
        "src/layer",
        "capped, ceiling, nesting, forwarded, log_fields → first_scope, emit, spans → opening, span_events, search, unclaimed → context_layer → \
         scoped_layer, log_bridge, panics → install",
    ),
    ("src/layer/install", "default, unclaimed"),
    (
        "src/lock",
        "carry, foreign, parker, stats, token, word → folders, line, log → gate → file_lock, publish, waiter → core, fetch → mutex, semaphore → owned_permit",
    ),
    (
        "src/lock/fetch",
        "digest, key, moment, offload, policy, transient → record, mirror → job → told → retry → blocking, task → builder",
    ),
    ("src/lock/publish", "os → temporary → target → folder"),
    ("src/lock/publish/os", "unix, other"),
    (
        "src/lock/file_lock",
        "at, identity, mode, text, timer → place, options, wake_up → record, lock_file → holder → errors, records → log → held → guard → acquisition → acquiring → before",
    ),
    (
        "src/output",
        "traits, guard → stream, writer, make_writer, memory, memory_records, channel, print, null → any, receiver_stream",
    ),
    ("src/process", "exit, fork_local, threads"),
    ("src/queue", "words, progress → ring → reader → schedule"),
    ("src/rayon", "par_iter, scope"),
    ("src/read", "time, unescape → cursor → plain → text, logfmt, json"),
    ("src/read/json", "deserialize → parse → lines"),
    (
        "src/record",
        "bound, line, log_fields, notice, style, value → kept_paths, render → thread, capture, field → buf, span → context, span_info",
    ),
    ("src/registry", "core → leaving, waits → instances"),
    ("src/scope", "bound, chain, hook, spans → current, thread → place → carry, follow → following, task, task_scope"),
    ("src/scope/chain", "ownership, base → node → readers → local → current, glance, closure, guard, task"),
    ("src/sink", "exit → view → channel, constructors, file, flush, options, make_writer, appender"),
    ("src/sink/exit", "fork, end → hooks"),
    ("src/limits", "counter, documents, leases, locks, testing"),
    ("src/store", "carried, redis_client → lease → document"),
    (
        "src/store/document",
        "header → version, errors → place, log → disk → cache → redis_cache, load → shared → bypass, instances → guard → store → options",
    ),
    (
        "src/store/lease",
        "bell, clock → backend → folder, memory, watch → server → options → errors, log → held → keeper → guard → acquisition → acquiring → public",
    ),
    ("src/store/lease/folder", "encoded, name → owners, steps → files"),
    (
        "src/testing",
        "harness, store, lines, told, seed_value → filter, removal → log_file → attempts → live → recording → open, failure, options → unclaimed, panics \
         → seed → resources, sync → query → arrival, init, end, child, normalize → log, stability, time → capture → case → isolated",
    ),
    ("src/testing/child", "limit, name → role → ended → running → before → options"),
    ("src/testing/resources", "folder → port, scratch, shared, worker"),
    ("src/testing/stability", "report, run → runner"),
    ("src/testing/sync", "backoff, counted → signal → together, turns, wait"),
    ("src/testing/normalize", "json, scan"),
    ("src/thread", "scope → builder"),
    ("src/tokio", "join_set, runtime"),
    ("src/unclaimed", "table, rules, report"),
    ("src/verbosity", "levels, decisions → flags, directives → parse, dial → combine"),
];

/// The files that import from a file below them which imports from them.
const PARENTS_AND_CHILDREN: &[(&str, &str)] = &[
    // The methods of one type, which call one another, are spread over these files.
    ("file/appender.rs", "file/appender/location.rs"),
    ("file/appender.rs", "file/appender/roll.rs"),
    ("layer/install.rs", "layer/install/default.rs"),
    ("layer/install.rs", "layer/install/unclaimed.rs"),
    // `os` defines the types, and calls the functions of the platform.
    ("file/os/mod.rs", "file/os/other.rs"),
    ("file/os/mod.rs", "file/os/unix.rs"),
    // What follows the fork generation is a part of what the library knows of its process.
    ("process.rs", "process/fork_local.rs"),
    // A layout writes to a writer, which asks the layout for its looks.
    ("format/layout/mod.rs", "format/layout/writer.rs"),
    // A record can be owned, and a verbosity be a dial: each has a conversion in the other.
    ("record/mod.rs", "record/buf.rs"),
    ("verbosity/mod.rs", "verbosity/dial.rs"),
    // What is turned is turned back.
    ("verbosity/dial.rs", "verbosity/dial/turned.rs"),
];

/// The module that imports the primitives of threads for all others.
const SYNC: &str = "sync.rs";
/// The files of its `model`.
const BELOW_SYNC: &str = "sync/";

/// What only [`SYNC`] may name.
const PRIMITIVES: &[&str] = &[
    "alloc::sync",
    "arc_swap",
    "core::sync",
    "lock_api",
    "loom",
    "once_cell",
    "parking_lot",
    "parking_lot_core",
    "std::sync",
    "std::thread",
];

/// The most lines that a file may have, so that a reader can take it in at one sitting.
const MOST_LINES: usize = 400;

fn sources() -> Sources {
    fn collect(folder: &Path, prefix: &str, found: &mut Sources) {
        for entry in fs::read_dir(folder).expect("the folder is there") {
            let path = entry.expect("the folder can be read").path();
            let name = path.file_name().and_then(|name| name.to_str()).expect("the name is Unicode");
            let name = format!("{prefix}{name}");
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

fn graph() -> &'static Graph {
    static GRAPH: OnceLock<Graph> = OnceLock::new();
    GRAPH.get_or_init(|| Graph::read(&sources()).expect("the sources can be read"))
}

/// Everything that breaks the order of imports.
fn faults_of_imports(graph: &Graph) -> Vec<String> {
    [graph.circles(), graph.circles_with_a_parent(PARENTS_AND_CHILDREN), order::faults(graph, ORDER)].concat()
}

#[track_caller]
fn assert_none(what: &str, faults: &[String]) {
    assert!(faults.is_empty(), "{what}:\n{}", faults.join("\n"));
}

#[test]
fn imports_run_one_way() {
    assert_none("imports against the order", &faults_of_imports(graph()));
}

#[test]
fn a_circle_put_into_the_sources_is_found() {
    let mut sources = sources();
    for (importer, import) in [
        ("clock.rs", "use crate::scope::update;"),
        ("record/thread.rs", "use crate::record::RecordBuf;"),
        ("verbosity/levels.rs", "use super::Verbosity;"),
        ("scope/hook.rs", "fn f() { crate::context::OutputContext::try_current(); }"),
        ("context/live_list.rs", "fn f(context: super::OutputContext) { context.to_builder(); }"),
        ("context/output_context.rs", "impl OutputContext { fn f(&self) { self.snapshot(); } }"),
    ] {
        sources.get_mut(importer).expect(importer).push_str(&format!("\n{import}\n"));
    }
    let faults = faults_of_imports(&Graph::read(&sources).expect("the sources can be read"));
    let found = |start: &str| faults.iter().any(|fault| fault.starts_with(start));
    assert!(
        found("src: a circle of imports among ") && faults.iter().any(|fault| fault.contains(" clock, context")),
        "{faults:#?}"
    );
    assert!(found("src: clock imports scope, which does not stand before it in the table"), "{faults:#?}");
    assert!(found("src/record: a circle of imports among buf, thread"), "{faults:#?}");
    assert!(found("src/verbosity/mod.rs imports src/verbosity/levels.rs, or a module that does, and"), "{faults:#?}");
    assert!(found("src/scope: hook imports current, which does not stand before it in the table"), "{faults:#?}");
    assert!(found("src/context: live_list imports derive, which does not stand before it in the table"), "{faults:#?}");
    assert!(
        found("src/context: output_context imports snapshot, which does not stand before it in the table"),
        "{faults:#?}"
    );
    assert!(found("src/record: thread imports buf, which does not stand before it in the table"), "{faults:#?}");
}

/// The other tests here cannot see an import that the reader overlooks.
#[test]
fn the_reader_understands_every_file() {
    let Graph { found, imports, .. } = graph();
    assert_none("paths that lead nowhere", &imports.unresolved);
    let read: BTreeSet<&str> = found.files.iter().map(|file| file.path.as_str()).collect();
    let overlooked: Vec<String> = sources()
        .into_keys()
        .filter(|path| !read.contains(path.as_str()) && !found.test_files.contains(path))
        .collect();
    assert_none("files that no module declares", &overlooked);
}

#[test]
fn locks_and_threads_are_imported_in_one_file() {
    let Graph { found, imports, .. } = graph();
    let faults: Vec<String> = imports
        .external
        .iter()
        .map(|(file, place)| (&found.files[*file].path, place))
        .filter(|(path, place)| *path != SYNC && !path.starts_with(BELOW_SYNC) && is_primitive(&place.path))
        .map(|(path, place)| format!("src/{path}:{}: {}", place.line, place.path))
        .collect();
    assert_none("locks, atomics and threads that do not come through crate::sync", &faults);
    assert!(imports.external.iter().any(|(file, place)| found.files[*file].path == SYNC && is_primitive(&place.path)));
}

fn is_primitive(path: &str) -> bool {
    let is_below = |name: &str| path.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"));
    PRIMITIVES.iter().any(|name| is_below(name))
}

#[test]
fn loom_replaces_only_what_stands_in_sync_model() {
    let Graph { found, .. } = graph();
    let in_sync = |module: usize| found.files[found.modules[module].file].path == SYNC;
    let in_model = |module: usize| found.modules[module].path.starts_with(&["sync".to_owned(), "model".to_owned()]);
    let faults: Vec<String> = found
        .loom_cfgs
        .iter()
        .filter(|(module, _)| in_sync(*module) && !in_model(*module))
        .map(|(_, line)| format!("src/{SYNC}:{line}"))
        .collect();
    assert_none("items outside sync::model that depend on loom", &faults);
    assert!(found.loom_cfgs.iter().any(|(module, _)| in_model(*module)));
}

#[test]
fn files_are_short() {
    let Graph { found, .. } = graph();
    let mut faults = Vec::new();
    for (path, text) in sources() {
        let lines = text.lines().count();
        if lines > MOST_LINES {
            faults.push(format!("src/{path}: {lines} lines, which are more than {MOST_LINES}"));
        }
    }
    for File { path, lines, test_lines, .. } in &found.files {
        let code = lines - test_lines;
        if *test_lines > code {
            faults.push(format!(
                "src/{path}: {test_lines} lines of tests beside {code} of code: move them to a file of their own"
            ));
        }
    }
    assert_none("files that should be split", &faults);
}

#[test]
#[ignore = "a tool that prints the graph"]
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
    for circle in graph.circles() {
        println!("{circle}");
    }
    println!("\n# Every import inside a circle\n");
    for (path, folder) in &graph.folders {
        for group in folder.groups().into_iter().filter(|group| group.len() > 1) {
            println!("{}: {}", show(path), group.join(", "));
            let is_inside = |(from, to): &(String, String)| group.contains(from) && group.contains(to);
            for ((from, to), edges) in folder.edges.iter().filter(|(step, _)| is_inside(step)) {
                println!("  {from} → {to}");
                edges.iter().for_each(|edge| println!("      {}", graph.describe(edge)));
            }
        }
    }
    println!("\n# Modules that import from a module around them, which may import from them\n");
    for ((from, to), places) in &graph.imports.edges {
        let (importer, imported) = (&graph.found.files[*from], &graph.found.files[*to]);
        if importer.module.starts_with(&imported.module) && !imported.module.is_empty() {
            let back = graph.imports.edges.get(&(*to, *from));
            let back = back.map_or(String::new(), |back| format!("; back: {}", list(back)));
            println!("src/{} from src/{}: {}{back}", importer.path, imported.path, list(places));
        }
    }
    println!("\n# An order for each folder, as a row of the table (a group in braces is a circle)\n");
    for (path, folder) in graph.folders.iter().filter(|(_, folder)| folder.children.len() > 1) {
        let show_group = |group: &Vec<String>| match group.as_slice() {
            [one] => one.clone(),
            circle => format!("{{{}}}", circle.join(", ")),
        };
        let ranks = folder.ranks();
        let ranks: Vec<String> =
            ranks.iter().map(|rank| rank.iter().map(show_group).collect::<Vec<_>>().join(", ")).collect();
        println!("    (\"{}\", \"{}\"),", show(path), ranks.join(order::ARROW));
    }
    println!("\n# Paths that lead nowhere\n");
    for path in &graph.imports.unresolved {
        println!("{path}");
    }
}

/// The paths that code names in `places`.
fn list(places: &[Place]) -> String {
    let names: BTreeSet<&str> = places.iter().map(|place| place.path.as_str()).collect();
    names.into_iter().collect::<Vec<_>>().join(", ")
}
