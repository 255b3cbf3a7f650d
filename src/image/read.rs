//! Reading image files, whatever they hold, as upright 8-bit RGB.

use std::path::Path;

use image::{DynamicImage, RgbImage};

use super::colour::Judged;
use super::decode::{Decoded, decode};
use super::file::read_file;
use super::samples::{to_8_bits, to_rgb};
use super::{Colour, ImageError, Note, mode};
use crate::digest::sha256_hex;

/// What was learnt of an image before the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probed {
    /// Pixels, after EXIF orientation.
    pub width: u32,
    /// Pixels, after EXIF orientation.
    pub height: u32,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// Whether its colours were converted to sRGB.
    pub converted: bool,
    /// What the user should know of how it is read.
    pub notes: Vec<Note>,
}

/// Reads and decodes an image to learn its size and digest. It is decoded whole, since the images of a
/// sweep are few and a damaged one should be found before the run and not in the middle of it.
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

/// Reads an image that was probed before, its colours `converted` or not; it must still be the file of that digest.
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

/// Reads an image as 8-bit RGB: EXIF orientation applied, 16 bits reduced to the high 8, grey expanded,
/// transparency composited on white, the first frame of an animation. Notes say what was done.
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
    let decoded = decode(bytes, path)?;
    let mut notes = decoded.notes;
    let image = to_8_bits(decoded.image, &mut notes);
    let image = in_srgb(image, decoded.colours, colour, &mut notes);
    let mut image = DynamicImage::from(to_rgb(image, &mut notes));
    // Turned when it is as small as it becomes: turning takes a second picture.
    image.apply_orientation(decoded.orientation);
    drop(decoded.share);
    Ok((image.into_rgb8(), notes))
}

/// A picture of 8 bits a sample with its colours converted, if that is asked; a note says what is done of them.
fn in_srgb(
    image: DynamicImage,
    colours: Judged,
    colour: Colour,
    notes: &mut Vec<Note>,
) -> DynamicImage {
    let profile = match colours {
        Judged::Srgb => return image,
        Judged::Unreadable => {
            notes.push(Note::UnreadableProfile);
            return image;
        }
        Judged::Other(profile) => profile,
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

/// An upright image of 8 bits a sample in the mode of its file.
pub(super) struct InMode {
    pub image: DynamicImage,
    /// The first colour of its palette, if it has one; black of an image of 1 bit.
    pub first_of_palette: Option<[u8; 3]>,
    pub notes: Vec<Note>,
}

/// Reads an image without making it RGB. What a file says of one transparent colour is ignored.
pub(super) fn read_in_mode(path: &Path) -> Result<InMode, ImageError> {
    let bytes = read_file(path)?;
    let decoded = decode(&bytes, path)?;
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
