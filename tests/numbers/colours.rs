//! Colours that files declare other than as sRGB: noted, and converted where that is asked.

use std::fs;
use std::path::Path;

use image::{Rgb, RgbImage};
use ip2p_sweep::image::{Colour, Note, probe, read_probed};

#[test]
fn colours_are_converted_where_that_is_asked() {
    use image::codecs::png::PngEncoder;
    use image::codecs::tiff::TiffEncoder;
    use image::{ExtendedColorType, ImageEncoder};
    fn write(
        mut encoder: impl ImageEncoder,
        levels: &[u8],
        color: ExtendedColorType,
        profile: &moxcms::ColorProfile,
    ) {
        encoder.set_icc_profile(profile.encode().unwrap()).unwrap();
        encoder.write_image(levels, 1, 1, color).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let read = |path: &Path| {
        let probed = probe(path, Colour::Srgb).unwrap();
        let image = read_probed(path, &probed.sha256, probed.converted).unwrap();
        (image.get_pixel(0, 0).0, probed)
    };
    let converted = |levels: &[u8], color: ExtendedColorType, profile: moxcms::ColorProfile| {
        let path = folder.path().join("p3.png");
        let encoder = PngEncoder::new(fs::File::create(&path).unwrap());
        write(encoder, levels, color, &profile);
        read(&path)
    };
    // By the matrices of SMPTE EG 432-1 and IEC 61966-2-1: linear 0.8550, 0.2122, 0.0908 becomes 0.9994, 0.1852,
    // 0.0663.
    let p3 = moxcms::ColorProfile::new_display_p3;
    let (pixel, probed) = converted(&[238, 127, 85], ExtendedColorType::Rgb8, p3());
    let near = |pixel: [u8; 3], expected: [u8; 3]| {
        let pairs = pixel.iter().zip(expected);
        assert!(
            pairs.clone().all(|(a, b)| a.abs_diff(b) <= 1),
            "{pixel:?} for {expected:?}"
        );
    };
    near(pixel, [255, 119, 73]);
    assert!(probed.converted);
    assert!(
        matches!(&probed.notes[..], [Note::Converted { .. }]),
        "{:?}",
        probed.notes
    );
    // In a picture that is far smaller than its profile, too.
    let tiff = folder.path().join("p3.tiff");
    let encoder = TiffEncoder::new(fs::File::create(&tiff).unwrap());
    write(encoder, &[238, 127, 85], ExtendedColorType::Rgb8, &p3());
    let (pixel, probed) = read(&tiff);
    near(pixel, [255, 119, 73]);
    assert!(probed.converted);
    // Colours are converted first, then composited on white.
    let (pixel, probed) = converted(&[238, 127, 85, 0], ExtendedColorType::Rgba8, p3());
    assert_eq!(pixel, [255; 3]);
    assert!(probed.converted);
    let srgb = moxcms::ColorProfile::new_srgb();
    let (pixel, probed) = converted(&[238, 127, 85], ExtendedColorType::Rgb8, srgb);
    assert_eq!((pixel, probed.converted), ([238, 127, 85], false));
}

/// The pixel of a file in sRGB, and the notes on the file.
fn in_srgb(name: &str, bytes: &[u8]) -> ([u8; 3], String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    let probed = probe(&path, Colour::Srgb).unwrap();
    let image = read_probed(&path, &probed.sha256, probed.converted).unwrap();
    let notes = probed.notes.iter().map(|note| format!("{note}\n"));
    (image.get_pixel(0, 0).0, notes.collect())
}

#[test]
fn colours_that_a_png_declares_in_other_chunks_are_noted_and_converted() {
    let with = |chunks: &[(&[u8; 4], Vec<u8>)], levels: [u8; 3]| {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, 1, 1);
        encoder.set_color(png::ColorType::Rgb);
        let mut writer = encoder.write_header().unwrap();
        for (name, data) in chunks {
            writer
                .write_chunk(png::chunk::ChunkType(**name), data)
                .unwrap();
        }
        writer.write_image_data(&levels).unwrap();
        writer.finish().unwrap();
        in_srgb("declared.png", &bytes)
    };
    let numbers = |numbers: &[u32]| -> Vec<u8> {
        let bytes = numbers.iter().flat_map(|number| number.to_be_bytes());
        bytes.collect()
    };
    let linear = || (b"gAMA", numbers(&[100_000]));
    let usual = || (b"gAMA", numbers(&[45_455]));
    let p3 = [
        31_270, 32_900, 68_000, 32_000, 26_500, 69_000, 15_000, 6_000,
    ];
    let srgb = [
        31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000,
    ];
    let near = |(pixel, notes): ([u8; 3], String), expected: [u8; 3], note: &str| {
        let mut pairs = pixel.iter().zip(expected);
        assert!(pairs.all(|(a, b)| a.abs_diff(b) <= 1), "{pixel:?}");
        let whole = format!("the image has the colour profile {note}: converted to sRGB\n");
        assert_eq!(notes, if note.is_empty() { "" } else { &whole });
    };
    // As in the test of profiles: Display P3 by its primaries, and by its code points.
    let [colour, converted] = [[238, 127, 85], [255, 119, 73]];
    near(
        with(&[(b"cHRM", numbers(&p3))], colour),
        converted,
        "of its cHRM chunk",
    );
    let points = || (b"cICP", vec![12, 13, 0, 1]);
    near(with(&[points()], colour), converted, "of its cICP chunk");
    // Linear 55/255 is 0.2157, 0.5020 in sRGB.
    near(
        with(&[linear()], [55, 0, 255]),
        [128, 0, 255],
        "of its gAMA chunk",
    );
    // What an image editor writes for sRGB, and what goes before the rest.
    near(
        with(&[usual(), (b"cHRM", numbers(&srgb))], colour),
        colour,
        "",
    );
    near(with(&[linear(), (b"sRGB", vec![0])], colour), colour, "");
    near(
        with(&[points(), (b"sRGB", vec![0])], colour),
        converted,
        "of its cICP chunk",
    );
}

#[test]
fn the_colour_space_that_a_camera_names_in_exif_data_is_noted_and_converted() {
    let exif = |index: &[u8; 4]| {
        let entry = |tag: u16, kind: u16, count: u32, value: &[u8]| {
            let parts = [
                &1u16.to_le_bytes()[..],
                &tag.to_le_bytes(),
                &kind.to_le_bytes(),
                &count.to_le_bytes(),
                value,
                &[0; 4],
            ];
            parts.concat()
        };
        let directories = [
            entry(0x8769, 4, 1, &26u32.to_le_bytes()),
            entry(0xa005, 4, 1, &44u32.to_le_bytes()),
            entry(1, 2, 4, index),
        ];
        [&b"II*\0\x08\0\0\0"[..], &directories.concat()].concat()
    };
    let picture = RgbImage::from_pixel(8, 8, Rgb([200, 100, 50]));
    let jpeg = |index: &[u8; 4]| {
        let mut bytes = Vec::new();
        let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 100);
        picture.write_with_encoder(encoder).unwrap();
        let data = [b"Exif\0\0", &exif(index)[..]].concat();
        let length = u16::try_from(data.len() + 2).unwrap().to_be_bytes();
        let segment = [&[0xff, 0xe1], &length[..], &data].concat();
        bytes.splice(2..2, segment);
        in_srgb("camera.jpg", &bytes)
    };
    // As LittleCMS converts it from Adobe RGB; the JPEG itself costs a level or two.
    let (pixel, notes) = jpeg(b"R03\0");
    let mut pairs = pixel.iter().zip([227, 100, 42]);
    assert!(pairs.all(|(a, b)| a.abs_diff(b) <= 3), "{pixel:?}");
    assert_eq!(
        notes,
        "the image has the colour profile \"Adobe RGB (1998)\" by its Exif data: converted to sRGB\n"
    );
    assert_eq!(jpeg(b"R98\0").1, "");
}
