//! The routes, and the layer that gives each request its context.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderName, StatusCode};
use axum::routing::{get, put};
use logscope::http::{RequestId, RequestLayer};
use logscope::{InContext as _, LevelFilter};
use tokio::sync::Notify;

use crate::logs::Logs;
use crate::signals;

/// Who may raise the verbosity of a request. A real server asks whoever knows its users.
pub(crate) const OPERATOR: &str = "Bearer operator";

/// How many records each order has at INFO, and how many more at DEBUG. The last one is the layer's.
pub(crate) const RECORDS: (usize, usize) = (4, 2);

type Id = axum::Extension<RequestId>;

pub(crate) fn router(logs: &Arc<Logs>, stopping: &Arc<Notify>) -> Router {
    let of = Arc::clone(logs);
    let layer = RequestLayer::new(&logs.server)
        .make(move |parts, child| match of.tenant_of(parts.uri.path()) {
            Some(tenant) => child
                .field("tenant", tenant.name)
                .verbosity(tenant.dial())
                .sinks([tenant.log.clone(), of.access.clone()]),
            None => child,
        })
        .raise_by(HeaderName::from_static("x-log-level"), LevelFilter::DEBUG, |parts| {
            parts.headers.get("authorization").is_some_and(|given| given == OPERATOR)
        });
    Router::new()
        .route("/{tenant}/orders/{number}", get(order))
        .route("/{tenant}/last-order", get(last_order))
        .route("/verbosity/{tenant}", put(set_verbosity))
        .route("/contexts", get(contexts))
        .with_state((Arc::clone(logs), Arc::clone(stopping)))
        .layer(layer)
}

type Shared = State<(Arc<Logs>, Arc<Notify>)>;

/// An order: logged here, in a task, and on another thread. `said` is what the proof compares with the id in the context.
async fn order(Path((_, number)): Path<(String, u64)>, axum::Extension(id): Id) -> Result<String, StatusCode> {
    let said = id.as_str();
    tracing::info!(said, number, "looking for the order");
    tracing::debug!(said, "the cache has it not");
    let (of_task, of_thread) = (id.clone(), id.clone());
    let priced = tokio::spawn(
        async move {
            // The database is slow.
            tokio::time::sleep(Duration::from_millis(number % 5)).await;
            tracing::debug!(said = of_task.as_str(), "asked the database");
            tracing::info!(said = of_task.as_str(), "priced");
            number * 3
        }
        .in_current_context(),
    );
    let printed = tokio::task::spawn_blocking(logscope::bind_current(move || {
        tracing::info!(said = of_thread.as_str(), "printed");
    }));
    let (price, printed) = (priced.await, printed.await);
    price.map(|price| format!("order {number}: {price} credits\n")).and_then(|text| printed.map(|()| text)).map_err(
        |error| {
            tracing::error!(%error, "the order is lost");
            StatusCode::INTERNAL_SERVER_ERROR
        },
    )
}

/// The server is told to end while it answers this one.
async fn last_order(State((_, stopping)): Shared, axum::Extension(id): Id) -> Result<&'static str, StatusCode> {
    let told = stopping.notified();
    signals::send_to_this_process().map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    told.await;
    tracing::info!(said = id.as_str(), "answered although the server is ending");
    Ok("the last order\n")
}

/// Turns the dial of a tenant, whose requests under way take heed at once.
async fn set_verbosity(State((logs, _)): Shared, Path(tenant): Path<String>, body: String) -> (StatusCode, String) {
    let Some(tenant) = logs.tenant_of(&tenant) else { return (StatusCode::NOT_FOUND, "no such tenant\n".to_owned()) };
    match tenant.set_verbosity(body.trim()) {
        Ok(verbosity) => {
            tracing::info!(tenant = tenant.name, %verbosity, "the verbosity has changed");
            (StatusCode::OK, format!("{}: {verbosity}\n", tenant.name))
        }
        Err(problem) => (StatusCode::BAD_REQUEST, format!("{problem}\n")),
    }
}

/// The page of the contexts that are alive: no lock is held while it is written.
async fn contexts() -> String {
    let mut page = format!(
        "{:<10} {:>6} {:>6} {:>10} {:>7} {:>4}  request\n",
        "context", "id", "parent", "elapsed", "records", "lost"
    );
    for context in logscope::live() {
        let ledger = context.ledger();
        let parent = context.parent_id().map(|id| id.to_string()).unwrap_or_default();
        let elapsed = format!("{:.1} ms", context.elapsed().as_secs_f64() * 1e3);
        let (records, lost) = (ledger.accepted, ledger.dropped + ledger.failed);
        let field =
            |wanted: &str| context.fields().iter().find(|(name, _)| name == wanted).map(|(_, value)| value.to_string());
        let request = [field("method"), field("path")].into_iter().flatten().collect::<Vec<_>>().join(" ");
        // Writing to a `String` does not fail.
        let _ = writeln!(
            page,
            "{:<10} {:>6} {parent:>6} {elapsed:>10} {records:>7} {lost:>4}  {request}",
            context.name(),
            context.id()
        );
    }
    page
}
