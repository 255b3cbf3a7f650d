//! Reading and fitting images, compared with Pillow (`tests/golden/images`), and files that cannot be used.

use std::fs;
use std::path::{Path, PathBuf};

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use ip2p_sweep::image::{Colour, Fit, ImageError, Note, Size, fit, fit_size, probe, read};
use miette::Diagnostic;

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/images")
}

#[derive(serde::Deserialize)]
struct Index {
    cases: Vec<Case>,
}

#[derive(serde::Deserialize)]
struct Case {
    source: String,
    fit: String,
    resolution: Option<u32>,
    multiple: Option<u32>,
    vae_factor: Option<u32>,
    upright: (u32, u32),
    size: (u32, u32),
    expected: String,
    tolerance: u8,
}

/// The largest difference between two images of equal size, in levels.
fn difference(one: &RgbImage, other: &RgbImage) -> u8 {
    assert_eq!(one.dimensions(), other.dimensions());
    let pairs = one.as_raw().iter().zip(other.as_raw());
    pairs
        .map(|(one, other)| one.abs_diff(*other))
        .max()
        .unwrap()
}

#[test]
fn every_kind_of_image_is_read_and_fitted_as_pillow_does() {
    let index: Index =
        serde_json::from_slice(&fs::read(golden().join("index.json")).unwrap()).unwrap();
    assert!(index.cases.len() > 80);
    let mut wrong = Vec::new();
    for case in &index.cases {
        let path = golden().join("source").join(&case.source);
        let (upright, _) = read(&path).unwrap();
        assert_eq!(upright.dimensions(), case.upright, "{}", case.source);
        let probed = probe(&path, Colour::Ignored).unwrap();
        assert_eq!((probed.width, probed.height), case.upright);
        let (width, height) = case.upright;
        let result = match case.fit.as_str() {
            "none" => upright,
            rule => {
                let rule = if rule == "crop" {
                    Fit::Crop
                } else {
                    Fit::Floor
                };
                let size = Size {
                    resolution: case.resolution,
                    fit: rule,
                    ..Size::default()
                };
                let factor = case.vae_factor.or(case.multiple).unwrap();
                let fitted = fit_size(width, height, &size, 512, factor, factor).unwrap();
                assert_eq!(fitted, case.size, "{}", case.expected);
                fit(&upright, fitted.0, fitted.1, rule)
            }
        };
        let expected = image::open(golden().join("expected").join(&case.expected)).unwrap();
        let difference = difference(&result, &expected.to_rgb8());
        if difference > case.tolerance {
            wrong.push(format!(
                "{}: {difference} of {}",
                case.expected, case.tolerance
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_was_done_to_an_image_is_said() {
    let notes = |name: &str| read(&golden().join("source").join(name)).unwrap().1;
    assert_eq!(notes("rgb.png"), []);
    assert_eq!(notes("palette.png"), []);
    assert_eq!(notes("grey.jpg"), [Note::GreyExpanded]);
    assert_eq!(notes("bilevel.png"), [Note::GreyExpanded]);
    assert_eq!(notes("rgba.png"), [Note::AlphaOnWhite]);
    assert_eq!(notes("palette_transparent.png"), [Note::AlphaOnWhite]);
    assert_eq!(
        notes("grey_alpha.png"),
        [Note::GreyExpanded, Note::AlphaOnWhite]
    );
    assert_eq!(notes("grey16.png"), [Note::Reduced, Note::GreyExpanded]);
    assert_eq!(notes("rgba16.png"), [Note::Reduced, Note::AlphaOnWhite]);
    assert_eq!(
        Note::AlphaOnWhite.to_string(),
        "the image is partly transparent: composited on white"
    );
}

#[test]
fn the_first_frame_of_an_animation_is_used_with_a_note() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("two.gif");
    let red = RgbImage::from_pixel(9, 7, Rgb([255, 0, 0]));
    let blue = RgbImage::from_pixel(9, 7, Rgb([0, 0, 255]));
    let mut encoder = image::codecs::gif::GifEncoder::new(fs::File::create(&path).unwrap());
    for frame in [&red, &blue] {
        let rgba = DynamicImage::from(frame.clone()).into_rgba8();
        encoder.encode_frame(image::Frame::new(rgba)).unwrap();
    }
    drop(encoder);
    let (image, notes) = read(&path).unwrap();
    assert_eq!(image, red);
    assert_eq!(notes, [Note::FirstFrame]);
}

/// A PNG with an additional chunk before its picture.
fn png_with(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut plain = std::io::Cursor::new(Vec::new());
    let picture = RgbImage::from_pixel(9, 7, Rgb([255, 0, 0]));
    picture.write_to(&mut plain, ImageFormat::Png).unwrap();
    let mut bytes = plain.into_inner();
    let mut chunk = kind.to_vec();
    chunk.extend(data);
    let checksum = chunk.iter().fold(!0_u32, |sum, &byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| {
            (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg())
        })
    });
    let length = (data.len() as u32).to_be_bytes();
    let whole = [&length[..], &chunk, &(!checksum).to_be_bytes()].concat();
    // After the signature and the header.
    bytes.splice(33..33, whole);
    bytes
}

#[test]
fn an_animated_png_is_known_by_its_chunks() {
    let folder = tempfile::tempdir().unwrap();
    let notes = |name: &str, bytes: Vec<u8>| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        read(&path).unwrap().1
    };
    // Two frames, repeated for ever; the picture is the first.
    let animated = png_with(b"acTL", &[0, 0, 0, 2, 0, 0, 0, 0]);
    assert_eq!(notes("animated.png", animated), [Note::FirstFrame]);
    assert_eq!(notes("text.png", png_with(b"tEXt", b"acTL\0acTL")), []);
}

/// The error and its remedy for a file with these bytes.
fn failure(name: &str, bytes: &[u8]) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    let error = read(&path).unwrap_err();
    assert_eq!(
        probe(&path, Colour::Ignored).unwrap_err().to_string(),
        error.to_string()
    );
    let place = path.display().to_string();
    (
        error.to_string().replace(&place, name),
        error.help().unwrap().to_string(),
    )
}

#[test]
fn files_that_are_no_images_are_named_with_a_remedy() {
    let (error, help) = failure("empty.png", b"");
    assert_eq!(
        (error.as_str(), help.as_str()),
        ("image empty.png is empty", "copy or download it again")
    );
    let (error, help) = failure("text.png", b"It was a dark and stormy night.");
    assert_eq!(error, "text.png is not an image that can be read");
    assert!(help.starts_with("PNG, JPEG, WebP, GIF, BMP and TIFF can be read"));
    let error = read(Path::new("no/such/image.png")).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("cannot read image no/such/image.png: "),
        "{error}"
    );
    let error = read(&golden()).unwrap_err();
    assert!(matches!(error, ImageError::NotAFile { .. }), "{error}");
}

#[test]
fn images_cut_short_anywhere_are_errors() {
    let sources = golden().join("source");
    for name in ["rgb.png", "photo.jpg", "exif_6.jpg", "grey16.png"] {
        let bytes = fs::read(sources.join(name)).unwrap();
        for part in 1..20 {
            let (error, _) = failure(name, &bytes[..bytes.len() * part / 20]);
            assert!(
                error.starts_with(&format!("image {name} is damaged or cut short: ")),
                "{part}: {error}"
            );
        }
    }
    let image = DynamicImage::from(RgbImage::from_fn(40, 30, |x, y| Rgb([x as u8, y as u8, 9])));
    for format in [
        ImageFormat::WebP,
        ImageFormat::Bmp,
        ImageFormat::Gif,
        ImageFormat::Tiff,
    ] {
        let mut bytes = std::io::Cursor::new(Vec::new());
        let whole = if format == ImageFormat::Gif {
            image.to_rgba8().into()
        } else {
            image.clone()
        };
        whole.write_to(&mut bytes, format).unwrap();
        let bytes = bytes.into_inner();
        failure("half", &bytes[..bytes.len() / 2]);
    }
}

#[test]
fn what_follows_a_jpeg_is_no_part_of_it_and_its_end_mark_may_be_missing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trailer.jpg");
    for name in ["source/photo.jpg", "odd/progressive.jpg"] {
        let bytes = fs::read(golden().join(name)).unwrap();
        let whole = read(&golden().join(name)).unwrap();
        let end = bytes.len() - 2;
        assert_eq!(bytes[end..], [0xff, 0xd9]);
        // The film of a motion photo, which contains JPEG markers itself.
        let film = [
            b"\0\0\0\x18ftypmp42",
            &bytes[bytes.len() / 2..end],
            &[0xff, 0xda, 7],
        ]
        .concat();
        let text = b"a trailer of words".as_slice();
        for trailer in [&film, text, &[0xff; 3]] {
            fs::write(&path, [&bytes, trailer].concat()).unwrap();
            assert_eq!(read(&path).unwrap(), whole, "{name}");
        }
        for trailer in [text, &[], &[0xff]] {
            fs::write(&path, [&bytes[..end], trailer].concat()).unwrap();
            assert_eq!(read(&path).unwrap(), whole, "{name} without an end mark");
        }
        for cut in [20, 300, bytes.len() / 2] {
            // Bytes that are not markers would be taken for the missing data.
            for trailer in [
                &[][..],
                &[0xff, 0xe1, 0, 4, 7, 7],
                &[0xff, 0xd8, 0xff, 0xd9],
            ] {
                let cut = [&bytes[..bytes.len() - cut], trailer].concat();
                fs::write(&path, cut).unwrap();
                let error = read(&path).map(|_| name).unwrap_err().to_string();
                assert!(error.contains("is damaged or cut short: "), "{error}");
            }
        }
    }
}

#[test]
fn what_is_ignored_of_an_image_is_said() {
    use image::ImageEncoder;
    use image::codecs::png::PngEncoder;
    let notes = |name: &str| read(&golden().join("odd").join(name)).unwrap().1;
    assert_eq!(notes("pages.tiff"), [Note::FirstPage]);
    assert_eq!(notes("cmyk.jpg"), [Note::Inks]);
    assert_eq!(notes("srgb.jpg"), []);
    assert_eq!(notes("progressive.jpg"), []);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("profile.png");
    let with_profile = |profile: Vec<u8>| {
        let mut encoder = PngEncoder::new(fs::File::create(&path).unwrap());
        encoder.set_icc_profile(profile).unwrap();
        encoder
            .write_image(&[9; 12], 2, 2, image::ExtendedColorType::Rgb8)
            .unwrap();
        read(&path).unwrap().1
    };
    let encoded = |profile: moxcms::ColorProfile| profile.encode().unwrap();
    assert_eq!(with_profile(encoded(moxcms::ColorProfile::new_srgb())), []);
    for (profile, name) in [
        (moxcms::ColorProfile::new_display_p3(), "P3"),
        (moxcms::ColorProfile::new_adobe_rgb(), "Adobe"),
    ] {
        let notes = with_profile(encoded(profile));
        let [Note::Profile { name: found }] = notes.as_slice() else {
            panic!("{notes:?}")
        };
        assert!(found.contains(name), "{found}");
    }
    assert_eq!(
        with_profile(b"nonsense".to_vec()),
        [Note::UnreadableProfile]
    );
}

#[test]
fn a_git_lfs_pointer_is_called_one() {
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
    let (error, help) = failure("photo.png", pointer);
    assert_eq!(
        error,
        "image photo.png is a Git LFS pointer, not the image itself"
    );
    assert!(help.starts_with("run `git lfs pull`"), "{help}");
}

#[test]
fn a_gif_of_one_frame_is_not_animated() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("one.gif");
    RgbImage::new(9, 7).save(&path).unwrap();
    assert_eq!(read(&path).unwrap().1, []);
}

#[test]
fn enormous_images_are_refused_before_they_are_decoded() {
    // A PNG's header is enough: it claims 60000 x 60000 pixels, and the data is missing.
    let mut bytes = fs::read(golden().join("source/rgb.png")).unwrap();
    bytes[16..20].copy_from_slice(&60_000u32.to_be_bytes());
    bytes[20..24].copy_from_slice(&60_000u32.to_be_bytes());
    let crc = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&crc.to_be_bytes());
    let (error, help) = failure("huge.png", &bytes);
    assert!(
        error.starts_with("image huge.png is too large: "),
        "{error}"
    );
    assert_eq!(
        help,
        "scale it down first: at most 16384 pixels a side, 100 megapixels and 512 MiB"
    );

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sparse.png");
    fs::File::create(&path).unwrap().set_len(600 << 20).unwrap();
    let error = read(&path).unwrap_err();
    assert!(
        error.to_string().ends_with("is too large: 600 MiB"),
        "{error}"
    );
}

/// The checksum of PNG chunks.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}
