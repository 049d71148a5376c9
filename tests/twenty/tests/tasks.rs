//! Tasks, on one worker and on several.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use logscope::testing::{self, Signal, free_port, tokio_clock, wait_until_async};
use logscope::{InContext as _, Level};
use tokio::net::TcpListener;
use twenty::{compile, heartbeats, serve};

const DEADLINE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_task_is_logged_to_its_test() {
    testing::capture_async(|log| async move {
        logscope::tokio::spawn(async { compile("abc") }).await.unwrap().unwrap();
        log.records().message("compiled").one();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tasks_on_several_workers_are_logged_to_their_test() {
    testing::capture_async(|log| async move {
        let tasks: Vec<_> =
            (0..20).map(|number| logscope::tokio::spawn(async move { compile(&"x".repeat(number)) })).collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        log.records().message("compiled").exactly(20);
    })
    .await;
}

/// The client is a thread, and the server a task.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_answers_on_a_port_of_this_test() {
    testing::capture_async(|log| async move {
        log.deny(Level::WARN);
        let port = free_port();
        let listener = TcpListener::bind(("127.0.0.1", port.number())).await.unwrap();
        let server = logscope::tokio::spawn(serve(listener));
        let number = port.number();
        let client = tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(("127.0.0.1", number)).unwrap();
            stream.write_all(b"int main;\n").unwrap();
            let mut answer = String::new();
            BufReader::new(stream).read_line(&mut answer).unwrap();
            answer
        });
        assert_eq!(client.await.unwrap(), "9\n");
        log.records().message("a client has gone").within(DEADLINE).arrived().await.one();
        server.abort();
    })
    .await;
}

#[tokio::test]
async fn a_task_and_a_thread_wait_for_the_same_signal() {
    let (ready, go) = (Signal::named("both wait"), Signal::named("go"));
    let task = tokio::spawn({
        let (ready, go) = (ready.clone(), go.clone());
        async move {
            ready.set();
            go.wait_async(DEADLINE).await
        }
    });
    let thread = std::thread::spawn({
        let (ready, go) = (ready.clone(), go.clone());
        move || {
            ready.set();
            go.wait(DEADLINE)
        }
    });
    ready.wait_for_async(2, DEADLINE).await.unwrap();
    go.set();
    task.await.unwrap().unwrap();
    wait_until_async(DEADLINE, || thread.is_finished()).await.unwrap();
    thread.join().unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn heartbeats_come_each_minute_of_paused_time() {
    let (send, mut beats) = tokio::sync::mpsc::channel(1);
    let heart = tokio::spawn(heartbeats(send));
    for minutes in 1..=120 {
        let beat = beats.recv().await.unwrap();
        assert_eq!(beat.as_secs(), minutes * 60);
    }
    drop(beats);
    heart.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_log_of_a_test_counts_paused_time() {
    testing::options()
        .clock(tokio_clock())
        .capture_async(|log| async move {
            let (send, mut beats) = tokio::sync::mpsc::channel(1);
            tokio::spawn(heartbeats(send).in_current_context());
            beats.recv().await.unwrap();
            let beat = log.records().message("beat").one();
            assert_eq!(beat.elapsed.unwrap().as_secs(), 60);
        })
        .await;
}
