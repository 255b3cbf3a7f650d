//! What tiles save: time and memory of encoding and decoding one large image, whole or in tiles.
//!
//! `cargo bench --bench tiles -- MODEL WIDTHxHEIGHT auto|off|PIXELS` prints a line. Memory is the peak of the process,
//! so each process measures one size with one tile.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement says what it saw, and stops where it cannot go on"
)]

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use ip2p_sweep::diffusion::{Generator, NoiseSource};
use ip2p_sweep::engine::{Component, Denoiser, decode, encode_image};
use ip2p_sweep::meter::{Meter, milliseconds};
use ip2p_sweep::model::{ModelFolder, OnnxModel};
use ip2p_sweep::onnxruntime::{Host, load, locate, resolve_device};
use ip2p_sweep::plan::Tiling;
use ip2p_sweep::spec::{Device, VaeTile};

fn main() {
    // Cargo adds `--bench` to the arguments.
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    let [model, size, tile] = arguments.as_slice() else {
        println!("give MODEL WIDTHxHEIGHT auto|off|PIXELS");
        return;
    };
    let (width, height) = size.split_once('x').unwrap();
    let (width, height) = (width.parse().unwrap(), height.parse().unwrap());
    let tile = match tile.as_str() {
        "auto" => VaeTile::Auto,
        "off" => VaeTile::Off,
        pixels => VaeTile::Pixels(pixels.parse::<NonZeroU32>().unwrap()),
    };
    let folder = Arc::new(ModelFolder::open(model).unwrap());
    let factor = folder.vae_factor();
    let tiling = Tiling::new(tile, width, height, factor);
    let located = locate(&Host::current(None)).unwrap();
    let device = resolve_device(Device::Auto, &located).unwrap().device;
    let runtime = load(&located).unwrap();
    let mut model = OnnxModel::new(Arc::clone(&folder), runtime, device, 0).unwrap();

    let mut generator = Generator::new(NoiseSource::TorchCpu, 0);
    let (width, height, factor) = (width as usize, height as usize, factor as usize);
    let pixels = generator
        .randn((1, 3, height, width))
        .mapv_into(|value| value.clamp(-1.0, 1.0));
    let latents = generator.randn((1, folder.latent_channels(), height / factor, width / factor));
    let (tiling, cancel) = (tiling.as_ref(), AtomicBool::new(false));
    let mut meter = Meter::new(device);
    let mut measure = |component, code: &mut dyn FnMut(&mut OnnxModel)| {
        model.load(component).unwrap();
        meter.begin();
        let begun = Instant::now();
        code(&mut model);
        let ms = milliseconds(begun);
        meter.note_arena(model.arena_peak_bytes());
        let peaks = meter.peaks();
        model.unload(component);
        (ms, peaks.vram_mib.or(peaks.rss_mib).unwrap_or(f64::NAN))
    };
    let encoded = measure(Component::VaeEncoder, &mut |model| {
        encode_image(model, pixels.view(), tiling, &cancel).unwrap();
    });
    let decoded = measure(Component::VaeDecoder, &mut |model| {
        decode(model, latents.view(), tiling, &cancel).unwrap();
    });
    let tiles = tiling.map_or_else(|| "whole".to_owned(), Tiling::to_string);
    println!(
        "{width}x{height} {tiles}: encode {:.0} ms, peak {:.0} MiB; decode {:.0} ms, peak {:.0} MiB",
        encoded.0, encoded.1, decoded.0, decoded.1
    );
}
