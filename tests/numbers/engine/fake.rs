//! A fake model of simple arithmetic.

use std::collections::BTreeSet;

use ip2p_sweep::engine::{Component, Denoiser, DeviceMemory, Headroom, Texts};
use ndarray::{Array3, Array4, ArrayView4, Axis};

/// A fake model: rows do not influence each other, and every call is counted.
#[derive(Default)]
pub struct Fake {
    pub loaded: Vec<Component>,
    pub most_loaded: usize,
    pub loads: Vec<Component>,
    pub texts: Vec<String>,
    pub images: usize,
    pub unet_rows: u64,
    pub decoded: usize,
    /// A call with more rows than this exhausts the device.
    pub row_limit: Option<usize>,
    /// A call with more rows than this would give wrong numbers.
    pub right_rows: Option<usize>,
    /// Whether decoding exhausts the device while the UNet is loaded.
    pub decoder_needs_all_memory: bool,
    /// Decoding longer sides than this, in latent pixels, exhausts the device.
    pub longest_decoded: Option<usize>,
    /// A text that cannot be encoded.
    pub refused_text: Option<&'static str>,
    /// For how many UNet rows, of one MiB each, the device reports room.
    pub room_rows: Option<usize>,
    /// MiB that encoding and decoding an image take in their arenas, which report it; each UNet row takes one.
    pub arena_mib: Option<Arena>,
    /// The versions of all texts.
    pub versions: BTreeSet<u64>,
    /// The last texts, with their version.
    pub seen_texts: Option<(u64, Array3<f32>)>,
    /// The numbers of rows in calls.
    pub shapes: BTreeSet<usize>,
    /// Whether every prediction fails, other than by lack of memory.
    pub unet_fails: bool,
    /// The UNet row at which a prediction is NaN.
    pub nan_at_row: Option<u64>,
}

#[derive(Clone, Copy)]
pub struct Arena {
    pub vae_encoder: u64,
    pub vae_decoder: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum FakeError {
    #[error("out of memory")]
    OutOfMemory,
    #[error("this text is refused")]
    Refused,
}

impl DeviceMemory for FakeError {
    fn is_out_of_memory(&self) -> bool {
        matches!(self, Self::OutOfMemory)
    }
}

impl Denoiser for Fake {
    type Error = FakeError;

    fn is_loaded(&self, component: Component) -> bool {
        self.loaded.contains(&component)
    }

    fn load(&mut self, component: Component) -> Result<(), FakeError> {
        self.loads.push(component);
        self.loaded.push(component);
        self.most_loaded = self.most_loaded.max(self.loaded.len());
        Ok(())
    }

    fn unload(&mut self, component: Component) {
        self.loaded.retain(|&loaded| loaded != component);
    }

    fn arena_peak_bytes(&self) -> Option<u64> {
        let arena = self.arena_mib?;
        let peak_mib = |component: &Component| match component {
            Component::TextEncoder => 1,
            Component::VaeEncoder => arena.vae_encoder,
            Component::Unet => self.shapes.last().map_or(0, |&rows| rows as u64),
            Component::VaeDecoder => arena.vae_decoder,
        };
        Some(self.loaded.iter().map(peak_mib).sum::<u64>() << 20)
    }

    fn headroom(&self, component: Component) -> Option<Headroom> {
        assert_eq!(component, Component::Unet);
        let most = *self.shapes.last()?;
        let free = self.room_rows?.saturating_sub(most);
        Some(Headroom {
            peak_bytes: (most as u64) << 20,
            free_bytes: (free as u64) << 20,
        })
    }

    fn most_rows(&self, _height: usize, _width: usize) -> Option<usize> {
        self.right_rows
    }

    fn encode_text(&mut self, text: &str) -> Result<Array3<f32>, FakeError> {
        assert!(self.is_loaded(Component::TextEncoder));
        if self.refused_text == Some(text) {
            return Err(FakeError::Refused);
        }
        self.texts.push(text.to_owned());
        let value = text.bytes().map(f32::from).sum::<f32>() / 1000.0;
        Ok(Array3::from_elem((1, 2, 3), value))
    }

    fn encode_image(&mut self, pixels: ArrayView4<f32>) -> Result<Array4<f32>, FakeError> {
        assert!(self.is_loaded(Component::VaeEncoder));
        self.images += 1;
        let (_, _, height, width) = pixels.dim();
        Ok(Array4::from_elem(
            (1, 4, height / 4, width / 4),
            pixels.mean().unwrap_or(0.0),
        ))
    }

    fn predict(
        &mut self,
        sample: ArrayView4<f32>,
        timestep: f32,
        texts: Texts,
        prediction: &mut Array4<f32>,
    ) -> Result<(), FakeError> {
        assert!(self.is_loaded(Component::Unet));
        self.versions.insert(texts.version);
        let seen = (texts.version, texts.values.to_owned());
        if let Some((version, values)) = &self.seen_texts {
            let is_honest = *version != seen.0 || values.dim() != seen.1.dim() || *values == seen.1;
            assert!(is_honest, "other texts of the same version");
        }
        self.seen_texts = Some(seen);
        let rows = sample.dim().0;
        self.shapes.insert(rows);
        if self.unet_fails {
            return Err(FakeError::Refused);
        }
        if self.row_limit.is_some_and(|limit| rows > limit) {
            return Err(FakeError::OutOfMemory);
        }
        *prediction = Array4::zeros((rows, 4, sample.dim().2, sample.dim().3));
        for (row, mut out) in prediction.axis_iter_mut(Axis(0)).enumerate() {
            let (latents, image) = sample.index_axis(Axis(0), row).split_at(Axis(0), 4);
            let level = texts.values[(row, 0, 0)] + timestep / 1000.0;
            out.assign(&(&latents * 0.5 + &image * 0.25 + level * 0.1));
            if self.nan_at_row == Some(self.unet_rows) {
                out.fill(f32::NAN);
            }
            self.unet_rows += 1;
        }
        Ok(())
    }

    fn decode(&mut self, latents: ArrayView4<f32>) -> Result<Array4<f32>, FakeError> {
        assert!(self.is_loaded(Component::VaeDecoder));
        let (_, _, height, width) = latents.dim();
        let too_long = |longest| height.max(width) > longest;
        if (self.decoder_needs_all_memory && self.is_loaded(Component::Unet))
            || self.longest_decoded.is_some_and(too_long)
        {
            return Err(FakeError::OutOfMemory);
        }
        self.decoded += 1;
        Ok(Array4::from_shape_fn(
            (1, 3, height * 4, width * 4),
            |(_, channel, y, x)| latents[(0, channel, y / 4, x / 4)].tanh(),
        ))
    }
}
