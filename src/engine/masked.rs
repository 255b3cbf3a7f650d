//! What a mask does outside the UNet: which part of the input is encoded, and what of the input is kept in the output.

use std::collections::HashMap;
use std::sync::Arc;

use image::RgbImage;
use ndarray::Array4;

use super::{Denoiser, Engine};
use crate::image::{Mask, MaskImage, Region, to_tensor};
use crate::pipeline::Outside;
use crate::plan::{Fitted, FittedMask, Start};

/// The masks of all cells, each at the size of its cells, or why there is none.
pub type Masks<'a> = HashMap<FittedMask<'a>, Result<MaskImage, String>>;

/// An image that the VAE encodes for a trajectory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Encodable<'a> {
    pub input: Fitted<'a>,
    /// Its mask, if the encoded pixels depend on it.
    pub mask: Option<FittedMask<'a>>,
    /// Whether the pixels under the white of the mask are replaced with grey.
    pub hidden: bool,
}

/// The part of an input that a model works on, and its mask.
struct Work {
    image: Arc<RgbImage>,
    mask: Option<Mask>,
}

/// A mask at the size of the image, and the region around it if only that is worked on.
struct Placed<'m> {
    image: &'m MaskImage,
    whole: Mask,
    region: Option<Region>,
}

impl<'a, D: Denoiser> Engine<'a, '_, D> {
    /// The images that the VAE encodes for cells with this start.
    pub(super) fn encodables(
        &self,
        start: Start,
    ) -> impl Iterator<Item = Encodable<'a>> + use<'a, D> {
        let encodes = self.encodes(start);
        let input = start.fitted(self.job.plan);
        let mask = start.mask(self.job.plan);
        let cut = mask.filter(|_| self.job.masking.only_masked.is_some());
        let image = input.filter(|_| encodes.image).map(|input| Encodable {
            input,
            mask: cut,
            hidden: false,
        });
        let masked = input
            .filter(|_| encodes.masked_image)
            .map(|input| Encodable {
                input,
                mask,
                hidden: true,
            });
        image.into_iter().chain(masked)
    }

    /// The pixels (1, 3, height, width) to encode.
    pub(super) fn pixels_of(&mut self, encodable: Encodable<'a>) -> Result<Array4<f32>, String> {
        let Work { image, mask } = self.work(encodable.input, encodable.mask)?;
        let pixels = to_tensor(&image);
        Ok(match mask.filter(|_| encodable.hidden) {
            Some(mask) => mask.hide(pixels.view()),
            None => pixels,
        })
    }

    /// The mask (1, 1, h, w) at the size of the latents for cells with this start, if they have one.
    pub(super) fn latent_mask(&self, start: Start) -> Result<Option<Array4<f32>>, String> {
        let Some(fitted) = start.mask(self.job.plan) else {
            return Ok(None);
        };
        let Placed {
            image,
            whole,
            region,
        } = self.placed(fitted)?;
        let mask = match region {
            Some(region) => image.cut(region, fitted.width, fitted.height),
            None => whole,
        };
        Ok(Some(mask.to_latents(self.job.vae_factor)))
    }

    /// The cell's output image, with the parts of the input that its mask keeps.
    pub(super) fn with_outside_kept(
        &mut self,
        start: Start,
        decoded: RgbImage,
    ) -> Result<RgbImage, String> {
        let (Some(input), Some(fitted)) = (start.fitted(self.job.plan), start.mask(self.job.plan))
        else {
            return Ok(decoded);
        };
        let original = self.conditioning.pixels(self.job.inputs, input)?;
        let Placed { whole, region, .. } = self.placed(fitted)?;
        Ok(match (region, self.job.masking.outside) {
            (Some(region), _) => {
                let pasted = region.paste(&decoded, fitted.width, fitted.height);
                whole.overlay(&original, &pasted)
            }
            (None, Outside::Kept) => whole.overlay(&original, &decoded),
            (None, Outside::Decoded) => decoded,
        })
    }

    fn work(&mut self, input: Fitted<'a>, mask: Option<FittedMask<'a>>) -> Result<Work, String> {
        let image = self.conditioning.pixels(self.job.inputs, input)?;
        let Some(fitted) = mask else {
            return Ok(Work { image, mask: None });
        };
        let Placed {
            image: mask,
            whole,
            region,
        } = self.placed(fitted)?;
        let (width, height) = (fitted.width, fitted.height);
        Ok(match region {
            None => Work {
                image,
                mask: Some(whole),
            },
            Some(region) => Work {
                image: Arc::new(region.cut(&image, width, height)),
                mask: Some(mask.cut(region, width, height)),
            },
        })
    }

    fn placed(&self, fitted: FittedMask<'a>) -> Result<Placed<'a>, String> {
        let mask = self.job.masks.get(&fitted).ok_or("its mask is not there")?;
        let image = mask.as_ref().map_err(String::clone)?;
        let whole = image.to_mask();
        let region = match self.job.masking.only_masked {
            None => None,
            Some(padding) => {
                let region = Region::around(whole.levels(), padding, fitted.width, fitted.height);
                let black = || {
                    format!(
                        "the mask {} is black, so there is no region around it",
                        fitted.mask
                    )
                };
                Some(region.ok_or_else(black)?)
            }
        };
        Ok(Placed {
            image,
            whole,
            region,
        })
    }
}
