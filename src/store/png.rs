//! PNGs of cells and inputs: pixels, and how they were made. They contain nothing about when or how fast they were
//! made, so that equal pixels and parameters give equal bytes.

use image::{GrayImage, Rgb, RgbImage};
use serde::Serialize;

use crate::image::MaskRecipe;
use crate::image::encode_png;
use crate::pipeline::Masking;
use crate::plan::{Cell, Fitted, FittedMask, Plan};
use crate::spec::Numerics;
use crate::vocabulary::{Parameters, Record, Scale, shown_mask, shown_path};

/// The `ip2p` chunk: everything that makes the cell, exactly.
#[derive(Debug, Serialize)]
struct Provenance<'a> {
    cell: &'a str,
    parameters: &'a Parameters,
    width: u32,
    height: u32,
    numerics: &'a Numerics,
    model_sha256: Option<&'a str>,
    image_sha256: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mask: Option<Masked<'a>>,
    /// The cells from whose images it was made, from the first stage on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    path: Vec<Ancestor<'a>>,
    device: &'a str,
    precision: &'a str,
}

/// A cell's mask, and how its stage treats it.
#[derive(Debug, Serialize)]
struct Masked<'a> {
    sha256: Option<&'a str>,
    recipe: Option<MaskRecipe>,
    masking: Masking,
}

impl<'a> Masked<'a> {
    fn of(plan: &'a Plan, cell: &Cell) -> Option<Self> {
        let mask = plan.mask(&cell.parameters.mask)?;
        Some(Self {
            sha256: Some(mask.sha256.as_str()).filter(|sha256| !sha256.is_empty()),
            recipe: mask.recipe.as_ref().map(MaskRecipe::shown),
            masking: plan.stages.get(cell.stage)?.masking,
        })
    }
}

/// A cell of an earlier stage, as part of [`Provenance`].
#[derive(Debug, Serialize)]
struct Ancestor<'a> {
    stage: &'a str,
    cell: &'a str,
    parameters: Parameters,
    model_sha256: Option<&'a str>,
    image_sha256: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mask: Option<Masked<'a>>,
}

/// The image as a PNG with an iTXt chunk `ip2p` (JSON) and a text chunk `parameters` (the format that other tools for
/// diffusion images read).
pub(super) fn encode(
    image: &RgbImage,
    plan: &Plan,
    cell: &Cell,
    record: &Record,
) -> Result<Vec<u8>, png::EncodingError> {
    let infotext = infotext(cell);
    let provenance = provenance(plan, cell, record)?;
    encode_png(image, |encoder| {
        // tEXt holds only Latin-1.
        if infotext.chars().all(|letter| u32::from(letter) < 256) {
            encoder.add_text_chunk("parameters".to_owned(), infotext)?;
        } else {
            encoder.add_itxt_chunk("parameters".to_owned(), infotext)?;
        }
        encoder.add_itxt_chunk("ip2p".to_owned(), provenance)
    })
}

/// An input as a PNG with an iTXt chunk `ip2p` (JSON) that says what it was made from.
pub(super) fn encode_input(
    image: &RgbImage,
    plan: &Plan,
    fitted: Fitted,
) -> Result<Vec<u8>, png::EncodingError> {
    let entry = plan.image(fitted.image);
    let origin = serde_json::json!({
        "image": shown_path(fitted.image), "image_sha256": entry.map(|entry| &entry.sha256), "fit": plan.fit,
    });
    encode_png(image, |encoder| {
        encoder.add_itxt_chunk("ip2p".to_owned(), origin.to_string())
    })
}

/// A mask as a PNG with an iTXt chunk `ip2p` (JSON) that says what it was made from.
pub(super) fn encode_mask(
    levels: &GrayImage,
    fitted: FittedMask,
) -> Result<Vec<u8>, png::EncodingError> {
    let origin = serde_json::json!({ "mask": shown_mask(fitted.mask) });
    let (width, height) = levels.dimensions();
    let coloured = RgbImage::from_fn(width, height, |x, y| Rgb([levels.get_pixel(x, y)[0]; 3]));
    encode_png(&coloured, |encoder| {
        encoder.add_itxt_chunk("ip2p".to_owned(), origin.to_string())
    })
}

fn provenance(plan: &Plan, cell: &Cell, record: &Record) -> Result<String, png::EncodingError> {
    let parameters = &cell.parameters;
    let model = plan.model(&parameters.model);
    let image = plan.image(&parameters.image);
    let provenance = Provenance {
        cell: cell.key.as_str(),
        parameters: &shown(parameters),
        width: cell.width,
        height: cell.height,
        numerics: &plan.numerics,
        model_sha256: model.map(|model| model.sha256.as_str()),
        image_sha256: image.map(|image| image.sha256.as_str()),
        mask: Masked::of(plan, cell),
        path: path(plan, cell),
        device: &record.device,
        precision: &record.precision,
    };
    serde_json::to_string(&provenance).map_err(|error| png::EncodingError::IoError(error.into()))
}

/// Parameters as shown to others, without the locations of files.
fn shown(parameters: &Parameters) -> Parameters {
    Parameters {
        model: shown_path(&parameters.model).into(),
        image: shown_path(&parameters.image).into(),
        mask: shown_mask(&parameters.mask).as_ref().into(),
        ..parameters.clone()
    }
}

/// The cells from whose images a cell was made.
fn path<'a>(plan: &'a Plan, cell: &Cell) -> Vec<Ancestor<'a>> {
    let ancestors = plan.ancestors(cell).into_iter().map(|cell| Ancestor {
        stage: plan.stages.get(cell.stage).map_or("", |stage| &stage.name),
        cell: cell.key.as_str(),
        parameters: shown(&cell.parameters),
        mask: Masked::of(plan, cell),
        model_sha256: plan
            .model(&cell.parameters.model)
            .map(|model| model.sha256.as_str()),
        image_sha256: plan
            .image(&cell.parameters.image)
            .map(|image| image.sha256.as_str()),
    });
    ancestors.collect()
}

/// The text that the AUTOMATIC1111 web UI writes and many tools read: the instruction, the negative prompt, then
/// settings by name.
fn infotext(cell: &Cell) -> String {
    let Cell {
        parameters,
        width,
        height,
        ..
    } = cell;
    let mut text = one_line(&parameters.instruction);
    let negative = one_line(&parameters.negative_prompt);
    if !negative.is_empty() {
        text += &format!("\nNegative prompt: {negative}");
    }
    let (sampler, schedule) = parameters.scheduler.in_web_ui();
    text += &format!(
        "\nSteps: {}, Sampler: {sampler}",
        parameters.num_inference_steps
    );
    if let Some(schedule) = schedule {
        text += &format!(", Schedule type: {schedule}");
    }
    text += &format!(
        ", CFG scale: {}, Image CFG scale: {}, Seed: {}, Size: {width}x{height}, Model: {}",
        parameters.guidance_scale,
        parameters.image_guidance_scale,
        parameters.seed,
        quoted(shown_path(&parameters.model)),
    );
    if let Some(strength) = parameters.strength {
        text += &format!(", Denoising strength: {strength}");
    }
    let (start, end) = (parameters.guidance_start, parameters.guidance_end);
    if (start, end) != (Scale::zero(), Scale::one()) {
        text += &format!(", Guidance start: {start}, Guidance end: {end}");
    }
    text
}

/// Lines have a meaning in this format, so the text is put on one line; the `ip2p` chunk holds it exactly.
fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// Quoted as JSON if the text could be taken for several settings.
fn quoted(text: &str) -> String {
    if text.contains([',', ':', '\n', '"']) {
        serde_json::Value::from(text).to_string()
    } else {
        text.to_owned()
    }
}
