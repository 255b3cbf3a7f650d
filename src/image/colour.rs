//! Colour profiles (ICC): whether a picture's colours are those of sRGB, which diffusers assumes for all pictures, and
//! how to convert them.

use image::{DynamicImage, RgbImage, RgbaImage};
use moxcms::{ColorProfile, DataColorSpace, Layout, ProfileText, TransformOptions};

/// The largest difference in levels at which a profile's colours still count as sRGB.
const SAME: u8 = 3;

/// The meaning of a file's profile.
pub(super) enum ColourKind {
    /// The colours are those of sRGB.
    Srgb,
    /// The profile is not valid.
    Unreadable,
    /// The colours differ from sRGB.
    Other(Box<Profile>),
}

/// A profile with colours other than sRGB.
pub(super) struct Profile {
    profile: ColorProfile,
    /// What a note calls it.
    pub name: String,
}

/// By the profile that is embedded in a file.
pub(super) fn of_embedded(icc: &[u8]) -> ColourKind {
    match ColorProfile::new_from_slice(icc) {
        Ok(profile) => {
            let name = name(&profile);
            of_profile(profile, name)
        }
        Err(_) => ColourKind::Unreadable,
    }
}

/// By a profile that is called `name`.
pub(super) fn of_profile(profile: ColorProfile, name: String) -> ColourKind {
    match largest_difference(&profile) {
        None => ColourKind::Unreadable,
        Some(difference) if difference <= SAME => ColourKind::Srgb,
        Some(_) => ColourKind::Other(Box::new(Profile { profile, name })),
    }
}

impl Profile {
    /// An 8-bit picture with its colours converted to sRGB; `None` if the profile does not apply to such pictures.
    pub fn to_srgb(&self, image: DynamicImage) -> Option<DynamicImage> {
        let (width, height) = (image.width(), image.height());
        let alpha = image.color().has_alpha();
        let (from, to) = match (self.profile.color_space, alpha) {
            (DataColorSpace::Gray, false) => (Layout::Gray, Layout::Rgb),
            (DataColorSpace::Gray, true) => (Layout::GrayAlpha, Layout::Rgba),
            (_, false) => (Layout::Rgb, Layout::Rgb),
            (_, true) => (Layout::Rgba, Layout::Rgba),
        };
        let levels = match (from, image.color().has_color()) {
            (Layout::Gray | Layout::GrayAlpha, true) => return None,
            (Layout::Gray, false) => image.into_luma8().into_raw(),
            (Layout::GrayAlpha, false) => image.into_luma_alpha8().into_raw(),
            (Layout::Rgb, _) => image.into_rgb8().into_raw(),
            _ => image.into_rgba8().into_raw(),
        };
        let mut converted = vec![0; levels.len() / from.channels() * to.channels()];
        let srgb = ColorProfile::new_srgb();
        let options = TransformOptions::default();
        let transform = self.profile.create_transform_8bit(from, &srgb, to, options);
        transform.ok()?.transform(&levels, &mut converted).ok()?;
        match alpha {
            true => RgbaImage::from_raw(width, height, converted).map(DynamicImage::from),
            false => RgbImage::from_raw(width, height, converted).map(DynamicImage::from),
        }
    }
}

/// The largest difference, in levels, between sample colours and their values in sRGB; `None` if the profile cannot be
/// applied.
fn largest_difference(profile: &ColorProfile) -> Option<u8> {
    let steps = || (0..=255).step_by(51);
    let colours: Vec<u8> = steps()
        .flat_map(|red| steps().flat_map(move |green| steps().map(move |blue| [red, green, blue])))
        .flatten()
        .collect();
    let (layout, levels): (_, Vec<u8>) = match profile.color_space {
        DataColorSpace::Gray => (
            Layout::Gray,
            colours.chunks(3).map(|colour| colour[0]).collect(),
        ),
        // CMYK has a note of its own.
        DataColorSpace::Cmyk => return Some(0),
        _ => (Layout::Rgb, colours.clone()),
    };
    let srgb = ColorProfile::new_srgb();
    let options = TransformOptions::default();
    let transform = profile
        .create_transform_8bit(layout, &srgb, Layout::Rgb, options)
        .ok()?;
    let mut converted = vec![0; colours.len()];
    transform.transform(&levels, &mut converted).ok()?;
    let expected = levels.iter().flat_map(|&level| match layout {
        Layout::Gray => vec![level; 3],
        _ => vec![level],
    });
    converted
        .iter()
        .zip(expected)
        .map(|(a, b)| a.abs_diff(b))
        .max()
}

/// The profile's own name, made safe for printing.
fn name(profile: &ColorProfile) -> String {
    let text = match &profile.description {
        Some(ProfileText::PlainString(text)) => text.as_str(),
        Some(ProfileText::Localizable(texts)) => texts.first().map_or("", |text| &text.value),
        Some(ProfileText::Description(text)) => &text.ascii_string,
        None => "",
    };
    let printable = text.chars().filter(|char| !char.is_control()).take(60);
    match printable.collect::<String>().trim() {
        "" => "without a name".to_owned(),
        name => format!("\"{name}\""),
    }
}
