//! The hash of everything that can change a cell's pixels, and of nothing else.

use std::borrow::Cow;
use std::collections::HashMap;

use super::{Condition, Plan, Stage, Tiling, guidance};
use crate::digest::sha256_hex;
use crate::image::Fit;
use crate::pipeline::Kind;
use crate::spec::{Numerics, VaeTile};
use crate::vocabulary::Parameters;

/// Increased when the same parameters come to mean other pixels, so that old cells are not taken for new ones.
const MEANING: u32 = 1;

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

    /// A cell's recipe, to be hashed.
    pub(super) fn recipe(
        &self,
        parameters: &Parameters,
        width: u32,
        height: u32,
    ) -> serde_json::Value {
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
        // Images that are coded as a whole keep the hash they had before there were tiles.
        let untiled = Numerics {
            vae_tile: VaeTile::default(),
            ..self.numerics
        };
        let mut content = serde_json::json!([
            MEANING,
            self.digests[model.as_str()],
            self.digests.get(image.as_str()),
            self.conditions(parameters),
            seed,
            num_inference_steps,
            scheduler,
            self.fit,
            width,
            height,
            untiled,
        ]);
        let factor = self.vae_factors[model.as_str()];
        let tiling = Tiling::new(self.numerics.vae_tile, width, height, factor);
        if let (Some(content), Some(Tiling { columns, rows, .. })) =
            (content.as_array_mut(), tiling)
        {
            let tiles = [columns.count(), columns.side(), rows.count(), rows.side()];
            content.push(serde_json::json!(tiles));
        }
        // Edits of whole images keep the hash they had before there were other kinds.
        let is_plain_edit = kind == Kind::Edit && mask.is_empty() && strength.is_none();
        if let Some(content) = content.as_array_mut().filter(|_| !is_plain_edit) {
            content.push(serde_json::json!({
                "kind": kind,
                "strength": strength,
                "mask": self.masks.get(mask.as_str()),
                "masking": self.stage.masking,
            }));
        }
        content
    }

    /// What the UNet is asked to predict at each step: scales that leave the same branches with the same coefficients
    /// give the same pixels.
    fn conditions(&self, parameters: &Parameters) -> serde_json::Value {
        let rows = |conditions: &[(Condition, f32)]| {
            let rows = conditions.iter();
            let rows = rows.map(|(condition, coefficient)| {
                serde_json::json!([condition.text, condition.image, coefficient])
            });
            rows.collect::<serde_json::Value>()
        };
        match guidance(self.stage.kind, parameters, self.numerics.guidance).phases() {
            // Cells without a guidance interval keep the hash they had before there were intervals.
            [always] => rows(&always.conditions),
            phases => phases
                .iter()
                .map(|phase| serde_json::json!([phase.first_step, rows(&phase.conditions)]))
                .collect(),
        }
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
    short(&sha256_hex(content.to_string().as_bytes())).to_owned()
}

/// The first 12 hexadecimal digits of a digest: 48 bits, for at most a million cells a run.
pub(super) fn short(sha256: &str) -> &str {
    &sha256[..12]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::Family;
    use crate::plan::{ImageEntry, MaskEntry, ModelEntry};
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
        };
        let hasher = Hasher::new(&plan, &plan.stages[0]);
        short_hash(&hasher.recipe(parameters, 64, 64))
    }

    #[test]
    fn every_parameter_changes_the_hash_or_is_declared_not_to() {
        for parameter in Parameter::DEFINED {
            let [one, other] = two_values(parameter).map(|value| {
                // If both prompts were the same, the guidance scale would have no effect.
                let mut parameters = Parameters {
                    instruction: "make it winter".to_owned(),
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
