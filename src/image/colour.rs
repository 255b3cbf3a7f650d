//! Colour profiles (ICC): whether a picture's colours are those of sRGB, which diffusers takes all colours for.

use moxcms::{ColorProfile, DataColorSpace, Layout, ProfileText, TransformOptions};

use super::Note;

/// Levels by which a profile's colours may differ from sRGB's and still count as those.
const SAME: u8 = 3;

/// The note on an embedded profile, if its colours are not sRGB's.
pub(super) fn note(icc: &[u8]) -> Option<Note> {
    let Some(profile) = ColorProfile::new_from_slice(icc).ok() else {
        return Some(Note::UnreadableProfile);
    };
    match largest_difference(&profile) {
        None => Some(Note::UnreadableProfile),
        Some(difference) if difference <= SAME => None,
        Some(_) => Some(Note::Profile {
            name: name(&profile),
        }),
    }
}

/// By how many levels some colours differ from what they would be in sRGB. None of a profile that cannot be applied.
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
        // Inks are noted as such.
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

/// What a profile calls itself, fit to be printed.
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
