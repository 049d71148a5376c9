//! The clients: another process, which asks many things at once.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::Result;
use crate::app::OPERATOR;
use crate::logs::TENANTS;

/// How many orders are asked for, half of them before a tenant's verbosity is turned.
pub(crate) const ORDERS: usize = 600;

/// The orders, the one that is raised by a header, and the last one; the change of a verbosity, and the page of contexts.
pub(crate) const REQUESTS: usize = ORDERS + 4;

/// How many clients ask at the same time, each over a connection of its own.
pub(crate) const AT_ONCE: usize = 50;

/// How long all may take.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// How many lines of the page of contexts are shown.
const SHOWN: usize = 9;

/// The ids of orders of the two halves, and of the others.
pub(crate) const FIRST: &str = "first-";
pub(crate) const SECOND: &str = "second-";
pub(crate) const RAISED: &str = "raised";
pub(crate) const LAST: &str = "last";

/// Asks all. Every answer must be the right one, with its own id.
pub(crate) async fn run(address: SocketAddr) -> Result<()> {
    tokio::time::timeout(DEADLINE, ask_all(address)).await.map_err(|_| "the answers take too long")?
}

async fn ask_all(address: SocketAddr) -> Result<()> {
    let mut client = Client::connect(address).await?;
    half(address, FIRST, &mut client).await?;
    client.ask(Request::put("/verbosity/acme"), "turn", "debug").await?;
    let raised = Request::get("/globex/orders/1").header("x-log-level", "trace").header("authorization", OPERATOR);
    client.ask(raised, RAISED, "").await?;
    let page = half(address, SECOND, &mut client).await?;
    show(&page);
    client.ask(Request::get("/acme/last-order"), LAST, "").await?;
    Ok(())
}

/// Asks for half of the orders, in the middle of the second half for the contexts too.
async fn half(address: SocketAddr, ids: &'static str, client: &mut Client) -> Result<String> {
    let clients: Vec<_> = (0..AT_ONCE).map(|first| tokio::spawn(orders(address, ids, first))).collect();
    let page = if ids == SECOND { client.ask(Request::get("/contexts"), "page", "").await? } else { String::new() };
    for client in clients {
        client.await??;
    }
    Ok(page)
}

async fn orders(address: SocketAddr, ids: &'static str, first: usize) -> Result<()> {
    let mut client = Client::connect(address).await?;
    for number in (first..ORDERS / 2).step_by(AT_ONCE) {
        let tenant = TENANTS[number % TENANTS.len()];
        let request = Request::get(format!("/{tenant}/orders/{number}"));
        let answer = client.ask(request, &format!("{ids}{number}"), "").await?;
        if answer != format!("order {number}: {} credits\n", number * 3) {
            return Err(format!("a wrong answer for order {number}: {answer}").into());
        }
    }
    Ok(())
}

/// Prints the beginning of the page of contexts.
fn show(page: &str) {
    println!("The page of live contexts, in the middle of it\n");
    let mut lines = page.lines();
    for line in lines.by_ref().take(SHOWN) {
        println!("{line}");
    }
    println!("… and {} more", lines.count());
}

/// A connection.
struct Client(SendRequest<Full<Bytes>>);

impl Client {
    async fn connect(address: SocketAddr) -> Result<Client> {
        let (sender, connection) = handshake(TokioIo::new(TcpStream::connect(address).await?)).await?;
        // It ends with its client; an error is that of the request.
        tokio::spawn(async { drop(connection.await) });
        Ok(Client(sender))
    }

    async fn ask(&mut self, request: http::request::Builder, id: &str, body: &'static str) -> Result<String> {
        let request = request.header("host", "localhost").header("x-request-id", id).body(Full::from(body))?;
        self.0.ready().await?;
        let response: Response<Incoming> = self.0.send_request(request).await?;
        let (status, answered) = (response.status(), response.headers().get("x-request-id").cloned());
        let answer = String::from_utf8(response.into_body().collect().await?.to_bytes().into())?;
        if !status.is_success() || answered.is_none_or(|answered| answered != id) {
            return Err(format!("request {id}: {status}: {answer}").into());
        }
        Ok(answer)
    }
}
