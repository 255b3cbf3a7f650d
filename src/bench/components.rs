//! Measures each component alone: loads it, calls it until the time is used up, reads its memory, unloads it.

use std::time::Instant;

use ndarray::{Array, Array3, Array4, ArrayView, ArrayView3, ArrayView4, Axis, RemoveAxis, Slice};

use super::timing::{Stop, Stopwatch};
use super::{ComponentCost, MemoryCost, Observer, Stage, Timing, UnetCalls};
use crate::diffusion::{Generator, NoiseSource};
use crate::engine::{Component, Denoiser, DeviceMemory, Texts, decode, encode_image};
use crate::meter::{Meter, milliseconds};
use crate::plan::Tiling;

/// A typical instruction.
const INSTRUCTION: &str = "make it winter";
/// A timestep in the middle of the noise schedule.
const TIMESTEP: f32 = 500.0;
const MIB: f64 = (1 << 20) as f64;

/// The shapes of a model's arrays at one size.
#[derive(Debug, Clone)]
pub(super) struct Shapes {
    /// Number of channels of the latents.
    pub channels: usize,
    /// Number of channels of the UNet's sample.
    pub unet_channels: usize,
    /// Height of the latents.
    pub height: usize,
    /// Width of the latents.
    pub width: usize,
    /// Image pixels per latent pixel along one side.
    pub vae_factor: usize,
    /// The image's tiles, if it is tiled.
    pub tiling: Option<Tiling>,
}

/// The measurements of all components.
#[derive(Debug)]
pub(super) struct Measured {
    pub components: Vec<ComponentCost>,
    pub encode_text: Timing,
    pub encode_image: Timing,
    pub unet: Vec<UnetCalls>,
    pub decode: Timing,
    pub memory: MemoryCost,
}

/// A model being measured.
pub(super) struct Bench<'a, 'o, D> {
    pub model: &'a mut D,
    pub meter: &'a mut Meter,
    pub on_gpu: bool,
    pub watch: &'a Stopwatch<'a>,
    pub observer: &'a mut Observer<'o>,
}

type Outcome<T, D> = Result<T, Stop<<D as Denoiser>::Error>>;

impl<D: Denoiser> Bench<'_, '_, D> {
    /// Measures the four components, with these numbers of rows in the UNet's calls.
    pub fn components(
        &mut self,
        shapes: Shapes,
        file_bytes: [u64; 4],
        rows: &[usize],
    ) -> Outcome<Measured, D> {
        let (row, pixels) = shapes.noise();
        let latents = row.slice_axis(Axis(1), Slice::from(..shapes.channels));
        let latents = latents.to_owned();
        self.meter.begin();
        let begun_with = self.peak_mib();
        let (text_encoder, (text, encode_text)) =
            self.component(Component::TextEncoder, file_bytes, |bench| {
                bench.encode_text()
            })?;
        let (vae_encoder, encode_image) =
            self.component(Component::VaeEncoder, file_bytes, |bench| {
                (bench.observer)(Stage::EncodeImage);
                let Bench { model, watch, .. } = bench;
                let tiling = shapes.tiling.as_ref();
                watch.time(|| encode_image(*model, pixels.view(), tiling, watch.cancel).map(drop))
            })?;
        let (unet, calls) = self.component(Component::Unet, file_bytes, |bench| {
            bench.unet(row.view(), text.view(), rows)
        })?;
        let (vae_decoder, decode) = self.component(Component::VaeDecoder, file_bytes, |bench| {
            (bench.observer)(Stage::Decode);
            let Bench { model, watch, .. } = bench;
            let tiling = shapes.tiling.as_ref();
            watch.time(|| decode(*model, latents.view(), tiling, watch.cancel).map(drop))
        })?;
        let source = self.source();
        let components = vec![text_encoder, vae_encoder, unet, vae_decoder];
        Ok(Measured {
            memory: memory(source, begun_with, &components),
            components,
            encode_text,
            encode_image,
            unet: calls,
            decode,
        })
    }

    /// Loads a component, does its work, and reads the memory both took.
    fn component<T>(
        &mut self,
        component: Component,
        file_bytes: [u64; 4],
        work: impl FnOnce(&mut Self) -> Outcome<T, D>,
    ) -> Outcome<(ComponentCost, T), D> {
        (self.observer)(Stage::Load(component));
        self.meter.begin();
        let begun = Instant::now();
        self.model.load(component)?;
        let load_ms = milliseconds(begun);
        let result = work(self)?;
        self.meter.note_arena(self.model.arena_peak_bytes());
        let peak_mib = self.peak_mib();
        let cost = ComponentCost {
            component: component.folder().to_owned(),
            file_mib: file_bytes[component as usize] as f64 / MIB,
            load_ms,
            peak_mib,
        };
        self.model.unload(component);
        Ok((cost, result))
    }

    fn encode_text(&mut self) -> Outcome<(Array3<f32>, Timing), D> {
        (self.observer)(Stage::EncodeText);
        let text = self.model.encode_text(INSTRUCTION)?;
        let Self { model, watch, .. } = self;
        let timing = watch.time(|| model.encode_text(INSTRUCTION).map(drop))?;
        Ok((text, timing))
    }

    /// Times calls with each number of rows. If memory runs out, larger numbers are not tried.
    fn unet(
        &mut self,
        row: ArrayView4<f32>,
        text: ArrayView3<f32>,
        rows: &[usize],
    ) -> Outcome<Vec<UnetCalls>, D> {
        let mut too_many = usize::MAX;
        let mut calls = Vec::new();
        for &rows in rows {
            let timing = match rows < too_many {
                true => self.unet_calls(row, text, rows)?,
                false => None,
            };
            if timing.is_none() {
                too_many = too_many.min(rows);
            }
            calls.push(UnetCalls { rows, timing });
        }
        Ok(calls)
    }

    /// Times calls with this many rows; `None` if memory runs out.
    fn unet_calls(
        &mut self,
        row: ArrayView4<f32>,
        text: ArrayView3<f32>,
        rows: usize,
    ) -> Outcome<Option<Timing>, D> {
        (self.observer)(Stage::Unet { rows });
        let sample = repeated(row, rows);
        // In a run every step has another sample. Alternate between two, because one that stayed the same would not be
        // copied to the GPU again.
        let mut samples = [-&sample, sample];
        let text = repeated(text, rows);
        let texts = Texts::from(text.view());
        let mut prediction = Array4::zeros((0, 0, 0, 0));
        let Self { model, watch, .. } = self;
        let timing = watch.time(|| {
            samples.swap(0, 1);
            let sample = samples[0].view();
            model.predict(sample, TIMESTEP, texts, &mut prediction)
        });
        self.meter.note_arena(self.model.arena_peak_bytes());
        match timing {
            Ok(timing) => Ok(Some(timing)),
            Err(Stop::Failed(error)) if error.is_out_of_memory() => {
                // A fragmented arena may be too small for what succeeded before.
                self.model.unload(Component::Unet);
                self.model.load(Component::Unet)?;
                Ok(None)
            }
            Err(stop) => Err(stop),
        }
    }

    /// The peak of the kind of memory that matters on this device.
    fn peak_mib(&mut self) -> Option<f64> {
        let peaks = self.meter.peaks();
        match self.on_gpu {
            true => peaks.vram_mib,
            false => peaks.rss_mib,
        }
    }

    fn source(&self) -> &'static str {
        match self.on_gpu {
            true => self.meter.vram_source().unwrap_or("unknown"),
            false => "rss",
        }
    }
}

impl Shapes {
    /// One row of samples (1, UNet channels, h, w), and pixels (1, 3, height, width) in -1 to 1.
    fn noise(&self) -> (Array4<f32>, Array4<f32>) {
        let mut generator = Generator::new(NoiseSource::TorchCpu, 0);
        let row = generator.randn((1, self.unet_channels, self.height, self.width));
        let (height, width) = (self.height * self.vae_factor, self.width * self.vae_factor);
        let pixels = generator.randn((1, 3, height, width));
        (
            row,
            pixels.mapv_into(|value| (value / 3.0).clamp(-1.0, 1.0)),
        )
    }
}

/// Repeats the first row.
fn repeated<D: RemoveAxis>(row: ArrayView<f32, D>, rows: usize) -> Array<f32, D> {
    let mut shape = row.raw_dim();
    shape[0] = rows;
    let mut all = Array::zeros(shape);
    let first = row.index_axis(Axis(0), 0);
    all.axis_iter_mut(Axis(0))
        .for_each(|mut place| place.assign(&first));
    all
}

/// The memory of a run, from the components' peaks. The text encoder has been unloaded when the others are needed.
fn memory(source: &str, begun_with: Option<f64>, components: &[ComponentCost]) -> MemoryCost {
    // Arenas are created with their components; other meters include what was in use before.
    let base = begun_with.filter(|_| source != "ort-arena").unwrap_or(0.0);
    let peaks: Option<Vec<f64>> = components.iter().map(|cost| cost.peak_mib).collect();
    let phased = peaks.iter().flatten().copied().reduce(f64::max);
    let resident = peaks.map(|peaks| {
        let rises = peaks.iter().skip(1).map(|peak| (peak - base).max(0.0));
        rises.sum::<f64>() + base
    });
    MemoryCost {
        source: source.to_owned(),
        phased_mib: phased,
        resident_mib: resident.zip(phased).map(|(one, other)| one.max(other)),
    }
}

#[cfg(test)]
mod tests;
