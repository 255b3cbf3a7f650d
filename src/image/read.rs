//! Reads image files of any supported kind as upright 8-bit RGB.

use std::path::Path;

use image::{DynamicImage, RgbImage};

use super::colour::ColourKind;
use super::decode::{Decoded, decode, guarded};
use super::file::read_file;
use super::samples::{to_8_bits, to_rgb};
use super::{Colour, ImageError, Note, mode};
use crate::digest::sha256_hex;

/// The properties of an image, found before the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probed {
    /// Width in pixels, after EXIF orientation.
    pub width: u32,
    /// Height in pixels, after EXIF orientation.
    pub height: u32,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// Whether its colours were converted to sRGB.
    pub converted: bool,
    /// Notes for the user on how it is read.
    pub notes: Vec<Note>,
}

/// Decodes an image to find its size and digest. It is decoded completely, because a sweep has few images, and a
/// damaged one should be found before the run rather than in the middle of it.
///
/// # Errors
/// As [`read`].
pub fn probe(path: &Path, colour: Colour) -> Result<Probed, ImageError> {
    let bytes = read_file(path)?;
    let (image, notes) = upright(&bytes, path, colour)?;
    Ok(Probed {
        converted: notes
            .iter()
            .any(|note| matches!(note, Note::Converted { .. })),
        width: image.width(),
        height: image.height(),
        sha256: sha256_hex(&bytes),
        notes,
    })
}

/// Reads an image that was probed before, with its colours `converted` or not; the file must still have the same
/// digest.
///
/// # Errors
/// As [`read`], or if the file has changed.
pub fn read_probed(path: &Path, sha256: &str, converted: bool) -> Result<RgbImage, ImageError> {
    let bytes = read_file(path)?;
    if sha256_hex(&bytes) != sha256 {
        let path = path.to_owned();
        return Err(ImageError::Changed { path });
    }
    let colour = match converted {
        true => Colour::Srgb,
        false => Colour::Ignored,
    };
    Ok(upright(&bytes, path, colour)?.0)
}

/// Reads an image as 8-bit RGB: applies the EXIF orientation, reduces 16-bit samples to their high 8 bits, expands
/// grey, composites transparency on white, and takes the first frame of an animation. Notes say what was done.
///
/// # Errors
/// If the file cannot be read, is not an image, is damaged, or exceeds the limits on bytes, sides and pixels.
pub fn read(path: &Path) -> Result<(RgbImage, Vec<Note>), ImageError> {
    upright(&read_file(path)?, path, Colour::Ignored)
}

pub(super) fn upright(
    bytes: &[u8],
    path: &Path,
    colour: Colour,
) -> Result<(RgbImage, Vec<Note>), ImageError> {
    guarded(path, || {
        let decoded = decode(bytes, path)?;
        let mut notes = decoded.notes;
        let image = to_8_bits(decoded.image, &mut notes);
        let image = in_srgb(image, decoded.colours, colour, &mut notes);
        let mut image = DynamicImage::from(to_rgb(image, &mut notes));
        // Rotated only after it has been reduced, because rotation needs memory for a second picture.
        image.apply_orientation(decoded.orientation);
        drop(decoded.share);
        Ok((image.into_rgb8(), notes))
    })
}

/// An 8-bit picture with its colours converted if requested; adds a note on what is done about them.
fn in_srgb(
    image: DynamicImage,
    colours: ColourKind,
    colour: Colour,
    notes: &mut Vec<Note>,
) -> DynamicImage {
    let profile = match colours {
        ColourKind::Srgb => return image,
        ColourKind::Unreadable => {
            notes.push(Note::UnreadableProfile);
            return image;
        }
        ColourKind::Other(profile) => profile,
    };
    let name = profile.name.clone();
    let (image, note) = match colour {
        Colour::Ignored => (image, Note::Profile { name }),
        Colour::Srgb => match profile.to_srgb(image.clone()) {
            Some(converted) => (converted, Note::Converted { name }),
            None => (image, Note::UnreadableProfile),
        },
    };
    notes.push(note);
    image
}

/// An upright 8-bit image in the colour mode of its file.
pub(super) struct InMode {
    pub image: DynamicImage,
    /// The first colour of its palette, if it has one; black if it has 1 bit a pixel.
    pub first_of_palette: Option<[u8; 3]>,
    pub notes: Vec<Note>,
}

/// Reads an image without converting it to RGB. A single transparent colour is ignored.
pub(super) fn read_in_mode(path: &Path) -> Result<InMode, ImageError> {
    let bytes = read_file(path)?;
    let decoded = guarded(path, || decode(&bytes, path))?;
    let Decoded { format, .. } = decoded;
    let mut notes = decoded.notes;
    let mut image = to_8_bits(decoded.image, &mut notes);
    if !mode::has_alpha(format, &bytes) {
        image = match image.color().has_color() {
            true => image.into_rgb8().into(),
            false => image.into_luma8().into(),
        };
    }
    image.apply_orientation(decoded.orientation);
    drop(decoded.share);
    Ok(InMode {
        image,
        first_of_palette: mode::first_of_palette(format, &bytes),
        notes,
    })
}
