//! Converts pictures of any sample type to 8 bits and to RGB.

use image::{DynamicImage, GrayAlphaImage, GrayImage, RgbImage, RgbaImage};

use super::Note;

/// An 8-bit picture as RGB: grey expanded, transparency composited on white.
pub(super) fn to_rgb(image: DynamicImage, notes: &mut Vec<Note>) -> RgbImage {
    let color = image.color();
    if !color.has_color() {
        notes.push(Note::GreyExpanded);
    }
    if !color.has_alpha() {
        return image.into_rgb8();
    }
    let image = image.into_rgba8();
    if image.pixels().any(|pixel| pixel[3] < 255) {
        notes.push(Note::AlphaOnWhite);
    }
    on_white(&image)
}

/// The picture with 8 bits a sample.
pub(super) fn to_8_bits(image: DynamicImage, notes: &mut Vec<Note>) -> DynamicImage {
    let color = image.color();
    if color.bytes_per_pixel() == color.channel_count() {
        return image;
    }
    notes.push(Note::Reduced);
    reduce(image)
}

/// Reduces 16-bit samples to their high byte, `value >> 8`.
fn reduce(image: DynamicImage) -> DynamicImage {
    let (width, height) = (image.width(), image.height());
    let high = |samples: Vec<u16>| {
        samples
            .into_iter()
            .map(|sample| (sample >> 8) as u8)
            .collect()
    };
    let reduced = match image {
        DynamicImage::ImageLuma16(grey) => {
            GrayImage::from_raw(width, height, high(grey.into_raw())).map(DynamicImage::from)
        }
        DynamicImage::ImageLumaA16(grey) => {
            GrayAlphaImage::from_raw(width, height, high(grey.into_raw())).map(DynamicImage::from)
        }
        DynamicImage::ImageRgb16(rgb) => {
            RgbImage::from_raw(width, height, high(rgb.into_raw())).map(DynamicImage::from)
        }
        DynamicImage::ImageRgba16(rgba) => {
            RgbaImage::from_raw(width, height, high(rgba.into_raw())).map(DynamicImage::from)
        }
        float => Some(DynamicImage::from(float.into_rgba8())),
    };
    reduced.unwrap_or_default()
}

/// `(colour * alpha + 255 * (255 - alpha)) / 255`, rounded to the nearest level, as Pillow's `paste`.
fn on_white(image: &RgbaImage) -> RgbImage {
    RgbImage::from_fn(image.width(), image.height(), |x, y| {
        let [red, green, blue, alpha] = image.get_pixel(x, y).0.map(u32::from);
        let blend = |color: u32| ((color * alpha + 255 * (255 - alpha) + 127) / 255) as u8;
        image::Rgb([blend(red), blend(green), blend(blue)])
    })
}
