//! The model that denoises, as arrays: the seam between the engine, which calls it, and inference, which is one.

use std::sync::atomic::{AtomicU64, Ordering};

use ndarray::{Array3, Array4, ArrayView3, ArrayView4};

/// The components of a model, in the order they are needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Component {
    /// Prompt to text embedding.
    TextEncoder,
    /// Pixels to image latents.
    VaeEncoder,
    /// Noise prediction.
    Unet,
    /// Latents to pixels.
    VaeDecoder,
}

impl Component {
    /// All four.
    pub const ALL: [Self; 4] = [
        Self::TextEncoder,
        Self::VaeEncoder,
        Self::Unet,
        Self::VaeDecoder,
    ];

    /// Its folder in a model folder.
    pub fn folder(self) -> &'static str {
        match self {
            Self::TextEncoder => "text_encoder",
            Self::VaeEncoder => "vae_encoder",
            Self::Unet => "unet",
            Self::VaeDecoder => "vae_decoder",
        }
    }
}

/// Device memory as a component sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Headroom {
    /// The most that its allocator handed out at a time, in bytes.
    pub peak_bytes: u64,
    /// What its allocator may still take of the device, in bytes.
    pub free_bytes: u64,
}

/// Text embeddings (rows, tokens, hidden), which mostly stay the same from call to call.
#[derive(Debug, Clone, Copy)]
pub struct Texts<'a> {
    /// The embeddings.
    pub values: ArrayView3<'a, f32>,
    /// Another number whenever the embeddings of so many rows may be others: a model that has seen it with this shape need
    /// not look at them again.
    pub version: u64,
}

impl Texts<'_> {
    /// A version that no texts had before.
    pub fn new_version() -> u64 {
        static LAST: AtomicU64 = AtomicU64::new(0);
        LAST.fetch_add(1, Ordering::Relaxed) + 1
    }
}

impl<'a> From<ArrayView3<'a, f32>> for Texts<'a> {
    /// Texts that were not seen before.
    fn from(values: ArrayView3<'a, f32>) -> Self {
        Self {
            values,
            version: Self::new_version(),
        }
    }
}

/// One opened model folder. Arrays are float32 whatever the weights are; the first axis is rows.
///
/// Errors are the implementation's own; the engine asks only whether memory ran out.
pub trait Denoiser {
    /// What can go wrong.
    type Error: std::error::Error + Send + Sync + 'static + DeviceMemory;

    /// Whether a component is ready.
    fn is_loaded(&self, component: Component) -> bool;

    /// Makes a component ready; doing so twice is free.
    fn load(&mut self, component: Component) -> Result<(), Self::Error>;

    /// Frees a component's memory; doing so twice is free.
    fn unload(&mut self, component: Component);

    /// The most device memory that the loaded components' own allocators handed out at a time, in bytes;
    /// `None` where they do not say.
    fn arena_peak_bytes(&self) -> Option<u64> {
        None
    }

    /// What a loaded component needed so far, and what is left for it; `None` where that is unknown, or not a
    /// device's memory.
    fn headroom(&self, component: Component) -> Option<Headroom> {
        let _ = component;
        None
    }

    /// Rows of latents of this height and width that one prediction may have for its numbers to be right, whatever the
    /// memory; 0 if even one is too many, `None` if any number is fine.
    fn most_rows(&self, height: usize, width: usize) -> Option<usize> {
        let _ = (height, width);
        None
    }

    /// Text embedding (1, tokens, hidden) of a prompt.
    fn encode_text(&mut self, text: &str) -> Result<Array3<f32>, Self::Error>;

    /// The latent distribution of pixels (1, 3, height, width) in -1 to 1, not scaled: means, then logarithms of
    /// variances (1, 2 * channels, h, w), or the means alone where the model gives no more.
    fn encode_image(&mut self, pixels: ArrayView4<f32>) -> Result<Array4<f32>, Self::Error>;

    /// Prediction (rows, channels, h, w) for samples (rows, channels and those beside them, h, w), one
    /// timestep for all rows, a text for each.
    fn predict(
        &mut self,
        sample: ArrayView4<f32>,
        timestep: f32,
        texts: Texts,
    ) -> Result<Array4<f32>, Self::Error>;

    /// Pixels (1, 3, height, width), nominally -1 to 1, of latents already divided by the scaling factor.
    fn decode(&mut self, latents: ArrayView4<f32>) -> Result<Array4<f32>, Self::Error>;
}

/// Tells an exhausted device apart from every other error.
pub trait DeviceMemory {
    /// Whether the device ran out of memory, so that less at a time may succeed.
    fn is_out_of_memory(&self) -> bool;
}
