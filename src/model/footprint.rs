//! What the tensors of one call of a component take at a size, by what its graph and its configuration say of them.

use super::ModelFolder;
use crate::diffusion::Component;

/// Tensors as large as the hidden state of the UNet's first level that are alive at once: what the way down keeps for the
/// way up, and what a block is working on.
const UNET_TENSORS: u64 = 12;
/// Tensors as large as the VAE's largest that are alive at once: one before, one behind, and what a normalisation keeps
/// (measured: three of 256 MiB in the real decoder, five of 128 in the demo's).
const VAE_TENSORS: u64 = 4;
/// Matrices of attention scores that are alive at once: before and behind the softmax, and one that ONNX Runtime keeps for
/// the next attention of the size (measured: 1,550 MiB in a call with matrices of 512).
const SCORES: u64 = 3;

/// What a component is called with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallSize {
    /// Pixels of the image, or of its largest tile.
    pub width: u32,
    /// The same.
    pub height: u32,
    /// Rows of the UNet.
    pub rows: usize,
}

impl ModelFolder {
    /// Bytes of the tensors that are alive at once at most in a call, weights not among them, where numbers have so many
    /// bytes.
    pub fn call_bytes(&self, component: Component, size: CallSize, number_bytes: u64) -> u64 {
        let CallSize {
            width,
            height,
            rows,
        } = size;
        let factor = self.vae_factor();
        let latents = [height / factor, width / factor].map(|side| side as usize);
        let latent_pixels = latents.iter().product::<usize>() as u64;
        let pixels = u64::from(width) * u64::from(height);
        let numbers = match component {
            // A text has few tokens, and the widths of its encoder are small beside its weights.
            Component::TextEncoder => 0,
            Component::Unet => {
                let scores = self.attention_scores(latents[0], latents[1]).unwrap_or(0);
                let hidden = self.unet_width() * latent_pixels;
                rows as u64 * (SCORES * scores + UNET_TENSORS * hidden)
            }
            // The larger of what is alive at the image's size and in the middle, where all pixels attend to all.
            Component::VaeEncoder | Component::VaeDecoder => {
                let widest = self.vae_width(component) * pixels * VAE_TENSORS;
                let scores = self.vae_attends(component);
                widest.max(u64::from(scores) * SCORES * latent_pixels * latent_pixels)
            }
        };
        numbers * number_bytes
    }
}
