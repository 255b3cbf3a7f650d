//! Estimates the memory of the tensors in one call of a component, from its graph and configuration.

use super::ModelFolder;
use crate::diffusion::Component;

/// How many tensors as large as the hidden state of the UNet's first level are alive at once: those that the down
/// blocks keep for the up blocks, and those that a block is working on.
const UNET_TENSORS: u64 = 12;
/// How many tensors as large as the VAE's largest are alive at once: an operator's input and output, and what a
/// normalisation keeps (measured: three of 256 MiB in the real decoder, five of 128 in the demo's).
const VAE_TENSORS: u64 = 4;
/// How many matrices of attention scores are alive at once: before and after the softmax, and one that ONNX Runtime
/// keeps for the next attention of the same size (measured: 1,550 MiB in a call with matrices of 512).
const SCORES: u64 = 3;

/// The size of a component's call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallSize {
    /// Width of the image or of its largest tile, in pixels.
    pub width: u32,
    /// Height of the image or of its largest tile, in pixels.
    pub height: u32,
    /// UNet rows.
    pub rows: usize,
}

impl ModelFolder {
    /// The most bytes of tensors, without weights, that are alive at once in a call, if each number has `number_bytes`
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
            // A text has few tokens, so its encoder's tensors are small beside its weights.
            Component::TextEncoder => 0,
            Component::Unet => {
                let scores = self.attention_scores(latents[0], latents[1]).unwrap_or(0);
                let hidden = self.unet_width() * latent_pixels;
                rows as u64 * (SCORES * scores + UNET_TENSORS * hidden)
            }
            // The larger of what is alive at the image's size and in the middle block, whose attention covers all
            // pixels.
            Component::VaeEncoder | Component::VaeDecoder => {
                let widest = self.vae_width(component) * pixels * VAE_TENSORS;
                let scores = self.vae_attends(component);
                widest.max(u64::from(scores) * SCORES * latent_pixels * latent_pixels)
            }
        };
        numbers * number_bytes
    }
}
