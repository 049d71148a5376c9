//! The proof: each log, read back and compared with what the clients have asked for.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use logscope::sink::Ledger;
use serde_json::Value;

use crate::Result;
use crate::app::RECORDS;
use crate::load::{FIRST, LAST, ORDERS, RAISED, REQUESTS, SECOND};
use crate::logs::{Logs, TENANTS, Tenant};
use crate::paint::{Color, Paint};
use crate::table::{Align, Cell, Table};

/// What is wrong with a log, and what it holds.
#[derive(Default)]
struct Findings {
    files: usize,
    requests: usize,
    lines: usize,
    debug: usize,
    /// Records under another id than that of the request that logged them, or of another tenant.
    foreign: usize,
    /// Records too few or too many.
    wrong: usize,
    ledger_holds: bool,
}

impl Findings {
    fn holds(&self) -> bool {
        self.foreign == 0 && self.wrong == 0 && self.ledger_holds
    }
}

/// Prints the proof. True if it holds.
pub(crate) fn print(paint: Paint, logs: &Logs, ledger: &Ledger, took: Duration) -> Result<bool> {
    let mut table = Table::new([
        ("log", Align::Left),
        ("files", Align::Right),
        ("requests", Align::Right),
        ("records", Align::Right),
        ("at DEBUG", Align::Right),
        ("foreign", Align::Right),
        ("wrong", Align::Right),
        ("ledger", Align::Left),
        ("", Align::Left),
    ]);
    let mut found = Vec::new();
    for tenant in &logs.tenants {
        found.push((tenant.name, examine(logs, tenant)?));
    }
    found.push(("access log", examine_access(logs)?));
    for (name, found) in &found {
        table.row([
            Cell::new(*name),
            Cell::new(found.files.to_string()),
            Cell::new(found.requests.to_string()),
            Cell::new(found.lines.to_string()),
            Cell::new(found.debug.to_string()),
            Cell::faults(found.foreign as u64),
            Cell::faults(found.wrong as u64),
            Cell::new(if found.ledger_holds { "exact" } else { "wrong" }),
            Cell::verdict(found.holds()),
        ]);
    }
    println!("\n{}\n\n{}", paint.with(Color::BOLD, "The proof: each log, read back"), table.render(paint));
    println!("{}", paint.dim(format_args!("at the end of the process: {ledger}")));
    let holds = ledger.is_complete() && found.iter().all(|(_, found)| found.holds());
    let lines: usize = found.iter().map(|(_, found)| found.lines).sum();
    let verdict = if holds {
        let text = format!(
            "✓ Proved in {:.1} s: {lines} records of {REQUESTS} requests, each under its own id",
            took.as_secs_f64()
        );
        paint.with(Color::GREEN, text)
    } else {
        paint.with(Color::RED, "✗ Not proved: see the table")
    };
    println!("{verdict}\n");
    Ok(holds)
}

/// The records that each request of `tenant` should have, by its id: at INFO and above, and at DEBUG.
fn expected(tenant: &str) -> BTreeMap<String, (usize, usize)> {
    let mut expected = BTreeMap::new();
    for number in (0..ORDERS / 2).filter(|number| TENANTS[number % TENANTS.len()] == tenant) {
        expected.insert(format!("{FIRST}{number}"), (RECORDS.0, 0));
        expected.insert(format!("{SECOND}{number}"), (RECORDS.0, if tenant == "acme" { RECORDS.1 } else { 0 }));
    }
    match tenant {
        "acme" => expected.insert(LAST.to_owned(), (2, 0)),
        "globex" => expected.insert(RAISED.to_owned(), RECORDS),
        _ => None,
    };
    expected
}

fn examine(logs: &Logs, tenant: &Tenant) -> Result<Findings> {
    let mut found = Findings::default();
    let mut records: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for file in fs::read_dir(logs.folder.join(tenant.name))? {
        found.files += 1;
        for line in fs::read_to_string(file?.path())?.lines() {
            let record: Value = serde_json::from_str(line)?;
            let (fields, of_context) = (&record["fields"], &record["context"]["fields"]);
            found.lines += 1;
            let is_own = fields.get("said").is_none_or(|said| *said == of_context["request_id"]);
            found.foreign += usize::from(!is_own || of_context["tenant"] != tenant.name);
            let counts = records.entry(of_context["request_id"].as_str().unwrap_or_default().to_owned()).or_default();
            let is_debug = record["level"] == "DEBUG";
            *(if is_debug { &mut counts.1 } else { &mut counts.0 }) += 1;
            found.debug += usize::from(is_debug);
        }
    }
    found.requests = records.len();
    let expected = expected(tenant.name);
    let ids: std::collections::BTreeSet<_> = records.keys().chain(expected.keys()).collect();
    found.wrong = ids.into_iter().filter(|id| records.get(*id) != expected.get(*id)).count();
    found.ledger_holds = holds(&tenant.log.ledger(), found.lines);
    Ok(found)
}

fn examine_access(logs: &Logs) -> Result<Findings> {
    let text = fs::read_to_string(logs.folder.join(Path::new("access.log")))?;
    let mut ids: BTreeMap<&str, usize> = BTreeMap::new();
    let mut foreign = 0;
    for line in text.lines() {
        let id = line.split(' ').find_map(|part| part.split_once("request_id=").map(|(_, id)| id)).unwrap_or_default();
        *ids.entry(id).or_default() += 1;
        foreign += usize::from(!line.contains("request ended"));
    }
    let lines = text.lines().count();
    let wrong = REQUESTS.abs_diff(ids.len()) + ids.values().filter(|count| **count != 1).count();
    Ok(Findings {
        files: 1,
        requests: ids.len(),
        lines,
        foreign,
        wrong,
        ledger_holds: holds(&logs.access.ledger(), lines),
        ..Findings::default()
    })
}

/// True if a ledger counts what the log holds, and nothing else.
fn holds(ledger: &Ledger, lines: usize) -> bool {
    ledger.is_complete() && ledger.written == lines as u64
}
