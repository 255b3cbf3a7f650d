//! Why an image cannot be used.

use std::io;
use std::path::PathBuf;

use super::MAX_SIDE;

/// Why an image cannot be used.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ImageError {
    /// The file cannot be read.
    #[error("cannot read image {}: {source}", path.display())]
    #[diagnostic(help("check that the file is there and that you may read it"))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// The path is a folder, a pipe or a device.
    #[error("image {} is not a file", path.display())]
    #[diagnostic(help("name a file, or a folder's images with a glob such as \"{}/*.png\"", path.display()))]
    NotAFile {
        /// What was named.
        path: PathBuf,
    },
    /// The file has no bytes.
    #[error("image {} is empty", path.display())]
    #[diagnostic(help("copy or download it again"))]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The file is only a Git LFS pointer to the real one.
    #[error("image {} is a Git LFS pointer, not the image itself", path.display())]
    #[diagnostic(help("run `git lfs pull` in its repository, or download the image"))]
    LfsPointer {
        /// The file.
        path: PathBuf,
    },
    /// The file is not in a supported format.
    #[error("{} is not an image that can be read", path.display())]
    #[diagnostic(help(
        "PNG, JPEG, WebP, GIF, BMP and TIFF can be read; convert other images, e.g. to PNG"
    ))]
    NotAnImage {
        /// The file.
        path: PathBuf,
    },
    /// The image exceeds the limits on bytes, pixels or memory.
    #[error("image {} is too large: {what}", path.display())]
    #[diagnostic(help(
        "scale it down first: at most {MAX_SIDE} pixels a side, 100 megapixels and 512 MiB"
    ))]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size, in words.
        what: String,
    },
    /// The file is truncated or corrupt.
    #[error("image {} is damaged or cut short: {reason}", path.display())]
    #[diagnostic(help(
        "copy or download it again, or open it in an image editor and save it again"
    ))]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The decoder's message.
        reason: String,
    },
    /// The file has changed since it was probed.
    #[error("image {} has changed since the sweep was started", path.display())]
    #[diagnostic(help("run again to use the image as it is now"))]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// No pixel of a mask is white.
    #[error("mask {mask}{} is empty: nothing would be repainted", of(image))]
    #[diagnostic(help(
        "white (128 and above) is repainted; to invert the mask: {{ file = \"mask.png\", invert = true }}"
    ))]
    EmptyMask {
        /// The mask's name.
        mask: String,
        /// The image it is made from, if it is made from one.
        image: Option<String>,
    },
    /// Several images have errors.
    #[error("{} images cannot be used:{}", errors.len(), lines(errors))]
    #[diagnostic(help("{}", remedy(errors)))]
    Several {
        /// The errors, two or more, in the order of the sweep.
        errors: Vec<ImageError>,
    },
}

impl ImageError {
    /// Combines many errors into one; `None` if there are none.
    pub fn all(mut errors: Vec<Self>) -> Option<Self> {
        match errors.len() {
            0 | 1 => errors.pop(),
            _ => Some(Self::Several { errors }),
        }
    }
}

fn of(image: &Option<String>) -> String {
    image
        .as_ref()
        .map_or_else(String::new, |image| format!(" of image {image}"))
}

fn remedy(errors: &[ImageError]) -> &'static str {
    let is_pointer = |error: &ImageError| matches!(error, ImageError::LfsPointer { .. });
    match errors.iter().any(is_pointer) {
        true => "run `git lfs pull` in their repository, or leave them out of the sweep",
        false => "copy or download them again, or leave them out of the sweep",
    }
}

/// One line for each of the first few errors.
fn lines(errors: &[ImageError]) -> String {
    const SHOWN: usize = 20;
    let shown = errors.iter().take(SHOWN);
    let mut lines: String = shown.map(|error| format!("\n  {error}")).collect();
    if let more @ 1.. = errors.len().saturating_sub(SHOWN) {
        lines.push_str(&format!("\n  and {more} more"));
    }
    lines
}
