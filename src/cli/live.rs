//! Rewrites the report now and then while a run goes on, so that an open page can be refreshed.

use std::path::Path;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use ip2p_sweep::store::Run;
use ip2p_sweep::views::report::write_report;

/// The least time between two writes.
const REST: Duration = Duration::from_secs(15);

/// Pauses last this many times as long as the last write, so that the report of thousands of cells does not take
/// processor time from what is being measured.
const RESTS: u32 = 50;

/// Writes the report during the run, until it is dropped.
///
/// Errors end it silently: writing the finished run's report meets them again and reports them.
pub struct LiveReport {
    /// Dropped before the thread is joined.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl LiveReport {
    /// Follows the run in this folder.
    pub fn of(folder: &Path) -> Self {
        let folder = folder.to_owned();
        let (stop, stopped) = mpsc::channel();
        Self {
            stop: Some(stop),
            // Without a thread the report is written only once, at the end.
            thread: thread::Builder::new()
                .name("report".to_owned())
                .spawn(move || write_again(&folder, &stopped))
                .ok(),
        }
    }
}

impl Drop for LiveReport {
    fn drop(&mut self) {
        drop(self.stop.take());
        // A thread that panicked has reported it, and the run does not depend on it.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn write_again(folder: &Path, stopped: &Receiver<()>) {
    loop {
        let begun = Instant::now();
        let written = Run::read(folder).is_ok_and(|run| write_report(&run.of_last_stage()).is_ok());
        let rest = REST.max(begun.elapsed() * RESTS);
        let is_over = stopped.recv_timeout(rest) != Err(RecvTimeoutError::Timeout);
        if !written || is_over {
            return;
        }
    }
}
