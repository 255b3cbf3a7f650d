//! Prepares images for the image encoder, with the arithmetic of transformers' `CLIPImageProcessor`.

use std::path::Path;

use image::imageops::crop_imm;
use image::{Rgb, RgbImage};
use ndarray::Array4;
use serde_json::Value;

use crate::image::{Filter, resize};
use crate::model::ModelError;
use crate::model::config::Config;

/// CLIP's own values, used if the file leaves them out.
const MEAN: [f32; 3] = [0.481_454_66, 0.457_827_5, 0.408_210_73];
const DEVIATION: [f32; 3] = [0.268_629_54, 0.261_302_6, 0.275_777_1];
const SIDE: u32 = 224;
/// `1 / 255` in double precision, as transformers multiplies with it.
const RESCALE_FACTOR: f64 = 1.0 / 255.0;

/// The settings in `preprocessor_config.json`.
#[derive(Debug, Clone, PartialEq)]
pub struct Preprocessing {
    size: Target,
    filter: Filter,
    /// Width and height of the centre crop.
    crop: Option<(u32, u32)>,
    rescale_factor: f64,
    mean: [f32; 3],
    deviation: [f32; 3],
}

/// The size to which an image is scaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    /// The length of the shorter side; the longer one follows from the aspect ratio, rounded down.
    ShorterSide(u32),
    /// Width and height, whatever the image's aspect ratio.
    Exactly(u32, u32),
}

impl Preprocessing {
    /// Reads the settings.
    ///
    /// # Errors
    /// If the file is missing or invalid, or asks for something that is not supported.
    pub fn read(path: &Path) -> Result<Self, ModelError> {
        let config = Config::read(path)?;
        for key in ["do_resize", "do_rescale", "do_normalize"] {
            if !flag(&config, key)? {
                return Err(config.wrong(key, "must be true"));
            }
        }
        let size = match config.value("size") {
            None => Target::ShorterSide(SIDE),
            Some(Value::Object(sides)) if sides.contains_key("shortest_edge") => {
                Target::ShorterSide(config.side("size", &sides["shortest_edge"])?)
            }
            Some(sides @ Value::Object(_)) => {
                let (width, height) = width_and_height(&config, "size", sides)?;
                Target::Exactly(width, height)
            }
            Some(side) => Target::ShorterSide(config.side("size", side)?),
        };
        let crop = match config.value("crop_size") {
            _ if !flag(&config, "do_center_crop")? => None,
            None => Some((SIDE, SIDE)),
            Some(sides @ Value::Object(_)) => Some(width_and_height(&config, "crop_size", sides)?),
            Some(side) => {
                let side = config.side("crop_size", side)?;
                Some((side, side))
            }
        };
        let preprocessing = Self {
            size,
            filter: filter(&config)?,
            crop,
            rescale_factor: config.number("rescale_factor")?.unwrap_or(RESCALE_FACTOR),
            mean: channels(&config, "image_mean", MEAN)?,
            deviation: channels(&config, "image_std", DEVIATION)?,
        };
        preprocessing.check(&config)?;
        Ok(preprocessing)
    }

    /// Refuses settings that would give images of varying sizes, or pixels that are not finite.
    fn check(&self, config: &Config) -> Result<(), ModelError> {
        let (width, height) = match self.size {
            Target::ShorterSide(side) => (side, side),
            Target::Exactly(width, height) => (width, height),
        };
        match self.crop {
            None if matches!(self.size, Target::ShorterSide(_)) => {
                Err(config.wrong("do_center_crop", "must be true with one side under size"))
            }
            Some(crop) if crop.0 > width || crop.1 > height => {
                Err(config.wrong("crop_size", "is larger than size"))
            }
            _ if self.deviation.contains(&0.0) => Err(config.wrong("image_std", "must not be 0")),
            _ if !((255.0 * self.rescale_factor) as f32).is_finite() => {
                Err(config.wrong("rescale_factor", "is too large"))
            }
            _ => Ok(()),
        }
    }

    /// Width and height of the image encoder's input.
    pub fn output_size(&self) -> (u32, u32) {
        match (self.crop, self.size) {
            (Some(crop), _) => crop,
            (None, Target::Exactly(width, height)) => (width, height),
            (None, Target::ShorterSide(side)) => (side, side),
        }
    }

    /// The encoder's input (1, 3, height, width) for an image, which must not be empty.
    pub fn pixels(&self, image: &RgbImage) -> Array4<f32> {
        let (width, height) = self.scaled_size(image);
        let scaled = resize(image, width, height, self.filter);
        let (across, down) = self.output_size();
        let (left, top) = ((width - across) / 2, (height - down) / 2);
        let centre = crop_imm(&scaled, left, top, across, down);
        let mut pixels = Array4::zeros((1, 3, down as usize, across as usize));
        for (x, y, Rgb(levels)) in centre.to_image().enumerate_pixels() {
            for (channel, level) in levels.iter().enumerate() {
                let value = (f64::from(*level) * self.rescale_factor) as f32;
                pixels[[0, channel, y as usize, x as usize]] =
                    (value - self.mean[channel]) / self.deviation[channel];
            }
        }
        pixels
    }

    fn scaled_size(&self, image: &RgbImage) -> (u32, u32) {
        let (width, height) = image.dimensions();
        match self.size {
            Target::Exactly(width, height) => (width, height),
            Target::ShorterSide(side) => {
                // `int(side * long / short)`, in double precision as in Python.
                let long = |long: u32, short: u32| {
                    (f64::from(side) * f64::from(long) / f64::from(short.max(1))) as u32
                };
                if width <= height {
                    (side, long(height, width))
                } else {
                    (long(width, height), side)
                }
            }
        }
    }
}

/// A switch that is on by default.
fn flag(config: &Config, key: &'static str) -> Result<bool, ModelError> {
    match config.value(key) {
        None => Ok(true),
        Some(Value::Bool(on)) => Ok(*on),
        Some(_) => Err(config.wrong(key, "must be true or false")),
    }
}

fn width_and_height(
    config: &Config,
    key: &'static str,
    sides: &Value,
) -> Result<(u32, u32), ModelError> {
    let side = |name: &str| config.side(key, sides.get(name).unwrap_or(&Value::Null));
    Ok((side("width")?, side("height")?))
}

/// The filter for Pillow's number.
fn filter(config: &Config) -> Result<Filter, ModelError> {
    match config.value("resample").map(Value::as_u64) {
        None | Some(Some(3)) => Ok(Filter::Bicubic),
        Some(Some(2)) => Ok(Filter::Bilinear),
        Some(Some(1)) => Ok(Filter::Lanczos),
        Some(_) => Err(config.wrong(
            "resample",
            "must be 1 (Lanczos), 2 (bilinear) or 3 (bicubic)",
        )),
    }
}

fn channels(config: &Config, key: &'static str, default: [f32; 3]) -> Result<[f32; 3], ModelError> {
    let Some(value) = config.value(key) else {
        return Ok(default);
    };
    let numbers = value.as_array().map(|values| {
        let numbers = values.iter().filter_map(Value::as_f64);
        let numbers = numbers.map(|number| number as f32);
        numbers
            .filter(|number| number.is_finite())
            .collect::<Vec<_>>()
    });
    match numbers.as_deref() {
        Some(&[red, green, blue]) => Ok([red, green, blue]),
        _ => Err(config.wrong(key, "must be a list of three numbers")),
    }
}
