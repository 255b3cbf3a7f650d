//! Deals with systems that grant few threads or none: makes the thread pool, or returns an error.

use std::io;
use std::num::NonZero;
use std::sync::mpsc::channel;
use std::thread::{self, Builder};

use rayon::ThreadPoolBuilder;

use super::render;

/// Threads besides the pool's: the writer, the meter, the live report, the Ctrl-C handler.
const OTHERS: usize = 4;

/// Makes the thread pool of this process. Otherwise rayon would make it when first needed, and panic on failure.
///
/// # Errors
/// If no thread can be started.
pub fn make_pool() -> io::Result<()> {
    let wanted = thread::available_parallelism().map_or(1, NonZero::get);
    let available_threads = available_threads(wanted + OTHERS)?;
    let threads = available_threads.saturating_sub(OTHERS).clamp(1, wanted);
    let pool = ThreadPoolBuilder::new().num_threads(threads);
    pool.build_global().map_err(io::Error::other)
}

/// Whether one more thread can be started; ask before calling something that would panic.
pub fn can_start_thread() -> bool {
    available_threads(1).is_ok()
}

/// Reports why there are no threads.
pub fn report_no_threads(error: &io::Error) {
    render::complain(
        &format!("the operating system cannot start a thread: {error}"),
        "raise the limit of processes and threads (`ulimit -u`, the container's pids limit), or that of memory",
    );
}

/// How many threads, at most `wanted`, can exist at once; an error if none can.
fn available_threads(wanted: usize) -> io::Result<usize> {
    let mut ends = Vec::new();
    let mut threads = Vec::new();
    for _ in 0..wanted {
        let (end, ended) = channel::<()>();
        match Builder::new().spawn(move || ended.recv().is_ok()) {
            Ok(thread) => threads.push(thread),
            Err(error) if threads.is_empty() => return Err(error),
            Err(_) => break,
        }
        ends.push(end);
    }
    drop(ends);
    let available_threads = threads.len();
    // These threads do nothing, so they cannot panic.
    threads.into_iter().for_each(|thread| drop(thread.join()));
    Ok(available_threads)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_granted_where_nothing_forbids_them() {
        assert_eq!(available_threads(3).unwrap(), 3);
    }
}
