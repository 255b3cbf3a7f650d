//! The definitions of the keys that are not parameters; like those of parameters, they drive parser, schema and
//! template.

use super::settings::{CheckSpec, MemoryPolicy, SheetSpec, VaeTile};
use super::{CELL_SIDES, MAX_MEMORY_MIB, MAX_THREADS, MIN_TILE};
use crate::diffusion::{GuidanceMode, NoiseSource};
use crate::image::Colour;
use crate::pipeline::Outside;

/// A key that is not a parameter. Settings are equal if they are the same static.
#[derive(Debug)]
pub(super) struct Setting {
    pub key: &'static str,
    /// What it does, for editors.
    pub help: &'static str,
    pub form: Form,
    /// An example value in TOML, for error messages and the template.
    pub example: &'static str,
    /// What the template says beside it; `None` leaves it out of the template.
    pub note: Option<&'static str>,
}

impl PartialEq for Setting {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

/// Which values a setting takes, with its default if it has one.
#[derive(Debug)]
pub(super) enum Form {
    /// The name of a run folder.
    RunName,
    /// The name of a preset.
    PresetName,
    /// A single-line text.
    Prompt,
    /// A file or folder that exists.
    Path,
    /// One of these words; the first is the default.
    Choice(fn() -> Vec<&'static str>),
    /// One of these words or a whole number; the first word is the default.
    ChoiceOrWhole(fn() -> Vec<&'static str>, (u32, u32)),
    /// A device.
    Device,
    /// A whole number.
    Whole((u32, u32), Option<u32>),
    /// A number.
    Number((u32, u32), fn(&CheckSpec) -> f64),
    /// A number whose default comes from another table.
    NumberAsElsewhere((u32, u32)),
    /// A box in pixels: left, top, width and height.
    Box,
    /// True or false, with the default.
    Boolean(bool),
    /// The name of a stage, or a list of names.
    Stages,
    /// A parameter that is an axis of the sweep.
    Axis,
    /// Such a parameter, or a list of them.
    Axes,
}

impl Setting {
    /// What its values are, in words.
    pub fn noun(&self) -> &'static str {
        match self.form {
            Form::RunName | Form::PresetName | Form::Prompt | Form::Device => "text",
            Form::Axis | Form::Axes | Form::Stages => "text",
            Form::Choice(_) | Form::ChoiceOrWhole(..) => "text",
            Form::Path => "path",
            Form::Whole(..) => "whole number",
            Form::Number(..) | Form::NumberAsElsewhere(_) => "number",
            Form::Box => "list of four numbers",
            Form::Boolean(_) => "true or false",
        }
    }

    const fn new(key: &'static str, form: Form, example: &'static str, help: &'static str) -> Self {
        let note = None;
        Self {
            key,
            help,
            form,
            example,
            note,
        }
    }

    const fn noted(self, note: &'static str) -> Self {
        Self {
            note: Some(note),
            ..self
        }
    }
}

/// Bounds of an image's sides, in pixels.
pub(super) const SIDE: (u32, u32) = (16, 8192);
/// Bounds of `numerics.vae_tile`, in pixels.
pub(super) const TILE: (u32, u32) = (MIN_TILE, SIDE.1);
/// The largest `runtime.batch`.
pub(super) const MAX_BATCH: u32 = 1024;
/// Bounds of `check.perceptual_mean` and `check.perceptual_p99`.
pub(super) const PERCEPTUAL: (u32, u32) = (0, 100);
/// Bounds of `check.ssim`.
pub(super) const SSIM_RANGE: (u32, u32) = (0, 1);
/// Bounds of `check.latents`.
pub(super) const LATENTS_RANGE: (u32, u32) = (0, 10);
/// Bounds of `check.drift`.
pub(super) const DRIFT_RANGE: (u32, u32) = (1, 1000);

/// The words a key takes, each with its meaning; the first is the default.
pub(super) type Choices<T, const N: usize> = [(&'static str, T); N];

/// The words, without their meanings.
pub(super) fn names<T>(choices: &[(&'static str, T)]) -> Vec<&'static str> {
    choices.iter().map(|(name, _)| *name).collect()
}

/// The word with this meaning.
pub(super) fn name_of<T: PartialEq>(choices: &[(&'static str, T)], meaning: &T) -> &'static str {
    let mut choices = choices.iter();
    choices
        .find(|(_, meant)| meant == meaning)
        .map_or("", |(name, _)| name)
}

/// A word of `size.fit`; `exact` needs two more keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    Crop,
    Floor,
    Exact,
}

/// `outside`.
pub(super) const OUTSIDES: Choices<Outside, 2> =
    [("kept", Outside::Kept), ("decoded", Outside::Decoded)];

/// `size.fit`.
pub(super) const FITS: Choices<Rule, 3> = [
    ("crop", Rule::Crop),
    ("floor", Rule::Floor),
    ("exact", Rule::Exact),
];
/// `size.colour`.
pub(super) const COLOURS: Choices<Colour, 2> =
    [("ignored", Colour::Ignored), ("srgb", Colour::Srgb)];
/// `numerics.noise`.
pub(super) const NOISES: Choices<NoiseSource, 2> = [
    ("torch-cpu", NoiseSource::TorchCpu),
    ("torch-cuda", NoiseSource::TorchCuda),
];
/// `numerics.guidance`.
pub(super) const GUIDANCES: Choices<GuidanceMode, 2> = [
    ("formula", GuidanceMode::Formula),
    ("diffusers", GuidanceMode::Diffusers),
];
/// The words of `numerics.vae_tile`.
pub(super) const VAE_TILES: Choices<VaeTile, 2> = [("auto", VaeTile::Auto), ("off", VaeTile::Off)];

macro_rules! settings {
    ($(#[doc = $doc:literal] $table:ident: $($name:ident = $setting:expr,)*;)*) => {
        $(
            $(pub(super) static $name: Setting = $setting;)*

            #[doc = $doc]
            pub(super) static $table: &[&Setting] = &[$(&$name),*];
        )*
    };
}

settings! {
    /// At the top of the file.
    TOP:
    NAME = Setting::new("name", Form::RunName, "\"winter\"",
        "Name of the run folder, results/NAME. Default: the name of this file.")
        .noted("the run folder results/NAME; default: this file's name"),
    ;

    /// In every stage, under `[sweep]` and `[[then]]`.
    STAGE:
    OUTSIDE = Setting::new("outside", Form::Choice(|| names(&OUTSIDES)), "\"kept\"",
        "What the output shows outside a mask: kept (the input's own pixels) or decoded (the model's). Needs mask."),
    ONLY_MASKED = Setting::new("only_masked", Form::Whole((0, SIDE.1), None), "32",
        "Works only on the part of the image around the mask, with this many pixels of padding. Needs a mask and an inpainting stage."),
    ;

    /// `[[then]]`.
    THEN:
    THEN_NAME = Setting::new("name", Form::PresetName, "\"repaint\"",
        "The name of the stage. Default: its kind (edit, image-to-image, inpaint), numbered if that repeats."),
    THEN_OUTSIDE = Setting::new("outside", Form::Choice(|| names(&OUTSIDES)), "\"kept\"",
        "What the output shows outside a mask: kept (the input's own pixels) or decoded (the model's). Needs mask."),
    THEN_ONLY_MASKED = Setting::new("only_masked", Form::Whole((0, SIDE.1), None), "32",
        "Works only on the part of the image around the mask, with this many pixels of padding. Needs a mask and an inpainting stage."),
    ;

    /// `[[preset]]`.
    PRESET:
    PRESET_NAME = Setting::new("name", Form::PresetName, "\"subtle\"", "Its value on the preset axis."),
    ;

    /// `[[caption]]`.
    CAPTION:
    CAPTION_INSTRUCTION = Setting::new("instruction", Form::Prompt, "\"make it winter\"",
        "The instruction of the sweep that the captions are for."),
    CAPTION_IMAGE = Setting::new("image", Form::Path, "\"photo.jpg\"",
        "The images of the sweep that the captions are for: a path, or a pattern such as photos/*.jpg. Default: all."),
    BEFORE = Setting::new("before", Form::Prompt, "\"a house\"", "What the input image shows, e.g. a house."),
    AFTER = Setting::new("after", Form::Prompt, "\"a house in winter\"",
        "What the edited image should show, e.g. a house in winter."),
    ;

    /// `[size]`.
    SIZE:
    RESOLUTION = Setting::new("resolution", Form::Whole(SIDE, None), "512",
        "Longest side in pixels. Default: the model's own size. Not with fit = \"exact\".")
        .noted("longest side; default: the model's own"),
    FIT = Setting::new("fit", Form::Choice(|| names(&FITS)), "\"crop\"",
        "How an image is fitted to size: crop (the original repository's rule), floor (diffusers' rule), exact (width and height).")
        .noted("crop | floor | exact (with width and height)"),
    WIDTH = Setting::new("width", Form::Whole(SIDE, None), "512", "Width in pixels, with fit = \"exact\"."),
    HEIGHT = Setting::new("height", Form::Whole(SIDE, None), "512", "Height in pixels, with fit = \"exact\"."),
    COLOUR = Setting::new("colour", Form::Choice(|| names(&COLOURS)), "\"ignored\"",
        "Colour profiles of images: ignored (as diffusers does) or srgb (colours are converted).")
        .noted("ignored | srgb: what to do about colour profiles"),
    ;

    /// `[runtime]`.
    RUNTIME:
    DEVICE = Setting::new("device", Form::Device, "\"auto\"", "Where inference runs: auto (cuda where it works, else cpu), cpu, cuda or cuda:N, webgpu, openvino or openvino:gpu.")
        .noted("auto | cpu | cuda | cuda:1 | webgpu | openvino"),
    THREADS = Setting::new("threads", Form::Whole((0, MAX_THREADS), Some(0)), "0",
        "CPU threads; 0 is the number of physical cores.")
        .noted("CPU threads; 0 = the physical cores"),
    MEMORY = Setting::new("memory", Form::Choice(|| MemoryPolicy::CHOICES.to_vec()), "\"auto\"",
        "auto, resident (all components in memory) or phased (one at a time).")
        .noted("auto | resident | phased"),
    BATCH = Setting::new("batch", Form::ChoiceOrWhole(|| vec!["auto"], (1, MAX_BATCH)), "\"auto\"", "Cells denoised together.")
        .noted("cells denoised together, or a number"),
    MEMORY_LIMIT_MIB = Setting::new("memory_limit_mib", Form::Whole((1, MAX_MEMORY_MIB), None), "4096",
        "The most device memory that ONNX Runtime may take, in MiB. Default: all that is free.")
        .noted("the most that ONNX Runtime may take; default: what is free"),
    TF32 = Setting::new("tf32", Form::Boolean(true), "true",
        "On CUDA, whether the VAE decoder's convolutions are computed in TF32, as torch does by default. The UNet's never are.")
        .noted("on CUDA: TF32 in the VAE decoder, as in torch"),
    BFLOAT16 = Setting::new("bfloat16", Form::Boolean(false), "false",
        "With openvino, whether everything is computed in bfloat16: faster on processors that support it (AMX, AVX-512), but the image differs.")
        .noted("with openvino: bfloat16, faster and less exact"),
    ;

    /// `[numerics]`.
    NUMERICS:
    NOISE = Setting::new("noise", Form::Choice(|| names(&NOISES)), "\"torch-cpu\"", "The random number generator whose seeds are reproduced.")
        .noted("torch-cpu | torch-cuda: whose seeds are reproduced"),
    GUIDANCE = Setting::new("guidance", Form::Choice(|| names(&GUIDANCES)), "\"formula\"",
        "formula (continuous, equation 3 of the paper) or diffusers (guidance off at scales <= 1).")
        .noted("formula | diffusers (no guidance at scales <= 1)"),
    VAE_TILE = Setting::new("vae_tile", Form::ChoiceOrWhole(|| names(&VAE_TILES), TILE), "\"auto\"",
        "Tiles in which the VAE processes large images: auto (if a side is longer than 1024 pixels), off, or the longest side of a tile in pixels. More but smaller tiles need less memory and differ more from the whole image.")
        .noted("tiles of large images in the VAE: auto (above 1024 pixels) | off | pixels"),
    ;

    /// `[measures]`.
    MEASURES:
    CLIP = Setting::new("clip", Form::Path, "\"onnx/clip\"",
        "A CLIP folder, as `ip2p export --clip` writes it: adds clip_image_similarity and, with captions, clip_direction_similarity. Relative to this file.")
        .noted("a CLIP folder (`ip2p export --clip`): how close the output is to the input"),
    ;

    /// `[sheet]`.
    SHEET:
    ROWS = Setting::new("rows", Form::Axis, "\"image_guidance_scale\"", "The axis of the rows. Default: chosen automatically.")
        .noted("the axis of the rows; default: chosen automatically"),
    COLUMNS = Setting::new("columns", Form::Axis, "\"guidance_scale\"", "The axis of the columns. Default: chosen automatically.")
        .noted("the axis of the columns"),
    SUPER_ROWS = Setting::new("super_rows", Form::Axis, "\"instruction\"", "An axis around the rows: each of its values repeats them."),
    SUPER_COLUMNS = Setting::new("super_columns", Form::Axis, "\"scheduler\"", "An axis around the columns: each of its values repeats them.")
        .noted("around the columns; super_rows around the rows"),
    MERGE = Setting::new("merge", Form::Axis, "\"guidance_end\"", "An axis shown within each cell as a small grid, usually the seed.")
        .noted("shown within each cell as a small grid; best for seeds"),
    PANELS = Setting::new("panels", Form::Axes, "[\"image\"]",
        "An axis, or a list of them, whose values are panels, each a grid of its own, and never rows or columns. Default: axes that have no room in one grid.")
        .noted("axes whose values are a grid of their own each"),
    CELL = Setting::new("cell", Form::Whole(CELL_SIDES, Some(SheetSpec::DEFAULT_CELL.get())), "256", "Side of a cell in pixels.")
        .noted("pixels"),
    SHOW_INPUT = Setting::new("show_input", Form::Boolean(true), "true", "Whether the input is shown beside the grid.")
        .noted("whether the input is shown beside the grid"),
    FONT = Setting::new("font", Form::Path, "\"NotoSansCJK-Regular.ttc\"",
        "A TrueType or OpenType file for characters that the embedded font lacks, such as Chinese and Japanese ones. Relative to this file.")
        .noted("for labels beyond Latin, Greek and Cyrillic"),
    ;

    /// `[check]`.
    CHECK:
    PERCEPTUAL_MEAN = Setting::new("perceptual_mean", Form::Number(PERCEPTUAL, |check| check.perceptual_mean), "0.1",
        "The largest mean perceptual difference (butteraugli); 1 is just noticeable.")
        .noted("mean perceptual difference; 1 is just noticeable"),
    PERCEPTUAL_P99 = Setting::new("perceptual_p99", Form::Number(PERCEPTUAL, |check| check.perceptual_p99), "0.3",
        "The largest 99th percentile of the perceptual difference over pixels.")
        .noted("and its 99th percentile"),
    SSIM = Setting::new("ssim", Form::Number(SSIM_RANGE, |check| check.ssim), "0.999",
        "The smallest structural similarity; 1 for equal images.")
        .noted("the smallest structural similarity"),
    LATENTS = Setting::new("latents", Form::Number(LATENTS_RANGE, |check| check.latents), "0.0001",
        "The largest change of the latents in the first two steps, in standard deviations, without an early warning."),
    DRIFT = Setting::new("drift", Form::Number(DRIFT_RANGE, |check| check.drift), "2.0",
        "The factor by which limits are widened for a baseline that was accepted in another environment class."),
    STAGES = Setting::new("stages", Form::Stages, "[\"inpaint\"]",
        "In a chain, the names of the stages that are checked and accepted. Default: all."),
    ;

    /// `[[check.ignore]]`.
    IGNORE:
    IGNORE_BOX = Setting::new("box", Form::Box, "[0, 0, 64, 32]",
        "A box that is not judged: left, top, width and height in pixels of the output."),
    IGNORE_MASK = Setting::new("mask", Form::Path, "\"masks/clock.png\"",
        "An image that is white where nothing is judged; it is scaled to the output's size. Relative to this file."),
    IGNORE_INSTRUCTION = Setting::new("instruction", Form::Prompt, "\"make it night\"",
        "The instruction whose cells it applies to. Default: all."),
    ;

    /// `[[check.tolerance]]`.
    TOLERANCE:
    TOLERANCE_INSTRUCTION = Setting::new("instruction", Form::Prompt, "\"make it night\"",
        "The instruction whose cells it applies to."),
    TOLERANCE_MEAN = Setting::new("perceptual_mean", Form::NumberAsElsewhere(PERCEPTUAL), "0.2",
        "The largest mean perceptual difference of its cells. Default: that of [check]."),
    TOLERANCE_P99 = Setting::new("perceptual_p99", Form::NumberAsElsewhere(PERCEPTUAL), "0.6",
        "The largest 99th percentile of the perceptual difference. Default: that of [check]."),
    TOLERANCE_SSIM = Setting::new("ssim", Form::NumberAsElsewhere(SSIM_RANGE), "0.998",
        "The smallest structural similarity. Default: that of [check]."),
    ;
}
