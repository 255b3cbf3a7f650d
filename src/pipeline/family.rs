//! What a model is for, by the channels of its UNet.

use serde::{Deserialize, Serialize};

/// Models whose UNets take the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Latents and those of an image: InstructPix2Pix.
    #[default]
    InstructPix2Pix,
    /// Latents alone: Stable Diffusion as it was first made.
    TextToImage,
    /// Latents, a mask, and the latents of an image without what is repainted.
    Inpainting,
}

impl Family {
    /// The family of a UNet whose sample has so many channels; `None` if it is of no family known here.
    pub fn of(unet_channels: usize, latent_channels: usize) -> Option<Self> {
        let families = [Self::InstructPix2Pix, Self::TextToImage, Self::Inpainting];
        (families.into_iter()).find(|family| family.unet_channels(latent_channels) == unet_channels)
    }

    /// Channels of the UNet's sample where latents have so many.
    pub fn unet_channels(self, latent_channels: usize) -> usize {
        match self {
            Self::InstructPix2Pix => 2 * latent_channels,
            Self::TextToImage => latent_channels,
            Self::Inpainting => 2 * latent_channels + 1,
        }
    }

    /// What its models do, in words.
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

    /// Whether it is the one that plans named no family for.
    pub fn is_instruct_pix2pix(&self) -> bool {
        *self == Self::InstructPix2Pix
    }
}
