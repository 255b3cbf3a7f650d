//! Copies of the images for the page, so that its folder can be moved without the runs.

use std::fs;
use std::path::Path;

use image::RgbImage;
use png::Compression;
use rayon::prelude::*;

use super::{CompareError, Comparison, Pair};
use crate::image::encode_png;
use crate::store::{self, Run};
use crate::views::pairs::Side;

const FOLDER: &str = "images";

/// The path of a pair's image relative to the page, if it exists. Keys are safe as file names.
pub(super) fn path(pair: &Pair, side: Side) -> Option<String> {
    let (letter, key, is_there) = match side {
        Side::A => ("a", &pair.keys[0], pair.has_image[0]),
        Side::B => ("b", &pair.keys[1], pair.has_image[1]),
        Side::Difference => ("difference", &pair.keys[0], pair.difference.is_ok()),
    };
    is_there.then(|| format!("{FOLDER}/{letter}-{key}.png"))
}

/// Writes the images of all pairs and of their differences.
pub(super) fn write(
    runs: [&Run; 2],
    comparison: &Comparison,
    out: &Path,
) -> Result<(), CompareError> {
    let folder = out.join(FOLDER);
    store::make_folder(&folder)?;
    remove_earlier(&folder)?;
    comparison.pairs.par_iter().try_for_each(|pair| {
        for side in Side::ALL {
            let image = pair.picture(runs, side, comparison.scale);
            if let (Some(path), Some(image)) = (path(pair, side), image) {
                put(&out.join(path), &image)?;
            }
        }
        Ok(())
    })
}

/// Removes the images of an earlier comparison.
fn remove_earlier(folder: &Path) -> Result<(), CompareError> {
    for entry in fs::read_dir(folder).map_err(CompareError::write(folder))? {
        let path = entry.map_err(CompareError::write(folder))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_ours = ["a-", "b-", "difference-"]
            .iter()
            .any(|side| name.starts_with(side));
        if is_ours && name.ends_with(".png") {
            fs::remove_file(&path).map_err(CompareError::write(&path))?;
        }
    }
    Ok(())
}

fn put(path: &Path, image: &RgbImage) -> Result<(), CompareError> {
    let bytes = encode_png(image, |encoder| {
        encoder.set_compression(Compression::Fast);
        Ok(())
    })?;
    Ok(store::write_new_file(path, &bytes)?)
}
