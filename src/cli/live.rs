//! The report of a run that goes on: written again now and then, so that an open page can be refreshed.

use std::path::Path;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use ip2p_sweep::store::Run;
use ip2p_sweep::views::report::write_report;

/// Time between two writings.
const REST: Duration = Duration::from_secs(15);

/// Rests are this many times as long as what was written took: a report of thousands of cells must not
/// take the processor from what is measured.
const RESTS: u32 = 50;

/// Writes the report beside the run, until it is dropped.
///
/// Errors end it silently: whoever writes the report of the finished run meets them again and tells them.
pub struct LiveReport {
    /// Dropped before the thread is waited for.
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
            // Without a thread the report is written once, at the end.
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
        // A thread that panicked has said so itself, and the run does not depend on it.
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
