//! The time and memory that a phase took, and the cell's record that they go into.

use std::time::Instant;

use super::{Denoiser, Engine, Task};
use crate::meter::{Memory, milliseconds};
use crate::vocabulary::Record;

/// The time and memory that encoding a text or an image took.
#[derive(Debug, Clone, Copy)]
pub(super) struct EncodingCost {
    ms: f64,
    peaks: Peaks,
}

/// The peak memory of a phase, and where the device's memory was read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peaks {
    memory: Memory,
    vram_source: Option<&'static str>,
    vram_device_source: Option<&'static str>,
}

impl Peaks {
    /// Raises the peaks of a record to these where these are higher.
    pub fn raise(self, record: &mut Record) {
        let Self {
            memory,
            vram_source,
            vram_device_source,
        } = self;
        let is_more = |peak: Option<f64>, known: Option<f64>| peak > known;
        if is_more(memory.vram_mib, record.vram_peak_mib) {
            record.vram_peak_mib = memory.vram_mib;
            record.vram_source = vram_source.map(Into::into);
        }
        if is_more(memory.vram_device_mib, record.vram_device_mib) {
            record.vram_device_mib = memory.vram_device_mib;
            record.vram_device_source = vram_device_source.map(Into::into);
        }
        if is_more(memory.rss_mib, record.rss_peak_mib) {
            record.rss_peak_mib = memory.rss_mib;
        }
    }
}

impl<'a, D: Denoiser> Engine<'a, '_, D> {
    /// The peak memory since the meter was last reset.
    pub(super) fn peaks(&mut self) -> Peaks {
        self.meter.note_arena(self.model.arena_peak_bytes());
        Peaks {
            memory: self.meter.peaks(),
            vram_source: self.meter.vram_source(),
            vram_device_source: self.meter.vram_device_source(),
        }
    }

    /// The time since `begun`, and the peak memory since the meter was last reset.
    pub(super) fn cost_since(&mut self, begun: Instant) -> EncodingCost {
        EncodingCost {
            ms: milliseconds(begun),
            peaks: self.peaks(),
        }
    }

    /// A record that holds the cost of the encoding done first for this task, and nothing else yet.
    pub(super) fn record(&mut self, task: &Task<'a>) -> Record {
        let mut record = Record::new(
            self.key(task).clone(),
            &self.job.device.to_string(),
            self.job.precision,
        );
        for condition in task.work.guidance.conditions() {
            if let Some(EncodingCost { ms, peaks }) =
                self.conditioning.take_text_cost(condition.text)
            {
                *record.times.encode_text_ms.get_or_insert_default() += ms;
                peaks.raise(&mut record);
            }
        }
        for image in self.encodables(task.start) {
            if let Some(EncodingCost { ms, peaks }) = self.conditioning.take_image_cost(image) {
                *record.times.encode_image_ms.get_or_insert_default() += ms;
                peaks.raise(&mut record);
            }
        }
        record
    }
}
