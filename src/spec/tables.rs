//! `[size]`, `[runtime]`, `[numerics]`, `[measures]`, `[sheet]` and `[check]`.

use std::num::NonZeroU32;

use rust_decimal::prelude::ToPrimitive;
use toml::de::DeValue;

use super::definitions::*;
use super::error::SpecProblem;
use super::fault::{Checked, Faults, quoted};
use super::number::{Limits, number};
use super::path::Base;
use super::raw::{Field, Section};
use super::{
    Batch, CELL_SIDES, CheckSpec, Device, MAX_MEMORY_MIB, MAX_THREADS, MeasuresSpec, MemoryPolicy,
    Numerics, Runtime, SheetSpec, SweepSpec, VaeTile, suggest,
};
use crate::diffusion::{GuidanceMode, NoiseSource};
use crate::image::{Colour, Fit, Size};
use crate::vocabulary::{Arithmetic, Parameter};

/// Reads a field; returns the default if it is missing or wrong.
fn read<T>(
    faults: &mut Faults,
    section: &Section<'_>,
    setting: &'static Setting,
    default: T,
    check: impl FnOnce(Field<'_>) -> Checked<T>,
) -> T {
    section
        .get(setting)
        .and_then(|field| faults.take(check(field)))
        .unwrap_or(default)
}

fn whole(field: Field<'_>, (min, max): (u32, u32)) -> Checked<u32> {
    let value = number(field, Limits::whole(min, max))?;
    Ok(value.to_u32().unwrap_or(max))
}

fn boolean(field: Field<'_>) -> Checked<bool> {
    match field.value {
        DeValue::Boolean(value) => Ok(*value),
        _ => Err(field.wrong_type("true or false").at(field.at)),
    }
}

/// `[size]`.
pub(super) fn size(section: &Section<'_>, faults: &mut Faults) -> Size {
    let rule = read(faults, section, &FIT, Rule::Crop, |field| {
        field.choice("rule", &FITS)
    });
    let side = |faults: &mut Faults, setting| {
        read(faults, section, setting, None, |field| {
            whole(field, SIDE).map(Some)
        })
    };
    let resolution = side(faults, &RESOLUTION);
    let (width, height) = (side(faults, &WIDTH), side(faults, &HEIGHT));
    let (strangers, hint): (&[&'static Setting], _) = match rule {
        Rule::Exact => (&[&RESOLUTION], "fit = \"exact\" takes width and height"),
        Rule::Crop | Rule::Floor => (&[&WIDTH, &HEIGHT], "width and height need fit = \"exact\""),
    };
    for field in strangers.iter().filter_map(|&key| section.get(key)) {
        let problem = SpecProblem::SizeConflict {
            key: field.key.to_string(),
            fit: name_of(&FITS, &rule).to_owned(),
            hint,
        };
        faults.push(problem.at(field.at));
    }
    for setting in [&WIDTH, &HEIGHT] {
        if rule == Rule::Exact && section.get(setting).is_none() {
            let Setting { key, example, .. } = setting;
            let problem = SpecProblem::Missing {
                key: format!("size.{key}"),
                hint: format!("fit = \"exact\" needs it, e.g. {key} = {example}"),
            };
            faults.push(problem.at(section.at.unwrap_or_default()));
        }
    }
    let fit = match (rule, width, height) {
        (Rule::Exact, Some(width), Some(height)) => Fit::Exact { width, height },
        (Rule::Floor, ..) => Fit::Floor,
        // `exact` without its sides is a fault, so this value is never used.
        (Rule::Crop | Rule::Exact, ..) => Fit::Crop,
    };
    let colour = read(faults, section, &COLOUR, Colour::default(), |field| {
        field.choice("treatment of colours", &COLOURS)
    });
    Size {
        resolution,
        fit,
        colour,
    }
}

/// `[runtime]`.
pub(super) fn runtime(section: &Section<'_>, faults: &mut Faults) -> Runtime {
    let allowed = Arithmetic::default();
    Runtime {
        device: read(faults, section, &DEVICE, Device::default(), |field| {
            let text = field.text()?;
            text.parse().map_err(|_| {
                let choices = Device::choices();
                let choices: Vec<&str> = choices.iter().map(String::as_str).collect();
                field.unknown_name("device", text, &choices)
            })
        }),
        threads: read(faults, section, &THREADS, 0, |field| {
            Ok(whole(field, (0, MAX_THREADS))? as usize)
        }),
        memory: read(faults, section, &MEMORY, MemoryPolicy::default(), |field| {
            let text = field.text()?;
            text.parse()
                .map_err(|_| field.unknown_name("policy", text, &MemoryPolicy::CHOICES))
        }),
        batch: read(faults, section, &BATCH, Batch::default(), batch),
        memory_limit_mib: read(faults, section, &MEMORY_LIMIT_MIB, None, |field| {
            whole(field, (1, MAX_MEMORY_MIB)).map(NonZeroU32::new)
        }),
        arithmetic: Arithmetic {
            tf32: read(faults, section, &TF32, allowed.tf32, boolean),
            bfloat16: read(faults, section, &BFLOAT16, allowed.bfloat16, boolean),
        },
    }
}

fn batch(field: Field<'_>) -> Checked<Batch> {
    match field.value {
        DeValue::String(text) if text == "auto" => Ok(Batch::Auto),
        DeValue::Integer(_) => {
            let cells = NonZeroU32::new(whole(field, (1, MAX_BATCH))?);
            Ok(cells.map_or(Batch::Auto, Batch::Cells))
        }
        _ => Err(field.wrong_type("\"auto\" or a whole number").at(field.at)),
    }
}

/// `[numerics]`.
pub(super) fn numerics(section: &Section<'_>, faults: &mut Faults) -> Numerics {
    Numerics {
        noise: read(faults, section, &NOISE, NoiseSource::default(), |field| {
            field.choice("noise", &NOISES)
        }),
        guidance: read(
            faults,
            section,
            &GUIDANCE,
            GuidanceMode::default(),
            |field| field.choice("guidance", &GUIDANCES),
        ),
        vae_tile: read(faults, section, &VAE_TILE, VaeTile::default(), vae_tile),
    }
}

fn vae_tile(field: Field<'_>) -> Checked<VaeTile> {
    match field.value {
        DeValue::String(_) => field.choice("tile", &VAE_TILES),
        DeValue::Integer(_) => {
            let pixels = NonZeroU32::new(whole(field, TILE)?);
            Ok(pixels.map_or(VaeTile::Auto, VaeTile::Pixels))
        }
        _ => {
            let expected = "\"auto\", \"off\" or a whole number";
            Err(field.wrong_type(expected).at(field.at))
        }
    }
}

/// `[measures]`.
pub(super) fn measures(section: &Section<'_>, base: &Base, faults: &mut Faults) -> MeasuresSpec {
    MeasuresSpec {
        clip: read(faults, section, &CLIP, None, |field| {
            base.clip(field).map(Some)
        }),
    }
}

/// `[sheet]`; its axes must be axes of `spec`.
pub(super) fn sheet(
    spec: &SweepSpec,
    section: &Section<'_>,
    base: &Base,
    faults: &mut Faults,
) -> SheetSpec {
    let mut sheet = SheetSpec::default();
    let mut taken: Vec<(&str, Parameter)> = Vec::new();
    let mut free_axis = |key: &'static str, field: Field<'_>| {
        let parameter = sheet_axis(spec, field)?;
        match taken.iter().find(|(_, other)| *other == parameter) {
            Some((other, _)) if *other == key => {
                let problem = SpecProblem::Duplicate {
                    key: field.key.to_string(),
                    value: parameter.to_string(),
                };
                return Err(problem.at(field.at));
            }
            Some((other, _)) => return Err(same_axis(other, key, parameter).at(field.at)),
            None => {}
        }
        taken.push((key, parameter));
        Ok(parameter)
    };
    let mut axis = |setting: &'static Setting| {
        read(faults, section, setting, None, |field| {
            free_axis(setting.key, field).map(Some)
        })
    };
    sheet.rows = axis(&ROWS);
    sheet.columns = axis(&COLUMNS);
    sheet.super_rows = axis(&SUPER_ROWS);
    sheet.super_columns = axis(&SUPER_COLUMNS);
    sheet.merge = axis(&MERGE);
    let panels = section.get(&PANELS).map(Field::items);
    let panels = panels.and_then(|items| faults.take(items));
    sheet.panels = (panels.into_iter().flatten())
        .filter_map(|item| faults.take(free_axis(PANELS.key, item)))
        .collect();
    sheet.cell = read(faults, section, &CELL, sheet.cell, |field| {
        let side = NonZeroU32::new(whole(field, CELL_SIDES)?);
        Ok(side.unwrap_or(SheetSpec::DEFAULT_CELL))
    });
    sheet.show_input = read(faults, section, &SHOW_INPUT, sheet.show_input, boolean);
    sheet.font = read(faults, section, &FONT, None, |field| {
        base.font(field).map(Some)
    });
    sheet
}

fn same_axis(one: &str, other: &str, parameter: Parameter) -> SpecProblem {
    SpecProblem::SameAxis {
        one: one.to_owned(),
        other: other.to_owned(),
        parameter: parameter.to_string(),
    }
}

/// `[check]`.
pub(super) fn check(section: &Section<'_>, faults: &mut Faults) -> CheckSpec {
    let default = CheckSpec::default();
    let mut limit = |setting, default, (min, max): (u32, u32)| {
        read(faults, section, setting, default, |field| {
            let value = number(field, Limits::between(min, max))?;
            Ok(value.to_f64().unwrap_or(default))
        })
    };
    CheckSpec {
        perceptual_mean: limit(&PERCEPTUAL_MEAN, default.perceptual_mean, PERCEPTUAL),
        perceptual_p99: limit(&PERCEPTUAL_P99, default.perceptual_p99, PERCEPTUAL),
        ssim: limit(&SSIM, default.ssim, SSIM_RANGE),
        latents: limit(&LATENTS, default.latents, LATENTS_RANGE),
        drift: limit(&DRIFT, default.drift, DRIFT_RANGE),
        ..default
    }
}

/// `check.stages`; whether these stages exist is known only once the models are read.
pub(super) fn checked_stages(section: &Section<'_>, faults: &mut Faults) -> Vec<String> {
    let Some(field) = section.get(&STAGES) else {
        return Vec::new();
    };
    let items = faults.take(field.items()).unwrap_or_default().into_iter();
    items
        .filter_map(|item| faults.take(item.text()).map(str::to_owned))
        .collect()
}

fn sheet_axis(spec: &SweepSpec, field: Field<'_>) -> Checked<Parameter> {
    let text = field.text()?;
    let parameter = Parameter::from_key(text).ok_or_else(|| {
        field.unknown_name("parameter", text, &Parameter::ALL.map(Parameter::key))
    })?;
    if spec.is_axis(parameter) {
        return Ok(parameter);
    }
    let axes: Vec<&str> = Parameter::ALL
        .into_iter()
        .filter(|other| spec.is_axis(*other))
        .map(Parameter::key)
        .collect();
    let hint = match (
        suggest::nearest(text, axes.iter().copied()),
        axes.is_empty(),
    ) {
        (_, true) => format!(
            "give {parameter} more than one value, or take {} out",
            field.key
        ),
        (Some(near), _) => format!("did you mean {near}?"),
        (None, _) => format!("its axes are {}", axes.join(", ")),
    };
    let problem = SpecProblem::NotAnAxis {
        key: field.key.to_string(),
        parameter: quoted(text),
        hint,
    };
    Err(problem.at(field.at))
}
