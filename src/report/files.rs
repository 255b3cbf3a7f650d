//! Files that are whole or not there, and images that become such files.

use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;

use image::{ImageEncoder, RgbImage};

use super::ReportError;

/// Writes a file under a temporary name and renames it; its folder is made if needed. A file that
/// already has these bytes is left alone.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), ReportError> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(ReportError::write(folder))?;
    let mut file = temporary(folder).map_err(ReportError::write(path))?;
    file.write_all(bytes).map_err(ReportError::write(path))?;
    file.persist(path)
        .map_err(|error| ReportError::write(path)(error.error))?;
    Ok(())
}

/// A temporary file that others may read once it has its name: a report is there to be served.
fn temporary(folder: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".report-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o644));
    }
    builder.tempfile_in(folder)
}

/// Writes an image as PNG.
pub(super) fn write_png(path: &Path, image: &RgbImage) -> Result<(), ReportError> {
    let mut bytes = Vec::new();
    let encoder = image::codecs::png::PngEncoder::new(&mut bytes);
    encode(path, image, encoder)?;
    write(path, &bytes)
}

/// Writes an image as JPEG.
pub(super) fn write_jpeg(path: &Path, image: &RgbImage, quality: u8) -> Result<(), ReportError> {
    let mut bytes = Cursor::new(Vec::new());
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, quality);
    encode(path, image, encoder)?;
    write(path, bytes.get_ref())
}

fn encode(path: &Path, image: &RgbImage, encoder: impl ImageEncoder) -> Result<(), ReportError> {
    encoder
        .write_image(
            image,
            image.width(),
            image.height(),
            image::ExtendedColorType::Rgb8,
        )
        .map_err(|source| ReportError::Picture {
            path: path.to_owned(),
            source,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_else_is_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/page.html");
        write(&path, b"one").unwrap();
        write(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        let names: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().collect();
        assert_eq!(names.len(), 1);
    }
}
