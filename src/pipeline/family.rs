//! What a model is for, as the channels of its UNet tell.

use serde::{Deserialize, Serialize};

/// Models whose UNets take the same channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Latents and the latents of an image: InstructPix2Pix.
    #[default]
    InstructPix2Pix,
    /// Latents alone: Stable Diffusion as it was first made.
    TextToImage,
    /// Latents, a mask, and the latents of an image with the repainted part greyed out.
    Inpainting,
}

impl Family {
    /// The family of a UNet with this many input channels; `None` if it matches no known family.
    pub fn of(unet_channels: usize, latent_channels: usize) -> Option<Self> {
        let families = [Self::InstructPix2Pix, Self::TextToImage, Self::Inpainting];
        (families.into_iter()).find(|family| family.unet_channels(latent_channels) == unet_channels)
    }

    /// Input channels of the family's UNet, given those of the latents.
    pub fn unet_channels(self, latent_channels: usize) -> usize {
        match self {
            Self::InstructPix2Pix => 2 * latent_channels,
            Self::TextToImage => latent_channels,
            Self::Inpainting => 2 * latent_channels + 1,
        }
    }

    /// What models of the family do, in words.
    pub fn does(self) -> &'static str {
        match self {
            Self::InstructPix2Pix => "is an InstructPix2Pix model, which edits an image",
            Self::TextToImage => {
                "is a text-to-image model, which repaints a part of an image under a mask"
            }
            Self::Inpainting => {
                "is an inpainting model, which repaints a part of an image under a mask"
            }
        }
    }

    /// Whether this is the family that plans written before families existed do not mention.
    pub fn is_instruct_pix2pix(&self) -> bool {
        *self == Self::InstructPix2Pix
    }
}
