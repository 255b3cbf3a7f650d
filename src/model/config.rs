//! Reads the JSON configurations of a model folder and checks every value that is used.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::ModelError;
use super::files;

/// diffusers' default (`AutoencoderKL.scaling_factor`), which old configurations leave out.
const SCALING_FACTOR: f64 = 0.18215;
/// More levels or larger samples than in any real model; beyond this, sizes would overflow.
const MOST_LEVELS: usize = 12;
const LARGEST: u64 = 65_536;

/// The settings in `vae_encoder/config.json` and `vae_decoder/config.json`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct VaeConfig {
    /// Image pixels per latent pixel along one side.
    pub factor: u32,
    pub scaling_factor: f64,
    pub latent_channels: usize,
    /// Channels of each level, starting with that of the image's own size.
    pub widths: Vec<usize>,
    /// Whether the middle block has self-attention over all pixels.
    pub attends: bool,
}

/// The settings in `unet/config.json`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct UnetConfig {
    pub in_channels: usize,
    pub out_channels: usize,
    pub levels: u32,
    /// Channels of the first level.
    pub width: usize,
    /// Longest side of the latents that the UNet was trained on.
    pub sample_size: u32,
    /// Width of the text embedding.
    pub text_width: usize,
    /// Number of attention heads at each level; `None` for levels without attention.
    pub heads: Vec<Option<usize>>,
}

/// The settings in `text_encoder/config.json`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TextConfig {
    /// Number of tokens for which it has position embeddings.
    pub context_length: usize,
}

impl VaeConfig {
    /// Reads the configurations of both halves, which must agree.
    pub fn read(encoder: &Path, decoder: &Path) -> Result<Self, ModelError> {
        let (first, second) = (Self::read_half(encoder)?, Self::read_half(decoder)?);
        let differs = [
            ("block_out_channels", first.factor != second.factor),
            (
                "scaling_factor",
                first.scaling_factor != second.scaling_factor,
            ),
            (
                "latent_channels",
                first.latent_channels != second.latent_channels,
            ),
        ];
        match differs.into_iter().find(|(_, differs)| *differs) {
            Some((key, _)) => Err(ModelError::VaeMismatch {
                path: encoder.to_owned(),
                key,
            }),
            None => Ok(first),
        }
    }

    fn read_half(path: &Path) -> Result<Self, ModelError> {
        let config = Config::read(path)?;
        let scaling_factor = config.number("scaling_factor")?.unwrap_or(SCALING_FACTOR);
        // Latents are divided by it in float32.
        if scaling_factor as f32 <= 0.0 || !(scaling_factor as f32).is_finite() {
            return Err(config.wrong("scaling_factor", "must be above 0, as float32"));
        }
        let widths = config.widths()?;
        Ok(Self {
            factor: 1 << (widths.len() - 1),
            widths,
            attends: config.value("mid_block_add_attention") != Some(&Value::Bool(false)),
            scaling_factor,
            latent_channels: config.count("latent_channels")?.unwrap_or(4),
        })
    }
}

impl UnetConfig {
    pub fn read(path: &Path) -> Result<Self, ModelError> {
        let config = Config::read(path)?;
        let widths = config.widths()?;
        let levels = u32::try_from(widths.len())
            .map_err(|_| config.wrong("block_out_channels", "has too many entries"))?;
        Ok(Self {
            in_channels: config.required_count("in_channels")?,
            out_channels: config.count("out_channels")?.unwrap_or(4),
            levels,
            width: widths[0],
            sample_size: config.longest_side("sample_size")?,
            text_width: config.required_count("cross_attention_dim")?,
            heads: config.heads(levels as usize)?,
        })
    }
}

impl TextConfig {
    pub fn read(path: &Path) -> Result<Self, ModelError> {
        let config = Config::read(path)?;
        Ok(Self {
            context_length: config.required_count("max_position_embeddings")?,
        })
    }
}

/// A JSON object with the path of its file, for errors.
pub(super) struct Config {
    path: PathBuf,
    object: Map<String, Value>,
}

impl Config {
    pub fn read(path: &Path) -> Result<Self, ModelError> {
        let text = files::text(path)?;
        let object = serde_json::from_str(&text).map_err(|source| ModelError::Json {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            path: path.to_owned(),
            object,
        })
    }

    pub fn value(&self, key: &str) -> Option<&Value> {
        self.object.get(key).filter(|value| !value.is_null())
    }

    pub fn number(&self, key: &'static str) -> Result<Option<f64>, ModelError> {
        self.value(key)
            .map(|value| {
                value
                    .as_f64()
                    .ok_or_else(|| self.wrong(key, "must be a number"))
            })
            .transpose()
    }

    /// An integer above 0.
    fn count(&self, key: &'static str) -> Result<Option<usize>, ModelError> {
        self.value(key)
            .map(|value| self.side(key, value).map(|side| side as usize))
            .transpose()
    }

    fn required_count(&self, key: &'static str) -> Result<usize, ModelError> {
        self.count(key)?
            .ok_or_else(|| self.wrong(key, "is missing"))
    }

    pub fn side(&self, key: &'static str, value: &Value) -> Result<u32, ModelError> {
        value
            .as_u64()
            .filter(|number| (1..=LARGEST).contains(number))
            .and_then(|number| u32::try_from(number).ok())
            .ok_or_else(|| self.wrong(key, &format!("must be a whole number from 1 to {LARGEST}")))
    }

    /// A single number, or the larger of [height, width].
    fn longest_side(&self, key: &'static str) -> Result<u32, ModelError> {
        match self.value(key) {
            None => Err(self.wrong(key, "is missing")),
            Some(Value::Array(sides)) if !sides.is_empty() => sides
                .iter()
                .map(|side| self.side(key, side))
                .try_fold(0, |longest, side| Ok(longest.max(side?))),
            Some(value) => self.side(key, value),
        }
    }

    /// Channels of each level; there is at least one level.
    fn widths(&self) -> Result<Vec<usize>, ModelError> {
        let key = "block_out_channels";
        let widths = self
            .value(key)
            .ok_or_else(|| self.wrong(key, "is missing"))?
            .as_array()
            .ok_or_else(|| self.wrong(key, "must be a list"))?;
        if !(1..=MOST_LEVELS).contains(&widths.len()) {
            return Err(self.wrong(key, &format!("must have 1 to {MOST_LEVELS} entries")));
        }
        let widths = widths.iter().map(|width| self.side(key, width));
        widths
            .map(|width| width.map(|width| width as usize))
            .collect()
    }

    /// Attention heads of each level of a UNet. diffusers uses `num_attention_heads` or, for historical reasons,
    /// `attention_head_dim`, whose default is 8 (`UNet2DConditionModel`).
    fn heads(&self, levels: usize) -> Result<Vec<Option<usize>>, ModelError> {
        const HEADS: usize = 8;
        let key = match self.value("num_attention_heads") {
            Some(_) => "num_attention_heads",
            None => "attention_head_dim",
        };
        let heads = match self.value(key) {
            Some(Value::Array(heads)) => heads
                .iter()
                .map(|heads| self.side(key, heads).map(|heads| heads as usize))
                .collect::<Result<Vec<_>, _>>()?,
            Some(heads) => vec![self.side(key, heads)? as usize; levels],
            None => vec![HEADS; levels],
        };
        let blocks = self.value("down_block_types").and_then(Value::as_array);
        // A level of unknown type may have attention.
        let has_attention = |level: usize| {
            let block = blocks.and_then(|blocks| blocks.get(level)?.as_str());
            block.is_none_or(|block| block.contains("Attn"))
        };
        let of_level = |level: usize| {
            let heads = heads.get(level).or(heads.last()).copied();
            heads.filter(|_| has_attention(level))
        };
        Ok((0..levels).map(of_level).collect())
    }

    pub fn wrong(&self, key: &'static str, problem: &str) -> ModelError {
        ModelError::Value {
            path: self.path.clone(),
            key,
            problem: problem.to_owned(),
        }
    }
}

/// The tokenizer's length, as diffusers uses it, but at most the number of positions of the text encoder.
pub(super) fn context_length(root: &Path, text: &TextConfig) -> Result<usize, ModelError> {
    let path = root.join("tokenizer/tokenizer_config.json");
    if !path.exists() {
        return Ok(text.context_length);
    }
    // No limit is written as a huge float.
    let written = Config::read(&path)?
        .value("model_max_length")
        .and_then(Value::as_u64)
        .and_then(|length| usize::try_from(length).ok())
        .filter(|length| *length >= 2);
    Ok(written.map_or(text.context_length, |length| {
        length.min(text.context_length)
    }))
}

impl UnetConfig {
    /// Elements of the largest matrix of attention scores for one row, with latents of this height and width: the
    /// number of heads times the square of the level's pixels.
    pub fn attention_scores(&self, height: usize, width: usize) -> u64 {
        let of_level = |(level, heads): (usize, &Option<usize>)| {
            let pixels = (height >> level) as u64 * (width >> level) as u64;
            heads.map_or(0, |heads| heads as u64 * pixels * pixels)
        };
        let scores = self.heads.iter().enumerate().map(of_level);
        scores.max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unet(text: &str) -> UnetConfig {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        let shared = r#""in_channels": 8, "sample_size": 64, "cross_attention_dim": 768"#;
        std::fs::write(&path, format!("{{{shared}, {text}}}")).unwrap();
        UnetConfig::read(&path).unwrap()
    }

    #[test]
    fn scores_are_those_of_the_level_that_has_most() {
        // Stable Diffusion 1: 8 heads at 64 x 64.
        let first =
            unet(r#""block_out_channels": [320, 640, 1280, 1280], "attention_head_dim": 8"#);
        assert_eq!(first.attention_scores(64, 64), 8 * 4096 * 4096);
        assert_eq!((1 << 31) / first.attention_scores(64, 64), 16);
        // Stable Diffusion 2 has a different number at each level.
        let second = unet(r#""block_out_channels": [1, 2, 3], "attention_head_dim": [5, 10, 20]"#);
        assert_eq!(second.attention_scores(64, 96), 5 * 6144 * 6144);
        // The first level has no attention.
        let third = unet(
            r#""block_out_channels": [1, 2], "num_attention_heads": 2,
               "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"]"#,
        );
        assert_eq!(third.attention_scores(64, 64), 2 * 1024 * 1024);
    }
}
