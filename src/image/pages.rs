//! Finds out whether a file holds further pictures besides the one that is read.

use std::io::Cursor;

use image::ImageFormat;
use image::codecs::webp::WebPDecoder;

use super::Note;
use super::directory::Directories;

/// The note on further pictures, if there are any.
pub(super) fn note(format: ImageFormat, bytes: &[u8]) -> Option<Note> {
    let (more, note) = match format {
        ImageFormat::Gif => (gif_frames(bytes) > Some(1), Note::FirstFrame),
        ImageFormat::WebP => {
            let decoder = WebPDecoder::new(Cursor::new(bytes));
            (
                decoder.is_ok_and(|decoder| decoder.has_animation()),
                Note::FirstFrame,
            )
        }
        ImageFormat::Png => (png_is_animated(bytes) == Some(true), Note::FirstFrame),
        ImageFormat::Tiff => (tiff_has_more(bytes) == Some(true), Note::FirstPage),
        _ => (false, Note::FirstPage),
    };
    more.then_some(note)
}

/// Whether a PNG announces an animation. Its chunks are walked rather than decoded, because a decoder would decompress
/// its profile and texts.
fn png_is_animated(bytes: &[u8]) -> Option<bool> {
    const SIGNATURE: usize = 8;
    // Bytes of a chunk's length, type and checksum.
    const AROUND: usize = 12;
    let mut at = SIGNATURE;
    loop {
        let chunk = bytes.get(at..)?;
        let length = u32::from_be_bytes(*chunk.first_chunk()?);
        match chunk.get(4..8)? {
            b"acTL" => return Some(true),
            b"IDAT" => return Some(false),
            _ => at = at.checked_add(length as usize)?.checked_add(AROUND)?,
        }
    }
}

/// The number of a GIF's frames, counted up to two: its blocks are walked, not decoded.
fn gif_frames(bytes: &[u8]) -> Option<usize> {
    let colours = |flags: u8| {
        if flags & 0x80 == 0 {
            0
        } else {
            3 << ((flags & 7) + 1)
        }
    };
    let mut at = 13 + colours(*bytes.get(10)?);
    let mut frames = 0;
    loop {
        match bytes.get(at) {
            // An extension: a label, then data blocks.
            Some(0x21) => at += 2,
            Some(0x2c) => {
                frames += 1;
                if frames == 2 {
                    return Some(2);
                }
                let Some(&flags) = bytes.get(at + 9) else {
                    return Some(frames);
                };
                at += 10 + colours(flags) + 1;
            }
            _ => return Some(frames),
        }
        while let Some(&length) = bytes.get(at) {
            at += 1 + usize::from(length);
            if length == 0 {
                break;
            }
        }
    }
}

/// Whether a TIFF's first directory is followed by a second one.
fn tiff_has_more(bytes: &[u8]) -> Option<bool> {
    let directories = Directories::new(bytes);
    Some(directories.after(directories.first()?)? > 0)
}
