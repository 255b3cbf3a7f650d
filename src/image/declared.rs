//! Colours that a file declares otherwise than by an embedded profile.

use std::io::Cursor;

use image::ImageFormat;
use moxcms::{
    Chromaticity, CicpProfile, ColorPrimaries, ColorProfile, MatrixCoefficients, ToneReprCurve, XyY,
};
use png::{CodingIndependentCodePoints, ScaledFloat, SourceChromaticities};

use super::directory::Directories;

/// The gAMA chunk of pictures in sRGB, whose curve is not a power, and how far others are from it.
const GAMMA_OF_SRGB: f32 = 0.454_55;
const SAME_GAMMA: f32 = 0.005;

/// A profile, and what a note calls it.
pub(super) type Declared = (ColorProfile, &'static str);

/// What the chunks of a PNG say, or the Exif data of any format. An embedded profile counts more, except than `cICP`.
pub(super) fn declared(
    format: ImageFormat,
    bytes: &[u8],
    exif: Option<&[u8]>,
    is_embedded: bool,
) -> Option<Declared> {
    let chunks = (format == ImageFormat::Png)
        .then(|| chunks(bytes))
        .flatten();
    if let Some(points) = chunks.as_ref().and_then(|chunks| chunks.points) {
        return of_code_points(points);
    }
    if is_embedded || chunks.as_ref().is_some_and(|chunks| chunks.is_srgb) {
        return None;
    }
    chunks
        .and_then(|chunks| of_curve_and_primaries(chunks.gamma, chunks.primaries))
        .or_else(|| of_exif(exif?))
}

/// The chunks of a PNG on its colours.
struct Chunks {
    points: Option<CodingIndependentCodePoints>,
    is_srgb: bool,
    gamma: Option<ScaledFloat>,
    primaries: Option<SourceChromaticities>,
}

fn chunks(bytes: &[u8]) -> Option<Chunks> {
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    // Both would be decompressed.
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let reader = decoder.read_info().ok()?;
    let info = reader.info();
    Some(Chunks {
        points: info.coding_independent_code_points,
        is_srgb: info.srgb.is_some(),
        gamma: info.gama_chunk,
        primaries: info.chrm_chunk,
    })
}

/// By Rec. ITU-T H.273; full-range RGB, as PNG has it. What is not known there becomes a profile that cannot be applied.
fn of_code_points(points: CodingIndependentCodePoints) -> Option<Declared> {
    let profile = ColorProfile::new_from_cicp(CicpProfile {
        color_primaries: points.color_primaries.try_into().ok()?,
        transfer_characteristics: points.transfer_function.try_into().ok()?,
        matrix_coefficients: MatrixCoefficients::Identity,
        full_range: true,
    });
    Some((profile, "of its cICP chunk"))
}

/// What of both is not declared is that of sRGB.
fn of_curve_and_primaries(
    gamma: Option<ScaledFloat>,
    primaries: Option<SourceChromaticities>,
) -> Option<Declared> {
    let gamma = gamma.map(ScaledFloat::into_value);
    let gamma = gamma.filter(|gamma| (gamma - GAMMA_OF_SRGB).abs() > SAME_GAMMA);
    let name = match (gamma, primaries) {
        (None, None) => return None,
        (Some(_), None) => "of its gAMA chunk",
        (None, Some(_)) => "of its cHRM chunk",
        (Some(_), Some(_)) => "of its gAMA and cHRM chunks",
    };
    let mut profile = ColorProfile::new_srgb();
    // The code points would count more than the curve.
    profile.cicp = None;
    if let Some(primaries) = primaries {
        let (white, primaries) = points(primaries);
        profile.update_rgb_colorimetry(white, primaries);
    }
    if let Some(gamma) = gamma {
        let curve = ToneReprCurve::Parametric(vec![1.0 / gamma]);
        profile.red_trc = Some(curve.clone());
        profile.green_trc = Some(curve.clone());
        profile.blue_trc = Some(curve);
    }
    Some((profile, name))
}

fn points(declared: SourceChromaticities) -> (XyY, ColorPrimaries) {
    let point = |(x, y): (ScaledFloat, ScaledFloat)| Chromaticity {
        x: x.into_value(),
        y: y.into_value(),
    };
    let white = point(declared.white);
    let white = XyY {
        x: f64::from(white.x),
        y: f64::from(white.y),
        yb: 1.0,
    };
    let primaries = ColorPrimaries {
        red: point(declared.red),
        green: point(declared.green),
        blue: point(declared.blue),
    };
    (white, primaries)
}

/// Cameras say "R03" (DCF's optional colour space, Adobe RGB) and embed no profile.
fn of_exif(exif: &[u8]) -> Option<Declared> {
    const EXIF: u64 = 0x8769;
    const INTEROPERABILITY: u64 = 0xa005;
    const INDEX: u64 = 1;
    let directories = Directories::new(exif);
    let inner = directories.number_of(directories.first()?, EXIF)?;
    let inner = directories.number_of(inner, INTEROPERABILITY)?;
    let index = directories.bytes_of(inner, INDEX)?;
    let name = "\"Adobe RGB (1998)\" by its Exif data";
    index
        .starts_with(b"R03")
        .then(|| (ColorProfile::new_adobe_rgb(), name))
}
