//! Tests of the measurements with a fake model: what is called, how often, and what happens when memory runs out.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::*;
use crate::vocabulary::ExecutionDevice;

/// A fake model that records its calls.
#[derive(Default)]
struct Fake {
    loaded: Vec<Component>,
    most_loaded: usize,
    /// The most rows for which the device has memory; `None` for no limit.
    row_limit: Option<usize>,
    /// The rows of every call.
    rows: Vec<usize>,
    /// The first value of every sample.
    samples: Vec<f32>,
    arena_peak_bytes: Option<u64>,
}

#[derive(Debug, thiserror::Error)]
#[error("out of memory")]
struct OutOfMemory;

impl DeviceMemory for OutOfMemory {
    fn is_out_of_memory(&self) -> bool {
        true
    }
}

impl Denoiser for Fake {
    type Error = OutOfMemory;

    fn is_loaded(&self, component: Component) -> bool {
        self.loaded.contains(&component)
    }

    fn load(&mut self, component: Component) -> Result<(), OutOfMemory> {
        self.loaded.push(component);
        self.most_loaded = self.most_loaded.max(self.loaded.len());
        Ok(())
    }

    fn unload(&mut self, component: Component) {
        self.loaded.retain(|&loaded| loaded != component);
    }

    fn arena_peak_bytes(&self) -> Option<u64> {
        self.arena_peak_bytes
    }

    fn encode_text(&mut self, _: &str) -> Result<Array3<f32>, OutOfMemory> {
        assert!(self.is_loaded(Component::TextEncoder));
        Ok(Array3::ones((1, 5, 6)))
    }

    fn encode_image(&mut self, pixels: ArrayView4<f32>) -> Result<Array4<f32>, OutOfMemory> {
        assert!(self.is_loaded(Component::VaeEncoder));
        assert_eq!(pixels.dim(), (1, 3, 24, 32));
        assert!(pixels.iter().all(|value| (-1.0..=1.0).contains(value)));
        Ok(Array4::zeros((1, 4, 3, 4)))
    }

    fn predict(
        &mut self,
        sample: ArrayView4<f32>,
        _: f32,
        texts: Texts,
        prediction: &mut Array4<f32>,
    ) -> Result<(), OutOfMemory> {
        assert!(self.is_loaded(Component::Unet));
        let rows = sample.dim().0;
        assert_eq!(sample.dim(), (rows, 8, 3, 4));
        assert_eq!(texts.values.dim(), (rows, 5, 6));
        self.rows.push(rows);
        if self.row_limit.is_some_and(|limit| rows > limit) {
            return Err(OutOfMemory);
        }
        self.samples.push(sample[(rows - 1, 0, 0, 0)]);
        *prediction = Array4::zeros((rows, 4, 3, 4));
        Ok(())
    }

    fn decode(&mut self, latents: ArrayView4<f32>) -> Result<Array4<f32>, OutOfMemory> {
        assert!(self.is_loaded(Component::VaeDecoder));
        assert_eq!(latents.dim(), (1, 4, 3, 4));
        Ok(Array4::zeros((1, 3, 24, 32)))
    }
}

const SHAPES: Shapes = Shapes {
    channels: 4,
    unet_channels: 8,
    height: 3,
    width: 4,
    vae_factor: 8,
    tiling: None,
};

/// Measures a model; also returns the stages that were announced.
fn measure(model: &mut Fake, rows: &[usize], on_gpu: bool) -> (Measured, Vec<Stage>) {
    let cancel = AtomicBool::new(false);
    let mut stages = Vec::new();
    let watch = Stopwatch {
        budget: Duration::ZERO,
        cancel: &cancel,
    };
    // No machine has this many GPUs, so the management library reports nothing.
    let mut meter = Meter::new(match on_gpu {
        true => ExecutionDevice::Cuda(9999),
        false => ExecutionDevice::Cpu,
    });
    let mut bench = Bench {
        model,
        meter: &mut meter,
        on_gpu,
        watch: &watch,
        observer: &mut |stage| stages.push(stage),
    };
    let measured = bench.components(SHAPES, [1 << 20, 2 << 20, 3 << 20, 4 << 20], rows);
    (measured.unwrap(), stages)
}

#[test]
fn every_component_is_alone_and_told_with_its_size() {
    let mut model = Fake::default();
    let (measured, stages) = measure(&mut model, &[1, 3], false);
    assert_eq!((model.most_loaded, model.loaded.len()), (1, 0));
    let told: Vec<(&str, f64)> = measured
        .components
        .iter()
        .map(|cost| (cost.component.as_str(), cost.file_mib))
        .collect();
    assert_eq!(
        told,
        [
            ("text_encoder", 1.0),
            ("vae_encoder", 2.0),
            ("unet", 3.0),
            ("vae_decoder", 4.0)
        ]
    );
    // One call to warm up and three that count, each with a different sample from the one before.
    assert_eq!(model.rows, [1, 1, 1, 1, 3, 3, 3, 3]);
    let of_one_row = model.samples[..4].windows(2);
    assert!(of_one_row.into_iter().all(|pair| pair[0] == -pair[1]));
    let words: Vec<String> = stages.iter().map(Stage::to_string).collect();
    assert_eq!(
        words,
        [
            "loading text_encoder",
            "encoding a text",
            "loading vae_encoder",
            "encoding an image",
            "loading unet",
            "unet, 1 row",
            "unet, 3 rows",
            "loading vae_decoder",
            "decoding",
        ]
    );
}

#[test]
fn where_memory_runs_out_more_rows_are_not_tried_and_fewer_are() {
    let mut model = Fake {
        row_limit: Some(3),
        ..Fake::default()
    };
    let (measured, _) = measure(&mut model, &[3, 6, 12, 1], false);
    let timed: Vec<(usize, bool)> = measured
        .unet
        .iter()
        .map(|calls| (calls.rows, calls.timing.is_some()))
        .collect();
    assert_eq!(timed, [(3, true), (6, false), (12, false), (1, true)]);
    assert_eq!(model.rows, [3, 3, 3, 3, 6, 1, 1, 1, 1]);
}

#[test]
fn memory_is_the_largest_component_or_their_sum_without_the_text_encoder() {
    let mut model = Fake {
        arena_peak_bytes: Some(100 << 20),
        ..Fake::default()
    };
    let (measured, _) = measure(&mut model, &[1], true);
    let memory = measured.memory;
    assert_eq!(memory.source, "ort-arena");
    assert_eq!(memory.phased_mib, Some(100.0));
    assert_eq!(memory.resident_mib, Some(300.0));

    let (measured, _) = measure(&mut Fake::default(), &[1], false);
    let memory = measured.memory;
    assert_eq!(memory.source, "rss");
    assert!(memory.phased_mib.unwrap() > 1.0 && memory.resident_mib >= memory.phased_mib);

    let (measured, _) = measure(&mut Fake::default(), &[1], true);
    let unknown = (measured.memory.phased_mib, measured.memory.resident_mib);
    assert_eq!(unknown, (None, None));
}
