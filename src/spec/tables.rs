//! `[size]`, `[runtime]`, `[numerics]`, `[measures]`, `[sheet]` and `[check]`.

use std::num::NonZeroU32;

use rust_decimal::prelude::ToPrimitive;
use toml::de::DeValue;

use super::error::SpecProblem;
use super::fault::{Checked, Faults, quoted};
use super::number::{Domain, number};
use super::path::Base;
use super::raw::{Field, Section};
use super::{
    Batch, CELL_SIDES, CheckSpec, Device, MAX_MEMORY_MIB, MAX_THREADS, MIN_TILE, MeasuresSpec,
    MemoryPolicy, Numerics, Runtime, SheetSpec, SweepSpec, VaeTile, suggest,
};
use crate::diffusion::{GuidanceMode, NoiseSource};
use crate::image::{Fit, Size};
use crate::vocabulary::Parameter;

/// Sides of images in pixels.
pub(super) const SIDE: (u32, u32) = (16, 8192);
/// `check.perceptual_mean` and `check.perceptual_p99`.
pub(super) const PERCEPTUAL: (u32, u32) = (0, 100);
/// `check.ssim`.
pub(super) const SSIM: (u32, u32) = (0, 1);
/// `check.latents`.
pub(super) const LATENTS: (u32, u32) = (0, 10);
/// `check.drift`.
pub(super) const DRIFT: (u32, u32) = (1, 1000);
/// `runtime.batch`.
pub(super) const MAX_BATCH: u32 = 1024;
/// `size.fit`.
pub(super) const FITS: [&str; 3] = ["crop", "floor", "exact"];
/// `numerics.noise`.
pub(super) const NOISES: [&str; 2] = ["torch-cpu", "torch-cuda"];
/// `numerics.vae_tile`, in words.
pub(super) const VAE_TILES: [&str; 2] = ["auto", "off"];
/// `numerics.vae_tile`, in pixels.
pub(super) const TILE: (u32, u32) = (MIN_TILE, SIDE.1);
/// `numerics.guidance`.
pub(super) const GUIDANCES: [&str; 2] = ["formula", "diffusers"];

/// A field read, or the default where there is none or it is wrong.
fn read<T>(
    faults: &mut Faults,
    section: &Section<'_>,
    key: &str,
    default: T,
    check: impl Fn(Field<'_>) -> Checked<T>,
) -> T {
    section
        .get(key)
        .and_then(|field| faults.take(check(field)))
        .unwrap_or(default)
}

fn whole(field: Field<'_>, (min, max): (u32, u32)) -> Checked<u32> {
    let value = number(field, Domain::whole(min, max))?;
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
    let name = read(faults, section, "fit", FITS[0], |field| {
        let typed = field.choice("rule", &FITS)?;
        Ok(FITS
            .into_iter()
            .find(|fit| *fit == typed)
            .unwrap_or(FITS[0]))
    });
    let side = |faults: &mut Faults, key| {
        read(faults, section, key, None, |field| {
            whole(field, SIDE).map(Some)
        })
    };
    let resolution = side(faults, "resolution");
    let (width, height) = (side(faults, "width"), side(faults, "height"));
    let exact = name == "exact";
    let (strangers, hint): (&[&str], _) = if exact {
        (&["resolution"], "fit = \"exact\" takes width and height")
    } else {
        (
            &["width", "height"],
            "width and height need fit = \"exact\"",
        )
    };
    for field in strangers.iter().filter_map(|key| section.get(key)) {
        let problem = SpecProblem::SizeConflict {
            key: field.key.to_string(),
            fit: name.to_owned(),
            hint,
        };
        faults.push(problem.at(field.at));
    }
    for key in ["width", "height"] {
        if exact && section.get(key).is_none() {
            let problem = SpecProblem::Missing {
                key: format!("size.{key}"),
                hint: format!("fit = \"exact\" needs it, e.g. {key} = 512"),
            };
            faults.push(problem.at(section.at.unwrap_or_default()));
        }
    }
    let fit = match (name, width, height) {
        ("exact", Some(width), Some(height)) => Fit::Exact { width, height },
        ("floor", ..) => Fit::Floor,
        _ => Fit::Crop,
    };
    Size { resolution, fit }
}

/// `[runtime]`.
pub(super) fn runtime(section: &Section<'_>, faults: &mut Faults) -> Runtime {
    Runtime {
        device: read(faults, section, "device", Device::default(), |field| {
            let text = field.text()?;
            text.parse()
                .map_err(|_| field.unknown_name("device", text, &Device::CHOICES))
        }),
        threads: read(faults, section, "threads", 0, |field| {
            Ok(whole(field, (0, MAX_THREADS))? as usize)
        }),
        memory: read(
            faults,
            section,
            "memory",
            MemoryPolicy::default(),
            |field| {
                let text = field.text()?;
                text.parse()
                    .map_err(|_| field.unknown_name("policy", text, &MemoryPolicy::CHOICES))
            },
        ),
        batch: read(faults, section, "batch", Batch::default(), batch),
        memory_limit_mib: read(faults, section, "memory_limit_mib", None, |field| {
            whole(field, (1, MAX_MEMORY_MIB)).map(NonZeroU32::new)
        }),
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
        noise: read(faults, section, "noise", NoiseSource::default(), |field| {
            Ok(match field.choice("noise", &NOISES)? {
                "torch-cuda" => NoiseSource::TorchCuda,
                _ => NoiseSource::TorchCpu,
            })
        }),
        guidance: read(
            faults,
            section,
            "guidance",
            GuidanceMode::default(),
            |field| {
                Ok(match field.choice("guidance", &GUIDANCES)? {
                    "diffusers" => GuidanceMode::Diffusers,
                    _ => GuidanceMode::Formula,
                })
            },
        ),
        vae_tile: read(faults, section, "vae_tile", VaeTile::default(), vae_tile),
    }
}

fn vae_tile(field: Field<'_>) -> Checked<VaeTile> {
    match field.value {
        DeValue::String(_) => Ok(match field.choice("tile", &VAE_TILES)? {
            "off" => VaeTile::Off,
            _ => VaeTile::Auto,
        }),
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
        clip: read(faults, section, "clip", None, |field| {
            base.clip(field).map(Some)
        }),
    }
}

/// `[sheet]`; the axes are those of `spec`.
pub(super) fn sheet(
    spec: &SweepSpec,
    section: &Section<'_>,
    base: &Base,
    faults: &mut Faults,
) -> SheetSpec {
    let mut sheet = SheetSpec::default();
    let mut taken: Vec<(&str, Parameter)> = Vec::new();
    let mut axis = |key| {
        let parameter = read(faults, section, key, None, |field| {
            let parameter = sheet_axis(spec, field)?;
            match taken.iter().find(|(_, other)| *other == parameter) {
                Some((other, _)) => Err(same_axis(other, key, parameter).at(field.at)),
                None => Ok(Some(parameter)),
            }
        });
        taken.extend(parameter.map(|parameter| (key, parameter)));
        parameter
    };
    sheet.rows = axis("rows");
    sheet.columns = axis("columns");
    sheet.super_rows = axis("super_rows");
    sheet.super_columns = axis("super_columns");
    sheet.merge = axis("merge");
    sheet.cell = read(faults, section, "cell", sheet.cell, |field| {
        let side = NonZeroU32::new(whole(field, CELL_SIDES)?);
        Ok(side.unwrap_or(SheetSpec::DEFAULT_CELL))
    });
    sheet.show_input = read(faults, section, "show_input", sheet.show_input, boolean);
    sheet.font = read(faults, section, "font", None, |field| {
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
    let mut limit = |key, default, (min, max)| {
        read(faults, section, key, default, |field| {
            let value = number(field, Domain::between(min, max))?;
            Ok(value.to_f64().unwrap_or(default))
        })
    };
    CheckSpec {
        perceptual_mean: limit("perceptual_mean", default.perceptual_mean, PERCEPTUAL),
        perceptual_p99: limit("perceptual_p99", default.perceptual_p99, PERCEPTUAL),
        ssim: limit("ssim", default.ssim, SSIM),
        latents: limit("latents", default.latents, LATENTS),
        drift: limit("drift", default.drift, DRIFT),
    }
}

fn sheet_axis(spec: &SweepSpec, field: Field<'_>) -> Checked<Parameter> {
    let text = field.text()?;
    let parameter = Parameter::from_key(text).ok_or_else(|| {
        field.unknown_name("parameter", text, &Parameter::ALL.map(Parameter::key))
    })?;
    if spec.count(parameter) > 1 {
        return Ok(parameter);
    }
    let axes: Vec<&str> = Parameter::ALL
        .into_iter()
        .filter(|other| spec.count(*other) > 1)
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
