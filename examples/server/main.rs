//! A server with a log for each tenant, under a load from another process, which proves from the logs that nothing was mixed up.
//!
//! `cargo run --example server --features http` serves on a port of its own, starts itself again as the clients, and takes hundreds of
//! requests of three tenants at once. Each request has its own output context: its tenant's log and verbosity, its id, its clock. All code
//! below logs through plain `tracing` events: in handlers, in tasks and on other threads. Meanwhile the clients raise one request by a header,
//! turn a tenant's verbosity by a route, and read the page of live contexts; SIGTERM comes while a request is under way.
//!
//! At the end every log is read back: each record under its own request id, none missing, none elsewhere, an exact ledger. The proof is
//! printed as a table, and the exit code is 1 if anything is wrong.
//!
//! `--serve` serves until Ctrl-C or SIGTERM, without clients and proof, and says what to try.
//!
//! Where to read on: [`logs`] has the sinks, [`app`] the layer and the handlers, [`load`] the clients, [`proof`] checks.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this program talks to the person who runs it")]

mod app;
mod load;
mod logs;
#[path = "../concurrent_builds/paint.rs"]
#[allow(dead_code, reason = "the other example has more colours")]
mod paint;
mod proof;
mod signals;
#[path = "../concurrent_builds/table.rs"]
mod table;

use std::net::SocketAddr;
use std::process::{ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use logs::Logs;
use paint::{Color, Paint};
use tokio::net::TcpListener;

type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

/// What this process is.
enum Role {
    /// The server, with clients and a proof.
    Proof,
    /// The server alone.
    Serve,
    /// The clients, for the server at this address.
    Load(SocketAddr),
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let role = match (arguments.next().as_deref(), arguments.next()) {
        (None, _) => Role::Proof,
        (Some("--serve"), None) => Role::Serve,
        (Some("--load"), Some(address))
            if address.parse::<SocketAddr>().is_ok_and(|address| address.ip().is_loopback()) =>
        {
            Role::Load(address.parse().unwrap_or_else(|_| unreachable!("it was parsed above")))
        }
        _ => {
            eprintln!("Usage: cargo run --example server --features http [-- --serve]");
            return ExitCode::from(2);
        }
    };
    match run(role) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("server: {problem}");
            ExitCode::from(2)
        }
    }
}

/// True if all went as it should.
fn run(role: Role) -> Result<bool> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build()?;
    if let Role::Load(address) = role {
        return runtime.block_on(load::run(address)).map(|()| true);
    }
    let folder = tempfile::tempdir()?;
    let logs = Arc::new(Logs::open(folder.path())?);
    let paint = Paint::of_stdout();
    let began = Instant::now();
    let clients = runtime.block_on(serve(&logs, matches!(role, Role::Proof), paint))?;
    // The connections are drained. What is queued is written now, and from here on each record in the call that logs it.
    drop(runtime);
    let ledger = logscope::shutdown(Duration::from_secs(5));
    match role {
        Role::Proof => Ok(proof::print(paint, &logs, &ledger, began.elapsed())? && clients),
        _ => {
            println!("drained: {ledger}");
            Ok(ledger.is_complete())
        }
    }
}

/// Serves until a signal comes, and until every request that is then under way is answered. True if the clients are content.
async fn serve(logs: &Arc<Logs>, with_clients: bool, paint: Paint) -> Result<bool> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let stopping = Arc::new(tokio::sync::Notify::new());
    let app = app::router(logs, &stopping);
    let until = signals::until_told(Arc::clone(&stopping));
    let server = tokio::spawn(axum::serve(listener, app).with_graceful_shutdown(until).into_future());
    if !with_clients {
        println!("Serving on http://{address}: the logs are in {}\n", logs.folder.display());
        println!("  curl http://{address}/acme/orders/7");
        println!("  curl http://{address}/acme/orders/7 -H 'x-log-level: debug' -H 'authorization: {}'", app::OPERATOR);
        println!("  curl http://{address}/verbosity/acme -X PUT -d debug");
        println!("  curl http://{address}/contexts\n\nCtrl-C ends it.");
        server.await??;
        return Ok(true);
    }
    let (requests, at_once) = (load::REQUESTS, load::AT_ONCE);
    let what = paint.with(Color::BOLD, format_args!("{requests} requests from another process, {at_once} at once"));
    println!("\n{what}: each with its own context,\nin the queued and rolling log of its tenant\n");
    let mut clients = tokio::process::Command::new(std::env::current_exe()?);
    let mut clients = clients.arg("--load").arg(address.to_string()).stdin(Stdio::null()).kill_on_drop(true).spawn()?;
    let status =
        tokio::time::timeout(load::DEADLINE, clients.wait()).await.map_err(|_| "the clients take too long")??;
    if !status.success() {
        // They have not told the server to end.
        return Err(format!("the clients have failed: {status}").into());
    }
    tokio::time::timeout(load::DEADLINE, server).await.map_err(|_| "the server does not end")???;
    Ok(true)
}
