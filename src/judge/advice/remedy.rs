//! What to try, in words.

use super::measured::{GUIDANCE, Measured};
use super::remark::Remark;

/// The settings in which another cell differs, in words.
pub(super) fn settings(cell: &Measured, other: &Measured) -> String {
    let values = cell.guidance().into_iter().zip(other.guidance());
    let differing = GUIDANCE
        .iter()
        .zip(values)
        .filter(|(_, (from, to))| from != to);
    let named: Vec<String> = differing
        .map(|((parameter, _), (_, to))| format!("{parameter} {to}"))
        .collect();
    named.join(" and ")
}

/// General advice, as far as the cell's settings leave room for it (README, "When something is wrong").
pub(super) fn general(cell: &Measured, remark: Remark) -> String {
    let parameters = &cell.cell.parameters;
    let (image, text) = (parameters.image_guidance_scale, parameters.guidance_scale);
    let (image, text) = (image.to_f32(), text.to_f32());
    let hints: &[(bool, &str)] = match remark {
        Remark::HardlyChanged => &[
            (image > 1.2, "lower image_guidance_scale to 1.0 to 1.2"),
            (text < 10.0, "raise guidance_scale to 10 or more"),
            (
                image <= 1.2 && text >= 10.0,
                "try another seed, or word the instruction otherwise",
            ),
        ],
        Remark::FarFromInput => &[
            (image < 2.0, "raise image_guidance_scale to 2.0 or more"),
            (text > 5.0, "lower guidance_scale to 5 or less"),
            (
                image >= 2.0 && text <= 5.0,
                "try another seed, or word the instruction otherwise",
            ),
        ],
        Remark::Paler => &[
            (
                parameters.negative_prompt.is_empty(),
                "try a negative prompt such as \"washed out, low contrast\"",
            ),
            (true, "lower guidance_scale"),
        ],
        Remark::MoreColourful => &[
            (true, "lower guidance_scale"),
            (image < 2.0, "raise image_guidance_scale"),
        ],
    };
    let fitting: Vec<&str> = hints
        .iter()
        .filter(|(fits, _)| *fits)
        .map(|(_, hint)| *hint)
        .collect();
    fitting.join(", or ")
}
