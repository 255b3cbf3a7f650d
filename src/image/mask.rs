//! Masks: which part of an image is repainted, computed from a file as in diffusers' `StableDiffusionInpaintPipeline`
//! and its image processors.
//!
//! A [`MaskImage`] is a mask in its file's own colour mode, because diffusers resizes it in that mode. It is made by
//! [`MaskImage::read`], [`MaskImage::of_alpha`] or [`MaskImage::changed`], adjusted by [`MaskImage::edited`] and scaled
//! to the image's size by [`MaskImage::fit`]. [`MaskImage::to_mask`] then makes a [`Mask`] of it: grey levels, of which
//! those of 128 and above are repainted.
//!
//! | for | use |
//! |---|---|
//! | the UNet's mask | [`Mask::to_latents`] |
//! | the image whose latents stand beside it | [`Mask::hide`] |
//! | `outside = "kept"` | [`Mask::overlay`] on the decoded image |
//! | `only_masked` | [`Region::around`], [`Region::cut`], [`MaskImage::cut`]; [`Region::paste`], then [`Mask::overlay`] |

use std::path::Path;

use image::{GrayAlphaImage, GrayImage, Luma, Rgb, RgbImage, RgbaImage};
use imageproc::morphology::{Mask as Shape, grayscale_dilate};
use ndarray::{Array4, ArrayView4, Axis, Zip};

use super::blur::gaussian_blur;
use super::fit::fitted_area;
use super::read;
use super::region::{Region, fill};
use super::resample::{Area, Filter, Levels, nearest, resize_area};
use super::{Fit, ImageError, Note};

/// The lowest level that is repainted.
const THRESHOLD: u8 = 128;

/// A mask in the colour mode of its file.
#[derive(Debug, Clone, PartialEq)]
pub struct MaskImage(Mode);

#[derive(Debug, Clone, PartialEq)]
enum Mode {
    /// With a palette or 1 bit a pixel: resized without interpolation. `first` is the first colour of the palette.
    Indexed {
        levels: GrayImage,
        first: u8,
    },
    Grey(GrayImage),
    GreyAlpha(GrayAlphaImage),
    Rgb(RgbImage),
    Rgba(RgbaImage),
}

/// Adjustments to a mask, in the order in which they are made. Sizes are in pixels of the image to be repainted.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct MaskEdit {
    /// Whether to exchange the repainted and the kept part.
    pub invert: bool,
    /// How many pixels the repainted part grows on all sides.
    pub grow: u8,
    /// Radius of Pillow's `GaussianBlur`.
    pub blur: f32,
}

impl MaskImage {
    /// Reads a mask in its own colour mode, rotated upright. Transparency is ignored; 16-bit samples lose their low
    /// bits, with a note.
    ///
    /// # Errors
    /// As [`super::read`].
    pub fn read(path: &Path) -> Result<(Self, Vec<Note>), ImageError> {
        let file = read::read_in_mode(path)?;
        let mode = match (file.first_of_palette, file.image) {
            (Some(first), image) => Mode::Indexed {
                levels: to_grey(&image.into_rgb8()),
                first: luma(Rgb(first)),
            },
            (None, image) => match (image.color().has_color(), image.color().has_alpha()) {
                (false, false) => Mode::Grey(image.into_luma8()),
                (false, true) => Mode::GreyAlpha(image.into_luma_alpha8()),
                (true, false) => Mode::Rgb(image.into_rgb8()),
                (true, true) => Mode::Rgba(image.into_rgba8()),
            },
        };
        Ok((Self(mode), file.notes))
    }

    /// The mask that repaints the transparent part of an image.
    ///
    /// # Errors
    /// As [`super::read`].
    pub fn of_alpha(path: &Path) -> Result<Self, ImageError> {
        let rgba = read::read_in_mode(path)?.image.into_rgba8();
        let transparency = |x, y| Luma([255 - rgba.get_pixel(x, y)[3]]);
        let (width, height) = rgba.dimensions();
        Ok(Self(Mode::Grey(GrayImage::from_fn(
            width,
            height,
            transparency,
        ))))
    }

    /// The mask of the pixels that differ between two images of the same size by more than `above` (0 to 1), on the
    /// mean of their channels.
    pub fn changed(before: &RgbImage, after: &RgbImage, above: f64) -> Self {
        let (width, height) = before.dimensions();
        let changed = |x, y| {
            let (Rgb(one), Some(Rgb(other))) =
                (before.get_pixel(x, y), after.get_pixel_checked(x, y))
            else {
                return Luma([0]);
            };
            let levels = one.iter().zip(other);
            let sum: u32 = levels
                .map(|(one, other)| u32::from(one.abs_diff(*other)))
                .sum();
            Luma([if f64::from(sum) > above * 3.0 * 255.0 {
                255
            } else {
                0
            }])
        };
        Self(Mode::Grey(GrayImage::from_fn(width, height, changed)))
    }

    /// Width and height.
    pub fn dimensions(&self) -> (u32, u32) {
        match &self.0 {
            Mode::Indexed { levels, .. } | Mode::Grey(levels) => levels.dimensions(),
            Mode::GreyAlpha(levels) => levels.dimensions(),
            Mode::Rgb(levels) => levels.dimensions(),
            Mode::Rgba(levels) => levels.dimensions(),
        }
    }

    /// The mask at another size, fitted by the same rule as its image.
    pub fn fit(&self, width: u32, height: u32, fit: Fit) -> Self {
        if self.dimensions() == (width, height) {
            return self.clone();
        }
        let area = fitted_area(self.dimensions(), width, height, fit);
        Self(self.0.resized(area, width, height, Filter::Lanczos))
    }

    /// The mask with adjustments made, which turn it grey. It must already have the image's size, because adjustments
    /// count the image's pixels.
    pub fn edited(self, edit: MaskEdit) -> Self {
        if edit == MaskEdit::default() {
            return self;
        }
        let mut grey = self.to_mask().0;
        if edit.invert {
            image::imageops::invert(&mut grey);
        }
        if edit.grow > 0 {
            grey = grayscale_dilate(&grey, &Shape::disk(edit.grow));
        }
        Self(Mode::Grey(gaussian_blur(&grey, edit.blur)))
    }

    /// The part of the mask inside a region, at `width` x `height` pixels: the counterpart of [`Region::cut`].
    pub fn cut(&self, region: Region, width: u32, height: u32) -> Mask {
        let cut = match &self.0 {
            Mode::Indexed { levels, first } => {
                let resize = |levels: &GrayImage, area, width, height, _: Filter| {
                    nearest(levels, area, width, height, Luma([*first]))
                };
                Mode::Grey(fill(&region.of(levels), width, height, resize))
            }
            Mode::Grey(levels) => Mode::Grey(fill(&region.of(levels), width, height, resize_area)),
            Mode::GreyAlpha(levels) => {
                Mode::GreyAlpha(fill(&region.of(levels), width, height, resize_grey_alpha))
            }
            Mode::Rgb(levels) => Mode::Rgb(fill(&region.of(levels), width, height, resize_area)),
            Mode::Rgba(levels) => Mode::Rgba(fill(&region.of(levels), width, height, resize_rgba)),
        };
        Self(cut).to_mask()
    }

    /// Its grey levels.
    pub fn to_mask(&self) -> Mask {
        Mask(match &self.0 {
            Mode::Indexed { levels, .. } | Mode::Grey(levels) => levels.clone(),
            Mode::GreyAlpha(levels) => {
                let (width, height) = levels.dimensions();
                GrayImage::from_fn(width, height, |x, y| Luma([levels.get_pixel(x, y)[0]]))
            }
            Mode::Rgb(levels) => to_grey(levels),
            Mode::Rgba(levels) => {
                let (width, height) = levels.dimensions();
                GrayImage::from_fn(width, height, |x, y| {
                    let [red, green, blue, _] = levels.get_pixel(x, y).0;
                    Luma([luma(Rgb([red, green, blue]))])
                })
            }
        })
    }
}

impl Mode {
    fn resized(&self, area: Area, width: u32, height: u32, filter: Filter) -> Self {
        match self {
            Self::Indexed { levels, first } => Self::Indexed {
                levels: nearest(levels, area, width, height, Luma([*first])),
                first: *first,
            },
            Self::Grey(levels) => Self::Grey(resize_area(levels, area, width, height, filter)),
            Self::GreyAlpha(levels) => {
                Self::GreyAlpha(resize_grey_alpha(levels, area, width, height, filter))
            }
            Self::Rgb(levels) => Self::Rgb(resize_area(levels, area, width, height, filter)),
            Self::Rgba(levels) => Self::Rgba(resize_rgba(levels, area, width, height, filter)),
        }
    }
}

/// Pillow's "L" of a colour: luma of ITU-R BT.601.
fn luma(Rgb([red, green, blue]): Rgb<u8>) -> u8 {
    let sum = 19595 * u32::from(red) + 38470 * u32::from(green) + 7471 * u32::from(blue);
    ((sum + 0x8000) >> 16) as u8
}

fn to_grey(image: &RgbImage) -> GrayImage {
    let (width, height) = image.dimensions();
    GrayImage::from_fn(width, height, |x, y| Luma([luma(*image.get_pixel(x, y))]))
}

/// `value / 255` rounded to the nearest integer, computed as in Pillow.
fn divide_by_255(value: u32) -> u32 {
    let value = value + 128;
    (value + (value >> 8)) >> 8
}

/// Undoes the premultiplication of a level by its alpha, as Pillow does.
fn unpremultiplied(level: u8, alpha: u8) -> u8 {
    match alpha {
        0 | 255 => level,
        alpha => (255 * u32::from(level) / u32::from(alpha)).min(255) as u8,
    }
}

/// Pillow premultiplies colours by alpha to resize them.
fn with_alpha<P: image::Pixel<Subpixel = u8>>(
    levels: &Levels<P>,
    resize: impl Fn(&Levels<P>) -> Levels<P>,
) -> Levels<P> {
    let mut premultiplied = levels.clone();
    for pixel in premultiplied.pixels_mut() {
        if let Some((alpha, colours)) = pixel.channels_mut().split_last_mut() {
            for level in colours {
                *level = divide_by_255(u32::from(*level) * u32::from(*alpha)) as u8;
            }
        }
    }
    let mut resized = resize(&premultiplied);
    for pixel in resized.pixels_mut() {
        if let Some((alpha, colours)) = pixel.channels_mut().split_last_mut() {
            for level in colours {
                *level = unpremultiplied(*level, *alpha);
            }
        }
    }
    resized
}

fn resize_grey_alpha(
    levels: &GrayAlphaImage,
    area: Area,
    width: u32,
    height: u32,
    filter: Filter,
) -> GrayAlphaImage {
    with_alpha(levels, |levels| {
        resize_area(levels, area, width, height, filter)
    })
}

fn resize_rgba(
    levels: &RgbaImage,
    area: Area,
    width: u32,
    height: u32,
    filter: Filter,
) -> RgbaImage {
    with_alpha(levels, |levels| {
        resize_area(levels, area, width, height, filter)
    })
}

/// A mask at an image's size: which pixels are repainted, and how the edge is feathered.
#[derive(Debug, Clone, PartialEq)]
pub struct Mask(GrayImage);

impl Mask {
    /// The grey levels.
    pub fn levels(&self) -> &GrayImage {
        &self.0
    }

    /// Whether a pixel is repainted.
    ///
    /// # Panics
    /// If the pixel is outside the image.
    pub fn is_repainted(&self, x: u32, y: u32) -> bool {
        self.0.get_pixel(x, y)[0] >= THRESHOLD
    }

    /// The share of pixels that are repainted: 0 for an empty mask, 1 for a full one.
    pub fn repainted(&self) -> f64 {
        let levels = self.0.as_raw();
        let repainted = levels.iter().filter(|&&level| level >= THRESHOLD).count();
        repainted as f64 / levels.len().max(1) as f64
    }

    /// The mask (1, 1, height, width) at the size of latents, which is smaller by `factor`: 1 if the first pixel of a
    /// block is repainted, 0 otherwise.
    pub fn to_latents(&self, factor: u32) -> Array4<f32> {
        let factor = factor.max(1);
        let (width, height) = (self.0.width() / factor, self.0.height() / factor);
        Array4::from_shape_fn((1, 1, height as usize, width as usize), |(_, _, y, x)| {
            let level = self.0.get_pixel(x as u32 * factor, y as u32 * factor)[0];
            f32::from(u8::from(level >= THRESHOLD))
        })
    }

    /// The pixels (1, 3, height, width) with repainted ones replaced by 0, middle grey.
    ///
    /// # Panics
    /// If the image and the mask differ in size.
    pub fn hide(&self, pixels: ArrayView4<f32>) -> Array4<f32> {
        let mut hidden = pixels.to_owned();
        let width = self.0.width() as usize;
        for channel in hidden.axis_iter_mut(Axis(1)) {
            let mut rows = channel.index_axis_move(Axis(0), 0);
            assert_eq!(rows.dim(), (self.0.height() as usize, width));
            Zip::indexed(&mut rows).for_each(|(y, x), value| {
                *value *= f32::from(u8::from(self.0.as_raw()[y * width + x] < THRESHOLD));
            });
        }
        hidden
    }

    /// The result with the original's pixels outside the mask, blended by its grey levels: `apply_overlay`. All three
    /// must have the same size.
    pub fn overlay(&self, original: &RgbImage, result: &RgbImage) -> RgbImage {
        let (width, height) = self.0.dimensions();
        RgbImage::from_fn(width, height, |x, y| {
            let kept = 255 - self.0.get_pixel(x, y)[0];
            let (Rgb(original), Rgb(result)) = (original.get_pixel(x, y), result.get_pixel(x, y));
            Rgb(std::array::from_fn(|channel| {
                let premultiplied = divide_by_255(u32::from(original[channel]) * u32::from(kept));
                let own = unpremultiplied(premultiplied as u8, kept);
                let sum = u32::from(own) * u32::from(kept)
                    + u32::from(result[channel]) * u32::from(255 - kept);
                divide_by_255(sum) as u8
            }))
        })
    }
}
