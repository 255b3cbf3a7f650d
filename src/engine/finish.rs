//! The last phase: latents on the shelf are decoded into images, and cells are emitted with their records.

use std::sync::Arc;
use std::time::Instant;

use image::RgbImage;

use super::tiles::decode;
use super::{Component, Denoised, Denoiser, Engine, Event, Halt, Outcome, Phase, Task, are_finite};
use crate::image::{mean_absolute_change, to_image};
use crate::meter::milliseconds;
use crate::vocabulary::{Record, StageTimes, Status};

impl<'a, D: Denoiser> Engine<'a, '_, D> {
    /// Decodes the latents on the shelf and emits each image for its cell and for the cells that copy it.
    pub(super) fn finish(&mut self, tasks: &[Task<'a>]) -> Outcome<D> {
        for task in tasks {
            if self.finished.contains(&task.work.cell) {
                continue;
            }
            self.begin(Component::VaeDecoder)?;
            self.emit(Event::Began(Phase::Decoding))?;
            let Denoised {
                latents,
                mut record,
            } = self.shelf.get(self.key(task))?;
            let begun = Instant::now();
            let tiling = self.tiling(task.start);
            let latents = latents / self.job.scaling_factor;
            let pixels = decode(self.model, latents.view(), tiling.as_ref(), self.cancel);
            record.times.decode_ms = Some(milliseconds(begun));
            self.peaks().raise(&mut record);
            let image = match pixels {
                Ok(None) => return Err(Halt::Stopped),
                Ok(Some(pixels)) if are_finite(pixels.view()) => {
                    let kept = self.with_outside_kept(task.start, to_image(pixels.view()));
                    match kept {
                        Ok(image) => image,
                        Err(reason) => {
                            self.fail(task, record, reason)?;
                            continue;
                        }
                    }
                }
                Ok(Some(_)) => {
                    self.fail(
                        task,
                        record,
                        "the decoded image holds NaN or infinite values".to_owned(),
                    )?;
                    continue;
                }
                Err(error) => {
                    let reason = self.coding_reason(error, task.start)?;
                    self.fail(task, record, reason)?;
                    continue;
                }
            };
            let input = self.input(task);
            let input =
                input.and_then(|input| self.conditioning.pixels(self.job.inputs, input).ok());
            record.image_change = input
                .as_ref()
                .map(|input| mean_absolute_change(input, &image));
            self.submit(task, record, Some(Arc::new(image)), input)?;
        }
        Ok(())
    }

    /// Emits a cell as failed.
    pub(super) fn fail(
        &mut self,
        task: &Task<'a>,
        mut record: Record,
        reason: String,
    ) -> Outcome<D> {
        record.status = Status::Failed;
        record.error = Some(reason);
        self.submit(task, record, None, None)
    }

    /// Emits the cell's record and those of its copies, which have no times of their own.
    fn submit(
        &mut self,
        task: &Task<'a>,
        mut record: Record,
        image: Option<Arc<RgbImage>>,
        input: Option<Arc<RgbImage>>,
    ) -> Outcome<D> {
        record.memory = Some(self.policy.memory().into());
        record.finished = jiff::Timestamp::now();
        self.shelf.remove(self.key(task))?;
        let copies = task.work.copies.iter().map(|&cell| {
            let copy = Record {
                cell: self.job.plan.cells[cell].key.clone(),
                unet_evals: 0,
                times: StageTimes::default(),
                steps: Box::default(),
                ..record.clone()
            };
            (cell, copy)
        });
        let records: Vec<(usize, Record)> = copies.collect();
        for (cell, record) in std::iter::once((task.work.cell, record)).chain(records) {
            self.finished.insert(cell);
            let (image, input) = (image.clone(), input.clone());
            self.emit(Event::Finished {
                cell,
                record: Box::new(record),
                image,
                input,
            })?;
        }
        Ok(())
    }
}
