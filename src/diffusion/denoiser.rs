//! The model that denoises, seen as arrays: the seam between the engine, which calls it, and inference, which
//! implements it.

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
    /// All four components, in the order they are needed.
    pub const ALL: [Self; 4] = [
        Self::TextEncoder,
        Self::VaeEncoder,
        Self::Unet,
        Self::VaeDecoder,
    ];

    /// The component's subfolder in a model folder.
    pub fn folder(self) -> &'static str {
        match self {
            Self::TextEncoder => "text_encoder",
            Self::VaeEncoder => "vae_encoder",
            Self::Unet => "unet",
            Self::VaeDecoder => "vae_decoder",
        }
    }
}

/// Device memory as one component's allocator sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Headroom {
    /// The most bytes that its allocator had handed out at once.
    pub peak_bytes: u64,
    /// How many more bytes of the device its allocator may still take.
    pub free_bytes: u64,
}

/// Text embeddings (rows, tokens, hidden), which usually stay the same from one call to the next.
#[derive(Debug, Clone, Copy)]
pub struct Texts<'a> {
    /// The embeddings.
    pub values: ArrayView3<'a, f32>,
    /// Changes whenever the embeddings may have changed: a model that has already seen this version with this shape
    /// need not look at the values again.
    pub version: u64,
}

impl Texts<'_> {
    /// A version that no other embeddings have had.
    pub fn new_version() -> u64 {
        static LAST: AtomicU64 = AtomicU64::new(0);
        LAST.fetch_add(1, Ordering::Relaxed) + 1
    }
}

impl<'a> From<ArrayView3<'a, f32>> for Texts<'a> {
    /// Wraps embeddings that the model has not seen before.
    fn from(values: ArrayView3<'a, f32>) -> Self {
        Self {
            values,
            version: Self::new_version(),
        }
    }
}

/// A model folder opened for inference. Arrays are float32 whatever the precision of the weights; their first axis is
/// the row of the batch.
///
/// Errors are the implementation's own; the engine only asks whether memory ran out.
pub trait Denoiser {
    /// What can go wrong.
    type Error: std::error::Error + Send + Sync + 'static + DeviceMemory;

    /// Whether a component is loaded.
    fn is_loaded(&self, component: Component) -> bool;

    /// Loads a component; loading it again costs nothing.
    fn load(&mut self, component: Component) -> Result<(), Self::Error>;

    /// Frees a component's memory; unloading it again costs nothing.
    fn unload(&mut self, component: Component);

    /// The most bytes of device memory that the allocators of the loaded components had handed out at once; `None`
    /// where they do not report it.
    fn arena_peak_bytes(&self) -> Option<u64> {
        None
    }

    /// The memory a loaded component has needed so far, and what is left for it; `None` where that is unknown or it
    /// does not run in a device's memory.
    fn headroom(&self, component: Component) -> Option<Headroom> {
        let _ = component;
        None
    }

    /// The most rows of latents of this height and width that one prediction may have and still be numerically right,
    /// however much memory there is; 0 if even one row is too many, `None` if there is no limit.
    fn most_rows(&self, height: usize, width: usize) -> Option<usize> {
        let _ = (height, width);
        None
    }

    /// The text embedding (1, tokens, hidden) of a prompt.
    fn encode_text(&mut self, text: &str) -> Result<Array3<f32>, Self::Error>;

    /// The latent distribution of an image's pixels (1, 3, height, width) in -1 to 1, not scaled: means, then log
    /// variances (1, 2 * channels, h, w), or only the means where the model gives no more.
    fn encode_image(&mut self, pixels: ArrayView4<f32>) -> Result<Array4<f32>, Self::Error>;

    /// Writes the prediction (rows, channels, h, w) for samples (rows, latent and conditioning channels, h, w): one
    /// timestep for all rows, one text embedding for each. The memory of `prediction` is used again if it has the right
    /// shape; its content does not matter, and is undefined after an error.
    fn predict(
        &mut self,
        sample: ArrayView4<f32>,
        timestep: f32,
        texts: Texts,
        prediction: &mut Array4<f32>,
    ) -> Result<(), Self::Error>;

    /// The pixels (1, 3, height, width), nominally in -1 to 1, of latents already divided by the scaling factor.
    fn decode(&mut self, latents: ArrayView4<f32>) -> Result<Array4<f32>, Self::Error>;
}

/// Tells running out of device memory apart from every other error.
pub trait DeviceMemory {
    /// Whether the device ran out of memory, so that a smaller batch may succeed.
    fn is_out_of_memory(&self) -> bool;
}
