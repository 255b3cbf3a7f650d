//! The hash of everything that can change a cell's pixels, and of nothing else.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};

use super::guidance::Guiding;
use super::{Condition, Guidance, Phase, Plan, Stage, Tiling};
use crate::digest::{hexadecimal, sha256};
use crate::image::Fit;
use crate::pipeline::{Kind, Masking};
use crate::spec::{Numerics, VaeTile};
use crate::vocabulary::{Parameters, Scale, SchedulerKind};

/// Increased when the same parameters come to mean other pixels, so that old cells are not taken for new ones.
const MEANING: u32 = 1;

/// Bytes of a digest that a key has: 48 bits, for at most a million cells a run.
pub(super) const SHORT: usize = 6;

/// Makes the recipes of a stage's cells: everything that can change their pixels, and nothing else.
pub(super) struct Hasher<'a> {
    digests: HashMap<&'a str, Cow<'a, str>>,
    masks: HashMap<&'a str, serde_json::Value>,
    vae_factors: HashMap<&'a str, u32>,
    stage: &'a Stage,
    fit: Fit,
    numerics: Numerics,
}

impl<'a> Hasher<'a> {
    pub(super) fn new(plan: &'a Plan, stage: &'a Stage) -> Self {
        let vae_factors = plan.models.iter();
        let vae_factors = vae_factors.map(|model| (model.name.as_str(), model.vae_factor));
        let models = plan.models.iter();
        let models = models.map(|model| (model.name.as_str(), Cow::from(&model.sha256)));
        let images = plan.images.iter().map(|image| {
            // Images whose colours are not converted keep the hash they had before there was a choice.
            let digest = match image.converted {
                true => Cow::from(format!("{} srgb", image.sha256)),
                false => Cow::from(&image.sha256),
            };
            (image.name.as_str(), digest)
        });
        let masks = plan.masks.iter();
        // The stage comes after those already planned.
        let place = plan.stages.len();
        let masks = masks.map(|mask| (mask.name.as_str(), mask.identity(&plan.stages, place)));
        Self {
            digests: models.chain(images).collect(),
            masks: masks.collect(),
            vae_factors: vae_factors.collect(),
            stage,
            fit: plan.fit,
            numerics: plan.numerics,
        }
    }

    /// SHA-256 of the recipe of a cell.
    pub(super) fn digest(&self, parameters: &Parameters, width: u32, height: u32) -> [u8; 32] {
        let recipe = self.recipe(parameters, width, height);
        // It holds only numbers and texts, which always serialise.
        sha256(&serde_json::to_vec(&recipe).unwrap_or_default())
    }

    fn recipe<'r>(&'r self, parameters: &'r Parameters, width: u32, height: u32) -> Recipe<'r> {
        let kind = self.stage.kind;
        // Every field is named, so that a new parameter does not compile until its effect on the pixels is decided
        // here.
        let Parameters {
            model,
            image,
            seed,
            num_inference_steps,
            scheduler,
            strength,
            mask,
            // Covered by what the UNet is asked to predict.
            instruction: _,
            negative_prompt: _,
            guidance_scale: _,
            image_guidance_scale: _,
            guidance_start: _,
            guidance_end: _,
            // Its values stand in the other fields.
            preset: _,
        } = parameters;
        let factor = self.vae_factors[model.as_str()];
        let tiling = Tiling::new(self.numerics.vae_tile, width, height, factor);
        // Edits of whole images keep the hash they had before there were other kinds.
        let is_plain_edit = kind == Kind::Edit && mask.is_empty() && strength.is_none();
        Recipe {
            model: &self.digests[model.as_str()],
            image: self.digests.get(image.as_str()).map(AsRef::as_ref),
            asked: Guiding::of(kind, parameters, self.numerics.guidance).guidance(),
            seed: *seed,
            num_inference_steps: *num_inference_steps,
            scheduler: *scheduler,
            fit: self.fit,
            size: (width, height),
            // Images that are coded as a whole keep the hash they had before there were tiles.
            untiled: Numerics {
                vae_tile: VaeTile::default(),
                ..self.numerics
            },
            tiles: tiling.map(|Tiling { columns, rows, .. }| {
                [columns.count(), columns.side(), rows.count(), rows.side()]
            }),
            beyond_edits: (!is_plain_edit).then(|| BeyondEdits {
                kind,
                strength: *strength,
                mask: self.masks.get(mask.as_str()),
                masking: self.stage.masking,
            }),
        }
    }
}

/// Everything that can change the pixels of a cell. Its JSON, a list, is what is hashed.
struct Recipe<'r> {
    model: &'r str,
    image: Option<&'r str>,
    asked: Guidance<'r>,
    seed: u64,
    num_inference_steps: u32,
    scheduler: SchedulerKind,
    fit: Fit,
    size: (u32, u32),
    untiled: Numerics,
    tiles: Option<[usize; 4]>,
    beyond_edits: Option<BeyondEdits<'r>>,
}

/// The part that only kinds of pipeline other than plain edits have.
#[derive(Serialize)]
struct BeyondEdits<'r> {
    kind: Kind,
    strength: Option<Scale>,
    mask: Option<&'r serde_json::Value>,
    masking: Masking,
}

impl Serialize for Recipe<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        list.serialize_element(&MEANING)?;
        list.serialize_element(self.model)?;
        list.serialize_element(&self.image)?;
        list.serialize_element(&Asked(self.asked.phases()))?;
        list.serialize_element(&self.seed)?;
        list.serialize_element(&self.num_inference_steps)?;
        list.serialize_element(&self.scheduler)?;
        list.serialize_element(&self.fit)?;
        list.serialize_element(&self.size.0)?;
        list.serialize_element(&self.size.1)?;
        list.serialize_element(&self.untiled)?;
        if let Some(tiles) = &self.tiles {
            list.serialize_element(tiles)?;
        }
        if let Some(beyond_edits) = &self.beyond_edits {
            list.serialize_element(beyond_edits)?;
        }
        list.end()
    }
}

/// What the UNet is asked to predict at each step: scales that leave the same branches with the same coefficients
/// give the same pixels.
struct Asked<'g>(&'g [Phase<'g>]);

/// What is asked in one phase.
struct Rows<'g>(&'g [(Condition<'g>, f32)]);

impl Serialize for Asked<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            // Cells without a guidance interval keep the hash they had before there were intervals.
            [always] => Rows(&always.conditions).serialize(serializer),
            phases => serializer.collect_seq(
                (phases.iter()).map(|phase| (phase.first_step, Rows(&phase.conditions))),
            ),
        }
    }
}

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // As doubles: JSON writes floats with fewer digits, which would change every hash.
        serializer.collect_seq((self.0.iter()).map(|&(condition, coefficient)| {
            (condition.text, condition.image, f64::from(coefficient))
        }))
    }
}

/// The hash of an image file fitted to a size, made like a cell's.
pub(super) fn input_hash(image_sha256: &str, fit: Fit, width: u32, height: u32) -> String {
    short_hash(&serde_json::json!([
        MEANING,
        image_sha256,
        fit,
        width,
        height
    ]))
}

fn short_hash(content: &serde_json::Value) -> String {
    hexadecimal(&sha256(content.to_string().as_bytes())[..SHORT])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::Family;
    use crate::plan::{ByName, ImageEntry, MaskEntry, ModelEntry};
    use crate::spec::SheetSpec;
    use crate::vocabulary::{Parameter, SchedulerKind, two_values};

    fn hash(parameters: &Parameters) -> String {
        let model = |name: &str| ModelEntry {
            name: name.to_owned(),
            path: name.into(),
            sha256: format!("the digest of {name}"),
            files: std::collections::BTreeMap::new(),
            family: Family::InstructPix2Pix,
            resolution: 64,
            vae_factor: 8,
            size_multiple: 8,
            accepted_multiple: None,
            scheduler: SchedulerKind::Ddim,
            precision: "fp32".to_owned(),
            component_bytes: [0; 4],
        };
        let image = |name: &str| ImageEntry {
            name: name.to_owned(),
            path: name.into(),
            sha256: format!("the digest of {name}"),
            cell: None,
            width: 64,
            height: 64,
            converted: false,
        };
        let mask = |name: &str| MaskEntry {
            name: name.to_owned(),
            path: name.into(),
            sha256: format!("the digest of {name}"),
            width: 64,
            height: 64,
            recipe: None,
        };
        let names = ["", "one", "other"];
        let plan = Plan {
            name: String::new(),
            stages: Stage::one_edit(),
            axes: Vec::new(),
            models: names.map(model).to_vec(),
            images: names.map(image).to_vec(),
            masks: names.map(mask).to_vec(),
            numerics: Numerics::default(),
            fit: Fit::Crop,
            resolution: None,
            checked_stages: Vec::new(),
            sheet: SheetSpec::default(),
            cells: Vec::new(),
            by_name: ByName::default(),
        };
        let hasher = Hasher::new(&plan, &plan.stages[0]);
        hexadecimal(&hasher.digest(parameters, 64, 64))
    }

    #[test]
    fn every_parameter_changes_the_hash_or_is_declared_not_to() {
        for parameter in Parameter::DEFINED {
            let [one, other] = two_values(parameter).map(|value| {
                // If both prompts were the same, the guidance scale would have no effect.
                let mut parameters = Parameters {
                    instruction: "make it winter".into(),
                    ..Parameters::default()
                };
                parameters.set(parameter, &value);
                hash(&parameters)
            });
            let changes = parameter.definition().changes_pixels;
            assert_eq!(one != other, changes, "{parameter}");
        }
    }
}
