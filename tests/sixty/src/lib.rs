//! What the sixty tests test: work on threads, in pools and in tasks, which logs.

use logscope::InContext as _;

/// Logs on this thread, on another one, in a pool, and in tasks. Each record names `whose` it is.
pub fn work(whose: &str) {
    let span = tracing::info_span!("work", whose);
    let _span = span.enter();
    tracing::info!("record of {whose} on its thread");
    let name = whose.to_owned();
    logscope::thread::spawn(move || tracing::debug!("record of {name} on another thread"))
        .join()
        .expect("it does not panic");
    logscope::rayon::join(
        || tracing::trace!("record of {whose} in a pool"),
        || tracing::trace!("record of {whose} in a pool, too"),
    );
}

/// Logs in tasks of the runtime that this runs in.
pub async fn tasks(whose: &str) {
    for number in 0..3 {
        let name = whose.to_owned();
        let task = async move {
            tracing::info!(number, "record of {name} in a task");
            tokio::task::yield_now().await;
            tracing::debug!(number, "record of {name} in a task, later");
        };
        tokio::spawn(task.in_current_context()).await.expect("it does not panic");
    }
}

/// Whether six of the tests are to fail.
pub fn fails() -> bool {
    std::env::var_os("LOGSCOPE_SIXTY_FAILS").is_some()
}
