//! Coding and writing beside the inference, on a thread that owns the run folder.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use image::RgbImage;

use super::{RunFolder, StoreError};
use crate::vocabulary::Record;

/// Cells that may wait to be written before the engine has to wait.
const WAITING: usize = 16;

/// A cell on its way to the disk.
struct Finished {
    record: Record,
    image: Option<Arc<RgbImage>>,
    /// What is still to be found out for the record.
    complete: Box<dyn FnOnce(&mut Record) + Send>,
}

/// Takes finished cells and writes them in the order in which they come.
#[derive(Debug)]
pub struct Writer {
    path: PathBuf,
    queue: SyncSender<Finished>,
    thread: JoinHandle<Result<RunFolder, StoreError>>,
}

impl Writer {
    /// Starts the thread. `saved` is called on it for each cell that is safely on disk, with the time of
    /// writing in the record.
    ///
    /// # Errors
    /// If the system gives no thread.
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

    /// Hands a cell over. Breaks if writing has failed: [`Writer::finish`] says why.
    pub fn submit(&self, record: Record, image: Option<Arc<RgbImage>>) -> ControlFlow<()> {
        self.submit_with(record, image, |_| ())
    }

    /// As [`Writer::submit`]; `complete` adds to the record on the writer's thread, beside the inference.
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

    /// Waits until all is written, and gives the folder back.
    ///
    /// # Errors
    /// The first thing that could not be written; the cells before it are recorded, those after it are not.
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
