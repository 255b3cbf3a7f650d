//! The full product of what a sweep varies, presets applied.

use super::ModelEntry;
use crate::spec::{Overrides, Preset, SweepSpec};
use crate::vocabulary::{Parameter, Parameters, Scale, SchedulerKind};

/// A cell before its model is settled, and with it the model's own scheduler.
#[derive(Debug, Clone)]
struct Draft {
    parameters: Parameters,
    scheduler: Option<SchedulerKind>,
}

impl Draft {
    /// A cell of which nothing is set yet.
    fn blank() -> Self {
        let parameters = Parameters {
            model: String::new(),
            image: String::new(),
            instruction: String::new(),
            negative_prompt: String::new(),
            guidance_scale: Scale::default(),
            image_guidance_scale: Scale::default(),
            guidance_start: Scale::zero(),
            guidance_end: Scale::one(),
            seed: 0,
            num_inference_steps: 0,
            scheduler: SchedulerKind::EulerAncestral,
            preset: None,
        };
        Self {
            parameters,
            scheduler: None,
        }
    }
}

/// The full product, slowest parameter first, so that the cells which share their first step (one image,
/// scheduler, step count and seed) lie together.
pub(super) fn grid(spec: &SweepSpec, models: &[ModelEntry]) -> Vec<Parameters> {
    let mut grid = vec![Draft::blank()];
    grid = vary(grid, &spec.models, |cell, model| {
        cell.model.clone_from(&model.name)
    });
    grid = vary(grid, &spec.images, |cell, image| {
        cell.image.clone_from(&image.name)
    });
    grid = vary_drafts(grid, &spec.schedulers, |draft, &kind| {
        draft.scheduler = kind
    });
    grid = vary(grid, &spec.num_inference_steps, |cell, &steps| {
        cell.num_inference_steps = steps
    });
    grid = vary(grid, &spec.seeds, |cell, &seed| cell.seed = seed);
    grid = vary(grid, &spec.negative_prompts, |cell, text| {
        cell.negative_prompt.clone_from(text)
    });
    grid = vary(grid, &spec.instructions, |cell, text| {
        cell.instruction.clone_from(text)
    });
    grid = vary(grid, &spec.guidance_starts, |cell, &share| {
        cell.guidance_start = share
    });
    grid = vary(grid, &spec.guidance_ends, |cell, &share| {
        cell.guidance_end = share
    });
    grid = vary(grid, &spec.image_guidance_scales, |cell, &scale| {
        cell.image_guidance_scale = scale
    });
    grid = vary(grid, &spec.guidance_scales, |cell, &scale| {
        cell.guidance_scale = scale
    });
    grid = vary_drafts(grid, &spec.presets, |draft, preset| preset.apply(draft));
    grid.into_iter()
        .map(
            |Draft {
                 mut parameters,
                 scheduler,
             }| {
                let own = models.iter().find(|model| model.name == parameters.model);
                let own = own.map_or(parameters.scheduler, |model| model.scheduler);
                parameters.scheduler = scheduler.unwrap_or(own);
                parameters
            },
        )
        .collect()
}

/// Every cell with every value; as it is where there are none (presets set it then).
fn vary<T>(cells: Vec<Draft>, values: &[T], set: impl Fn(&mut Parameters, &T)) -> Vec<Draft> {
    vary_drafts(cells, values, |draft, value| {
        set(&mut draft.parameters, value)
    })
}

fn vary_drafts<T>(cells: Vec<Draft>, values: &[T], set: impl Fn(&mut Draft, &T)) -> Vec<Draft> {
    if values.is_empty() {
        return cells;
    }
    let with_values = cells.iter().flat_map(|cell| {
        values.iter().map(|value| {
            let mut cell = cell.clone();
            set(&mut cell, value);
            cell
        })
    });
    with_values.collect()
}

impl Preset {
    /// Sets what the preset names.
    fn apply(&self, draft: &mut Draft) {
        let cell = &mut draft.parameters;
        let Overrides {
            model,
            image,
            instruction,
            negative_prompt,
            guidance_scale,
            image_guidance_scale,
            guidance_start,
            guidance_end,
            seed,
            num_inference_steps,
            scheduler,
            preset: _,
        } = self.overrides.clone();
        cell.preset = Some(self.name.clone());
        replace(&mut cell.model, model);
        replace(&mut cell.image, image);
        replace(&mut cell.instruction, instruction);
        replace(&mut cell.negative_prompt, negative_prompt);
        replace(&mut cell.guidance_scale, guidance_scale);
        replace(&mut cell.image_guidance_scale, image_guidance_scale);
        replace(&mut cell.guidance_start, guidance_start);
        replace(&mut cell.guidance_end, guidance_end);
        replace(&mut cell.seed, seed);
        replace(&mut cell.num_inference_steps, num_inference_steps);
        draft.scheduler = scheduler.or(draft.scheduler);
    }
}

fn replace<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

/// Whether every value that an exclusion gives is the cell's.
pub(super) fn matches(rule: &Overrides, cell: &Parameters) -> bool {
    Parameter::ALL.into_iter().all(|parameter| {
        let wanted = rule.text(parameter);
        wanted.is_none_or(|wanted| wanted == cell.text(parameter))
    })
}
