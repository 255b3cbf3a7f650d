//! The definition of each parameter.

use serde::{Deserialize, Serialize};

use super::define::parameters;
use super::definition::{Abbreviation, Definition, Departs, Domain, Place, Trait, Unset};
use super::value::{Field, Value};
use crate::vocabulary::{Scale, SchedulerKind, Word};

/// The largest number of denoising steps: the schedulers are trained with a thousand timesteps.
pub const MAX_STEPS: u32 = 1000;

parameters! {
    /// The model folder, as written in the sweep file; see [`crate::plan::Plan::models`].
    Model => model: Word = Definition {
        key: "model",
        aliases: &[],
        elsewhere: &["checkpoint", "ckpt", "model_id", "model_path", "pretrained_model_name_or_path", "sd_model_checkpoint"],
        help: "Model folder; a list makes it an axis. Relative to this file.",
        help_of_one: "A model folder: the ONNX export with model_index.json, unet/ and so on. Relative to this file.",
        domain: Domain::Folder,
        unset: Unset::Required("add the model's folder at the top of the file: model = \"../onnx/demo\""),
        place: Place::Top,
        example: "\"../onnx/demo\"",
        below: None,
        abbreviation: Abbreviation::FileName,
        plain: None,
        changes_pixels: true,
        departs: None,
        belongs_to: None,
        template: "model = @@VALUE@@",
    };

    /// The input image as matched, relative to the sweep file, with `/`; see [`crate::plan::Plan::images`].
    Image => image: Word = Definition {
        key: "image",
        aliases: &[],
        elsewhere: &["init_image", "init_images", "input", "input_image"],
        help: "Input images: a path, a pattern such as photos/*.jpg, or a list of them. Relative to this file.",
        help_of_one: "The input image, relative to this file.",
        domain: Domain::File,
        unset: Unset::Nothing,
        place: Place::Sweep,
        example: "\"photo.jpg\"",
        below: None,
        abbreviation: Abbreviation::FileName,
        plain: None,
        changes_pixels: true,
        departs: None,
        belongs_to: Some(Trait::Image),
        template: "image       = @@VALUE@@         # a path, a pattern such as \"photos/*.jpg\", or a list of them",
    };

    /// The edit instruction (the prompt).
    Instruction => instruction: Word = Definition {
        key: "instruction",
        aliases: &["prompt"],
        elsewhere: &["edit", "positive_prompt", "prompts", "text"],
        help: "The edit instruction: what to change.",
        help_of_one: "The edit instruction: what to change.",
        domain: Domain::Text,
        unset: Unset::Required("add it under [sweep]: instruction = \"make it winter\""),
        place: Place::Sweep,
        example: "[\"make it winter\"]",
        below: None,
        abbreviation: Abbreviation::Words,
        plain: Some(""),
        changes_pixels: true,
        departs: None,
        belongs_to: None,
        template: "instruction = @@VALUE@@",
    };

    /// The negative prompt, often empty.
    NegativePrompt => negative_prompt: Word = Definition {
        key: "negative_prompt",
        aliases: &[],
        elsewhere: &["negative", "uc", "uncond_prompt"],
        help: "What the image should not look like.",
        help_of_one: "What the image should not look like.",
        domain: Domain::Text,
        unset: Unset::Default(Value::Text(String::new())),
        place: Place::Sweep,
        example: "\"\"",
        below: None,
        abbreviation: Abbreviation::Words,
        plain: Some(""),
        changes_pixels: true,
        departs: None,
        belongs_to: None,
        template: "# negative_prompt    = \"blurry, washed out\"",
    };

    /// How strongly the text is followed.
    GuidanceScale => guidance_scale: Scale = Definition {
        key: "guidance_scale",
        aliases: &[],
        elsewhere: &["cfg", "cfg_scale", "cfg_text", "scale", "text_cfg_scale", "text_guidance_scale"],
        help: "How strongly the instruction is followed.",
        help_of_one: "How strongly the instruction is followed.",
        domain: Domain::Decimal { min: 0, max: 100 },
        unset: Unset::Default(Value::Decimal(Scale::tenths(70))),
        place: Place::Sweep,
        example: "[7.0]",
        below: None,
        abbreviation: Abbreviation::Letters("g"),
        plain: None,
        changes_pixels: true,
        departs: Some(Departs::WithLarger),
        belongs_to: None,
        template: "
# How strongly the instruction is followed, and how closely the image is kept. If nothing changes,
# lower image_guidance_scale; if too much does, raise it.
guidance_scale       = { from = 5.0, to = 9.0, step = 2.0 }     # or a list, or count instead of step",
    };

    /// How closely the input image is kept.
    ImageGuidanceScale => image_guidance_scale: Scale = Definition {
        key: "image_guidance_scale",
        aliases: &[],
        elsewhere: &["cfg_image", "image_cfg", "image_cfg_scale", "image_guidance", "image_scale"],
        help: "How closely the input image is kept.",
        help_of_one: "How closely the input image is kept.",
        domain: Domain::Decimal { min: 0, max: 100 },
        unset: Unset::Default(Value::Decimal(Scale::tenths(15))),
        place: Place::Sweep,
        example: "[1.5]",
        below: None,
        abbreviation: Abbreviation::Letters("i"),
        plain: None,
        changes_pixels: true,
        departs: Some(Departs::WithSmaller),
        belongs_to: Some(Trait::ImageGuidance),
        template: "image_guidance_scale = [1.2, 1.5, 1.8]",
    };

    /// The share of the steps from which guidance acts; plans of earlier versions have none.
    GuidanceStart => #[serde(default = "Scale::zero")] guidance_start: Scale = Definition {
        key: "guidance_start",
        aliases: &[],
        elsewhere: &["guidance_from"],
        help: "The share of the steps from which guidance acts; before it there is one conditioned prediction a step.",
        help_of_one: "The share of the steps from which guidance acts; before it there is one conditioned prediction a step.",
        domain: Domain::Decimal { min: 0, max: 1 },
        unset: Unset::Default(Value::Decimal(Scale::tenths(0))),
        place: Place::Sweep,
        example: "[0.0]",
        below: None,
        abbreviation: Abbreviation::Letters("from"),
        plain: Some("0.0"),
        changes_pixels: true,
        departs: Some(Departs::WithSmaller),
        belongs_to: None,
        template: "
# Guidance only in a part of the steps, as shares of them; outside it a step costs one UNet pass.
# guidance_start = 0.0",
    };

    /// The share of the steps up to which guidance acts.
    GuidanceEnd => #[serde(default = "Scale::one")] guidance_end: Scale = Definition {
        key: "guidance_end",
        aliases: &[],
        elsewhere: &["guidance_to"],
        help: "The share of the steps up to which guidance acts; after it there is one conditioned prediction a step.",
        help_of_one: "The share of the steps up to which guidance acts; after it there is one conditioned prediction a step.",
        domain: Domain::Decimal { min: 0, max: 1 },
        unset: Unset::Default(Value::Decimal(Scale::tenths(10))),
        place: Place::Sweep,
        example: "[1.0]",
        below: None,
        abbreviation: Abbreviation::Letters("to"),
        plain: Some("1.0"),
        changes_pixels: true,
        departs: Some(Departs::WithLarger),
        belongs_to: None,
        template: "# guidance_end   = [0.6, 1.0]",
    };

    /// The share of the steps taken when starting from an image; `None` if the kind of pipeline has no strength.
    Strength => #[serde(default, skip_serializing_if = "Option::is_none")] strength: Option<Scale> = Definition {
        key: "strength",
        aliases: &[],
        elsewhere: &["denoise", "denoising_strength", "image_strength", "strengths"],
        help: "How much of the image is repainted, from 0 to 1: the share of the steps that is taken. For image-to-image and inpainting models. Default: 0.8, for inpainting 1.0.",
        help_of_one: "How much of the image is repainted, from 0 to 1. For image-to-image and inpainting models.",
        domain: Domain::Decimal { min: 0, max: 1 },
        below: None,
        unset: Unset::Nothing,
        place: Place::Sweep,
        example: "[0.8]",
        abbreviation: Abbreviation::Letters("st"),
        plain: Some(""),
        changes_pixels: true,
        departs: None,
        belongs_to: Some(Trait::Strength),
        template: "# strength = 0.8                # for image-to-image and inpainting models: how much is repainted",
    };

    /// The mask as matched, relative to the sweep file, with `/`, or its table; empty if there is none. See
    /// [`crate::plan::Plan::masks`].
    Mask => #[serde(default, skip_serializing_if = "str::is_empty")] mask: Word = Definition {
        key: "mask",
        aliases: &[],
        elsewhere: &["mask_image", "mask_images", "masks"],
        help: "Masks: the white part (128 and above) is repainted or, in an edit, may change. A path, a pattern, or a list of them, relative to this file; or a table: { file, invert, grow, blur }, { alpha = true } (what is transparent in the image) or { changed = \"edit\", above = 0.1, grow } (what an earlier stage changed).",
        help_of_one: "A mask: the white part is repainted or, in an edit, may change. A path, relative to this file, or a table.",
        domain: Domain::Mask,
        below: None,
        unset: Unset::Nothing,
        place: Place::Sweep,
        example: "\"mask.png\"",
        abbreviation: Abbreviation::FileName,
        plain: Some(""),
        changes_pixels: true,
        departs: None,
        belongs_to: Some(Trait::Mask),
        template: "# mask: a file whose white part is repainted or, in an edit, may change; see docs/chains.md",
    };

    /// The seed of the noise.
    Seed => seed: u64 = Definition {
        key: "seed",
        aliases: &[],
        elsewhere: &["generator", "manual_seed", "noise_seed", "random_seed"],
        help: "Seed of the noise.",
        help_of_one: "Seed of the noise.",
        domain: Domain::Whole { min: 0, max: u64::MAX },
        unset: Unset::Default(Value::Whole(0)),
        place: Place::Sweep,
        example: "[0]",
        below: Some("seeds are never drawn at random here: give one from 0 up, or several, e.g. { from = 0, count = 4 }"),
        abbreviation: Abbreviation::Letters("s"),
        plain: None,
        changes_pixels: true,
        departs: None,
        belongs_to: None,
        template: "
seed                 = 0        # more noise, more variants: { from = 0, count = 4 }",
    };

    /// Denoising steps.
    NumInferenceSteps => num_inference_steps: u32 = Definition {
        key: "num_inference_steps",
        aliases: &[],
        elsewhere: &["ddim_steps", "inference_steps", "num_steps", "sampling_steps", "steps"],
        help: "Denoising steps.",
        help_of_one: "Denoising steps.",
        domain: Domain::Whole { min: 1, max: MAX_STEPS as u64 },
        unset: Unset::Default(Value::Whole(20)),
        place: Place::Sweep,
        example: "[20]",
        below: None,
        abbreviation: Abbreviation::Letters("n"),
        plain: None,
        changes_pixels: true,
        departs: None,
        belongs_to: None,
        template: "num_inference_steps  = 20",
    };

    /// The sampler.
    Scheduler => scheduler: SchedulerKind = Definition {
        key: "scheduler",
        aliases: &[],
        elsewhere: &["sampler", "sampler_name", "samplers", "sampling_method"],
        help: "The sampler.",
        help_of_one: "The sampler.",
        domain: Domain::Scheduler,
        unset: Unset::OfTheModel,
        place: Place::Sweep,
        example: "[\"euler_ancestral\"]",
        below: None,
        abbreviation: Abbreviation::Words,
        plain: None,
        changes_pixels: true,
        departs: None,
        belongs_to: None,
        template: "# scheduler          = [\"euler_ancestral\", \"dpmpp_2m_karras\"]   # default: the model's own",
    };

    /// The name of the preset that set some of these, if any.
    Preset => preset: Option<String> = Definition {
        key: "preset",
        aliases: &[],
        elsewhere: &[],
        help: "The name of a preset.",
        help_of_one: "The name of a preset.",
        domain: Domain::Preset,
        unset: Unset::Nothing,
        place: Place::Presets,
        example: "\"subtle\"",
        below: None,
        abbreviation: Abbreviation::Words,
        plain: Some(""),
        changes_pixels: false,
        departs: None,
        belongs_to: None,
        template: "",
    };
}
