//! Helpers for single-file pages: inlined images, and digests of scripts for the content security policy.

use std::io::Cursor;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageEncoder, RgbImage};
use sha2::{Digest, Sha256};

/// The digest by which a content security policy allows an inline script or style.
pub(super) fn digest(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}

/// A lossless image as a data URL. Its characters need no escaping.
pub(super) fn webp(image: &RgbImage) -> Option<String> {
    let mut bytes = Cursor::new(Vec::new());
    let (width, height) = image.dimensions();
    WebPEncoder::new_lossless(&mut bytes)
        .write_image(image.as_raw(), width, height, ExtendedColorType::Rgb8)
        .ok()?;
    Some(url("image/webp", bytes.into_inner()))
}

/// A lossy image as a data URL, of this quality, 1 to 100.
pub(super) fn small_webp(image: &RgbImage, quality: u8) -> Option<String> {
    let (width, height) = image.dimensions();
    let encoder = webp::Encoder::from_rgb(image.as_raw(), width, height);
    let coded = encoder.encode_simple(false, quality.into()).ok()?;
    Some(url("image/webp", coded.to_vec()))
}

fn url(kind: &str, bytes: Vec<u8>) -> String {
    format!("data:{kind};base64,{}", STANDARD.encode(bytes))
}
