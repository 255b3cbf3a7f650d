//! From what was typed to what is valid: checks everything and gathers all that is wrong.

use std::path::Path;

use rust_decimal::prelude::ToPrimitive;

use super::error::SpecProblem;
use super::fault::{Checked, Faults, quoted};
use super::number::{Domain, numbers};
use super::overrides::{self, Presets};
use super::path::Base;
use super::raw::{Field, RawSweep};
use super::{MAX_CELLS, MAX_STEPS, Overrides, SweepSpec, captions, tables, text};
use crate::vocabulary::{Parameter, Scale};

/// Most text of all cells: a plan is in memory several times over while it is made.
const MAX_TEXT_MIB: u64 = 512;

/// The sweep; if there are faults, one that must not be used.
pub(super) fn validate(
    raw: &RawSweep<'_>,
    source: &str,
    path: &Path,
    faults: &mut Faults,
) -> SweepSpec {
    let base = Base::of(path);
    let presets = Presets::read(&raw.presets, &base, faults);
    let sweep = &raw.sweep;
    let mut spec = SweepSpec {
        name: faults
            .take(name(raw.root.get("name"), path))
            .unwrap_or_default(),
        text: source.to_owned(),
        models: read(faults, raw.root.get("model"), |field| base.models(field)),
        images: read(faults, sweep.get("image"), |field| base.images(field)),
        instructions: read(faults, sweep.get("instruction"), text::prompts),
        negative_prompts: read(faults, sweep.get("negative_prompt"), text::prompts),
        guidance_scales: read(faults, sweep.get("guidance_scale"), scales),
        image_guidance_scales: read(faults, sweep.get("image_guidance_scale"), scales),
        guidance_starts: read(faults, sweep.get("guidance_start"), shares),
        guidance_ends: read(faults, sweep.get("guidance_end"), shares),
        seeds: read(faults, sweep.get("seed"), |field| {
            let seeds = numbers(field, Domain::seed())?;
            Ok(seeds.iter().filter_map(ToPrimitive::to_u64).collect())
        }),
        num_inference_steps: read(faults, sweep.get("num_inference_steps"), |field| {
            let steps = numbers(field, Domain::whole(1, MAX_STEPS))?;
            Ok(steps.iter().filter_map(ToPrimitive::to_u32).collect())
        }),
        schedulers: read(faults, sweep.get("scheduler"), |field| {
            Ok(text::schedulers(field)?.into_iter().map(Some).collect())
        }),
        presets: presets.list,
        preset_models: presets.models,
        preset_images: presets.images,
        excludes: Vec::new(),
        captions: Vec::new(),
        size: tables::size(&raw.size, faults),
        runtime: tables::runtime(&raw.runtime, faults),
        numerics: tables::numerics(&raw.numerics, faults),
        measures: tables::measures(&raw.measures, &base, faults),
        sheet: super::SheetSpec::default(),
        check: tables::check(&raw.check, faults),
    };
    require(&mut spec, raw, faults);
    default_values(&mut spec);
    // What follows compares tables with each other and would only repeat what is wrong in one.
    if faults.is_empty() {
        limit_cells(&spec, faults);
        overrides::check_presets(&spec, &raw.presets, faults);
    }
    if faults.is_empty() {
        spec.excludes = overrides::excludes(&spec, &raw.excludes, &base, faults);
        spec.captions = captions::captions(&spec, &raw.captions, &base, faults);
        spec.sheet = tables::sheet(&spec, &raw.sheet, &base, faults);
    }
    spec
}

/// The values of a key; none if it is missing or wrong.
fn read<T>(
    faults: &mut Faults,
    field: Option<Field<'_>>,
    check: impl Fn(Field<'_>) -> Checked<Vec<T>>,
) -> Vec<T> {
    field
        .and_then(|field| faults.take(check(field)))
        .unwrap_or_default()
}

fn scales(field: Field<'_>) -> Checked<Vec<Scale>> {
    let values = numbers(field, Domain::scale())?;
    Ok(values.into_iter().map(Scale::new).collect())
}

/// Shares of the steps.
fn shares(field: Field<'_>) -> Checked<Vec<Scale>> {
    let values = numbers(field, Domain::between(0, 1))?;
    Ok(values.into_iter().map(Scale::new).collect())
}

/// The run folder's name as given, or from the file's name.
fn name(field: Option<Field<'_>>, path: &Path) -> Checked<String> {
    let (name, at) = match field {
        Some(field) => (field.text()?.to_owned(), Some(field.at)),
        None => {
            let stem = path.file_stem().unwrap_or_default();
            (stem.to_string_lossy().into_owned(), None)
        }
    };
    let Some(reason) = bad_name(&name) else {
        return Ok(name);
    };
    let hint = match (at, suggested_name(&name)) {
        (Some(_), None) => "choose another, e.g. name = \"winter\"".to_owned(),
        (Some(_), Some(better)) => format!("choose another, e.g. name = \"{better}\""),
        (None, better) => {
            let better = better.unwrap_or_else(|| "winter".to_owned());
            format!(
                "the name is that of the sweep file; add another at the top: name = \"{better}\""
            )
        }
    };
    let problem = SpecProblem::BadName {
        value: quoted(&name),
        reason,
        hint,
    };
    Err(match at {
        Some(at) => problem.at(at),
        None => problem.anywhere(),
    })
}

/// Longest name of a run folder.
pub(super) const MAX_NAME_BYTES: usize = 100;

fn allowed_in_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '-')
}

/// Why a name cannot be that of a folder on every system, if so.
fn bad_name(name: &str) -> Option<&'static str> {
    const RESERVED: [&str; 4] = ["con", "prn", "aux", "nul"];
    let stem = name.split('.').next().unwrap_or_default().to_lowercase();
    let port = stem.strip_prefix("com").or(stem.strip_prefix("lpt"));
    let is_port = port.is_some_and(|n| n.len() == 1 && n.bytes().all(|b| b.is_ascii_digit()));
    if name.is_empty() {
        Some("it is empty")
    } else if name.len() > MAX_NAME_BYTES {
        Some("it is longer than 100 characters")
    } else if !name.chars().all(allowed_in_name) {
        Some("only letters, digits, `.`, `_` and `-` are allowed")
    } else if name.starts_with(['.', '-']) || name.ends_with('.') {
        Some("it begins with `.` or `-` or ends with `.`")
    } else if RESERVED.contains(&stem.as_str()) || is_port {
        Some("Windows reserves it for a device")
    } else {
        None
    }
}

/// The nearest good name, if anything is left of a bad one.
fn suggested_name(name: &str) -> Option<String> {
    let better: String = name
        .chars()
        .map(|c| if allowed_in_name(c) { c } else { '-' })
        .take(MAX_NAME_BYTES)
        .collect();
    let better = better.trim_matches(['.', '-']);
    (bad_name(better).is_none() && better.chars().any(char::is_alphanumeric))
        .then(|| better.to_owned())
}

/// `model`, `image` and `instruction` have no defaults; they may be missing only if every preset sets them.
fn require(spec: &mut SweepSpec, raw: &RawSweep<'_>, faults: &mut Faults) {
    let missing = |key: &str, place: &str| SpecProblem::Missing {
        key: key.to_owned(),
        hint: place.to_owned(),
    };
    let all_set = |set: fn(&Overrides) -> bool| {
        !spec.presets.is_empty() && spec.presets.iter().all(|preset| set(&preset.overrides))
    };
    let mut fault = |problem: SpecProblem, at: Option<usize>| {
        faults.push(match at {
            Some(at) => problem.at(at),
            None => problem.anywhere(),
        });
    };
    let (model, image, instruction) = (
        all_set(|preset| preset.model.is_some()),
        all_set(|preset| preset.image.is_some()),
        all_set(|preset| preset.instruction.is_some()),
    );
    if raw.root.get("model").is_none() {
        if model {
            spec.models.extend(spec.preset_models.first().cloned());
        } else {
            let hint = "add the model's folder at the top of the file: model = \"../onnx/demo\"";
            fault(missing("model", hint), None);
        }
    }
    if raw.sweep.get("image").is_none() {
        if image {
            spec.images.extend(spec.preset_images.first().cloned());
        } else {
            let hint = "add it under [sweep]: image = \"photo.jpg\"";
            fault(missing("image", hint), raw.sweep.at);
        }
    }
    if raw.sweep.get("instruction").is_none() {
        if instruction {
            let first = spec.presets.first();
            spec.instructions
                .extend(first.and_then(|preset| preset.overrides.instruction.clone()));
        } else {
            let hint = "add it under [sweep]: instruction = \"make it winter\"";
            fault(missing("instruction", hint), raw.sweep.at);
        }
    }
}

fn default_values(spec: &mut SweepSpec) {
    fn or<T>(values: &mut Vec<T>, default: T) {
        if values.is_empty() {
            values.push(default);
        }
    }
    or(&mut spec.negative_prompts, String::new());
    or(
        &mut spec.guidance_scales,
        Scale::new(rust_decimal::Decimal::new(70, 1)),
    );
    or(
        &mut spec.image_guidance_scales,
        Scale::new(rust_decimal::Decimal::new(15, 1)),
    );
    or(&mut spec.guidance_starts, Scale::zero());
    or(&mut spec.guidance_ends, Scale::one());
    or(&mut spec.seeds, 0);
    or(&mut spec.num_inference_steps, 20);
    or(&mut spec.schedulers, None);
}

fn limit_cells(spec: &SweepSpec, faults: &mut Faults) {
    let counts = Parameter::ALL.map(|parameter| (parameter, spec.count(parameter).max(1)));
    let axes: Vec<String> = counts
        .iter()
        .filter(|(_, count)| *count > 1)
        .map(|(parameter, count)| format!("{parameter} has {count} values"))
        .collect();
    let axes = axes.join(", ");
    let cells = counts
        .iter()
        .try_fold(1u64, |cells, (_, count)| cells.checked_mul(*count as u64));
    let bytes = longest_text(spec);
    let problem = match cells {
        Some(cells) if cells > MAX_CELLS => SpecProblem::TooManyCells {
            cells: cells.to_string(),
            max: MAX_CELLS,
            axes,
        },
        Some(cells) if cells * bytes as u64 > MAX_TEXT_MIB << 20 => SpecProblem::TooMuchText {
            cells,
            bytes,
            max_mib: MAX_TEXT_MIB,
            axes,
        },
        Some(_) => return,
        None => SpecProblem::TooManyCells {
            cells: "more than 10^19".to_owned(),
            max: MAX_CELLS,
            axes,
        },
    };
    faults.push(problem.anywhere());
}

/// Bytes of the longest texts that a cell can have. A plan holds them once a cell.
fn longest_text(spec: &SweepSpec) -> usize {
    let longest = |parameter: Parameter| {
        let of_presets = spec.presets.iter();
        let of_presets = of_presets.filter_map(|preset| preset.overrides.text(parameter));
        let texts = spec.swept(parameter).into_iter().chain(of_presets);
        texts.map(|text| text.len()).max().unwrap_or_default()
    };
    let texts = [
        Parameter::Model,
        Parameter::Image,
        Parameter::Instruction,
        Parameter::NegativePrompt,
    ];
    texts.into_iter().map(longest).sum()
}
