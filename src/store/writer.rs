//! Encodes and writes images beside inference, on a thread that owns the run folder.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use image::RgbImage;

use super::{RunFolder, StoreError};
use crate::vocabulary::Record;

/// How many cells may wait to be written before the engine has to wait.
const WAITING: usize = 16;

/// A cell waiting to be written.
struct Finished {
    record: Record,
    image: Option<Arc<RgbImage>>,
    /// Completes the record with measures that are still missing.
    complete: Box<dyn FnOnce(&mut Record) + Send>,
}

/// Takes finished cells and writes them in the order they arrive.
#[derive(Debug)]
pub struct Writer {
    path: PathBuf,
    queue: SyncSender<Finished>,
    thread: JoinHandle<Result<RunFolder, StoreError>>,
}

impl Writer {
    /// Starts the thread. On that thread, `saved` is called for each cell that is safely on disk, with the time of
    /// writing in the record.
    ///
    /// # Errors
    /// If the operating system cannot start a thread.
    pub fn start(
        mut folder: RunFolder,
        mut saved: impl FnMut(&Record) + Send + 'static,
    ) -> Result<Self, StoreError> {
        let path = folder.run().folder.clone();
        let (queue, arrivals): (_, Receiver<Finished>) = sync_channel(WAITING);
        let write_all = move || {
            for Finished {
                mut record,
                image,
                complete,
            } in arrivals
            {
                complete(&mut record);
                saved(folder.record(record, image.as_deref())?);
            }
            Ok(folder)
        };
        let thread = thread::Builder::new()
            .name("writer".to_owned())
            .spawn(write_all)
            .map_err(|source| StoreError::NoThread { source })?;
        Ok(Self {
            path,
            queue,
            thread,
        })
    }

    /// Queues a cell. Returns `Break` if writing has failed; [`Writer::finish`] then returns the error.
    pub fn submit(&self, record: Record, image: Option<Arc<RgbImage>>) -> ControlFlow<()> {
        self.submit_with(record, image, |_| ())
    }

    /// Like [`Writer::submit`]; `complete` adds to the record on the writer's thread, beside inference.
    pub fn submit_with(
        &self,
        record: Record,
        image: Option<Arc<RgbImage>>,
        complete: impl FnOnce(&mut Record) + Send + 'static,
    ) -> ControlFlow<()> {
        let complete = Box::new(complete);
        match self.queue.send(Finished {
            record,
            image,
            complete,
        }) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }

    /// Waits until everything is written and returns the folder.
    ///
    /// # Errors
    /// The first write that failed; the cells before it are recorded, those after it are not.
    pub fn finish(self) -> Result<RunFolder, StoreError> {
        let Self {
            path,
            queue,
            thread,
        } = self;
        drop(queue);
        thread
            .join()
            .unwrap_or(Err(StoreError::WriterDied { folder: path }))
    }
}
