//! The tables and keys of a sweep file, and how messages call them.

use std::fmt;

/// The keys of `[sweep]`, which presets set and exclusions match, too.
const VARIED: [&str; 10] = [
    "image",
    "instruction",
    "negative_prompt",
    "guidance_scale",
    "image_guidance_scale",
    "guidance_start",
    "guidance_end",
    "seed",
    "num_inference_steps",
    "scheduler",
];

/// A table of a sweep file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    Root,
    Sweep,
    Preset,
    Exclude,
    Caption,
    Size,
    Runtime,
    Numerics,
    Measures,
    Sheet,
    Check,
}

impl Table {
    /// All but the root, under their keys there.
    pub const NAMED: [Self; 10] = [
        Self::Sweep,
        Self::Preset,
        Self::Exclude,
        Self::Caption,
        Self::Size,
        Self::Runtime,
        Self::Numerics,
        Self::Measures,
        Self::Sheet,
        Self::Check,
    ];

    /// The key of the table in the root.
    pub fn name(self) -> &'static str {
        match self {
            Self::Root => "",
            Self::Sweep => "sweep",
            Self::Preset => "preset",
            Self::Exclude => "exclude",
            Self::Caption => "caption",
            Self::Size => "size",
            Self::Runtime => "runtime",
            Self::Numerics => "numerics",
            Self::Measures => "measures",
            Self::Sheet => "sheet",
            Self::Check => "check",
        }
    }

    /// Whether it is written `[[name]]`, any number of times.
    pub fn repeats(self) -> bool {
        matches!(self, Self::Preset | Self::Exclude | Self::Caption)
    }

    /// Its header, as written in the file.
    pub fn header(self) -> String {
        if self.repeats() {
            format!("[[{}]]", self.name())
        } else {
            format!("[{}]", self.name())
        }
    }

    /// The keys it may have.
    pub fn keys(self) -> Vec<&'static str> {
        let tables = Self::NAMED.map(Self::name);
        let (own, shared): (&[_], &[_]) = match self {
            Self::Root => (&["name", "model"], &tables),
            Self::Sweep => (&[], &VARIED),
            Self::Preset => (&["name", "model"], &VARIED),
            Self::Exclude => (&["model", "preset"], &VARIED),
            Self::Caption => (&["instruction", "image", "before", "after"], &[]),
            Self::Size => (&["resolution", "fit", "width", "height"], &[]),
            Self::Runtime => (
                &["device", "threads", "memory", "batch", "memory_limit_mib"],
                &[],
            ),
            Self::Numerics => (&["noise", "guidance", "vae_tile"], &[]),
            Self::Measures => (&["clip"], &[]),
            Self::Sheet => (
                &[
                    "rows",
                    "columns",
                    "super_rows",
                    "super_columns",
                    "merge",
                    "cell",
                    "show_input",
                    "font",
                ],
                &[],
            ),
            Self::Check => (
                &[
                    "perceptual_mean",
                    "perceptual_p99",
                    "ssim",
                    "latents",
                    "drift",
                ],
                &[],
            ),
        };
        [own, shared].concat()
    }
}

/// A key where it stands. Displayed as messages call it: `guidance_scale`, `runtime.device`,
/// `seed of preset 2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    pub table: Table,
    /// Which of the tables, from 1, if they repeat.
    pub number: usize,
    pub name: &'static str,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            table,
            number,
            name,
        } = self;
        match table {
            Table::Root | Table::Sweep => f.write_str(name),
            _ if table.repeats() => write!(f, "{name} of {} {number}", table.name()),
            _ => write!(f, "{}.{name}", table.name()),
        }
    }
}

impl Key {
    /// What its values are, in words.
    pub fn noun(self) -> &'static str {
        match self.name {
            "guidance_scale" | "image_guidance_scale" | "guidance_start" | "guidance_end" => {
                "number"
            }
            "seed" | "num_inference_steps" => "whole number",
            "image" | "font" => "path",
            "model" | "clip" => "folder",
            _ => "text",
        }
    }

    /// A line of TOML that is right.
    pub fn example(self) -> &'static str {
        match self.name {
            "name" => "name = \"winter\"",
            "model" => "model = \"../onnx/demo\"",
            "image" => "image = \"photo.jpg\"",
            "instruction" => "instruction = [\"make it winter\"]",
            "negative_prompt" => "negative_prompt = \"\"",
            "guidance_scale" => "guidance_scale = [7.0]",
            "image_guidance_scale" => "image_guidance_scale = [1.5]",
            "guidance_start" => "guidance_start = [0.0]",
            "guidance_end" => "guidance_end = [1.0]",
            "seed" => "seed = [0]",
            "num_inference_steps" => "num_inference_steps = [20]",
            "scheduler" => "scheduler = [\"euler_ancestral\"]",
            "preset" => "preset = \"subtle\"",
            "before" => "before = \"a house\"",
            "after" => "after = \"a house in winter\"",
            "clip" => "clip = \"../onnx/clip\"",
            "resolution" => "resolution = 512",
            "fit" => "fit = \"crop\"",
            "width" => "width = 512",
            "height" => "height = 512",
            "device" => "device = \"auto\"",
            "threads" => "threads = 0",
            "memory" => "memory = \"auto\"",
            "batch" => "batch = \"auto\"",
            "memory_limit_mib" => "memory_limit_mib = 4096",
            "noise" => "noise = \"torch-cpu\"",
            "guidance" => "guidance = \"formula\"",
            "vae_tile" => "vae_tile = 512",
            "rows" => "rows = \"image_guidance_scale\"",
            "columns" => "columns = \"guidance_scale\"",
            "cell" => "cell = 256",
            "font" => "font = \"NotoSansCJK-Regular.ttc\"",
            "perceptual_mean" => "perceptual_mean = 0.1",
            "perceptual_p99" => "perceptual_p99 = 0.3",
            "ssim" => "ssim = 0.999",
            "latents" => "latents = 0.0001",
            "drift" => "drift = 2.0",
            _ => "show_input = true",
        }
    }
}
