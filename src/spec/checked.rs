//! `[[check.ignore]]` and `[[check.tolerance]]`: parts of images that are not judged, and limits for single
//! instructions.

use std::collections::HashSet;

use rust_decimal::prelude::ToPrimitive;
use toml::de::DeValue;

use super::definitions::*;
use super::error::SpecProblem;
use super::fault::{Checked, Faults, quoted};
use super::number::{Limits, number};
use super::overrides::{UsedValues, single};
use super::path::Base;
use super::raw::{Field, RawSweep, Section};
use super::{Ignore, Ignored, SweepSpec, Tolerance, text};
use crate::vocabulary::Parameter;

/// Reads both tables into the sweep's checks.
pub(super) fn fill(spec: &mut SweepSpec, raw: &RawSweep, base: &Base, faults: &mut Faults) {
    // Later stages have their own instructions.
    let known = (spec.then.is_empty()).then(|| UsedValues::of(spec, Parameter::Instruction));
    let known = known.as_ref();
    for section in &raw.ignored {
        let read = ignore(section, known, base);
        spec.check.ignored.extend(faults.take(read));
    }
    let mut seen = HashSet::new();
    for section in &raw.tolerances {
        let read = tolerance(section, known, &mut seen);
        spec.check.tolerances.extend(faults.take(read));
    }
}

fn ignore(section: &Section, known: Option<&UsedValues>, base: &Base) -> Checked<Ignore> {
    let (area, mask) = (section.get(&IGNORE_BOX), section.get(&IGNORE_MASK));
    let part = match (area, mask) {
        (Some(field), None) => area_of(field)?,
        (None, Some(field)) => Ignored::Mask(base.file(single(field)?)?),
        (Some(_), Some(_)) | (None, None) => {
            let part = format!("check.ignore {}", section.number);
            let problem = SpecProblem::OnePart { part };
            return Err(problem.at(section.at.unwrap_or_default()));
        }
    };
    let instruction = section.get(&IGNORE_INSTRUCTION);
    let instruction = instruction.map(|field| instruction_of(field, known));
    Ok(Ignore {
        instruction: instruction.transpose()?,
        part,
    })
}

fn area_of(field: Field) -> Checked<Ignored> {
    let wrong = || field.wrong_type("left, top, width and height").at(field.at);
    let DeValue::Array(_) = field.value else {
        return Err(wrong());
    };
    let sides = field.items()?;
    let sides: Vec<u32> = sides
        .into_iter()
        .map(|side| {
            let value = number(side, Limits::whole(0u32, SIDE.1))?;
            Ok(value.to_u32().unwrap_or_default())
        })
        .collect::<Checked<_>>()?;
    match sides[..] {
        [left, top, width, height] => Ok(Ignored::Box {
            left,
            top,
            width,
            height,
        }),
        _ => Err(wrong()),
    }
}

fn tolerance(
    section: &Section,
    known: Option<&UsedValues>,
    seen: &mut HashSet<String>,
) -> Checked<Tolerance> {
    let at = section.at.unwrap_or_default();
    let called = format!("check.tolerance {}", section.number);
    let Some(field) = section.get(&TOLERANCE_INSTRUCTION) else {
        let problem = SpecProblem::Missing {
            key: format!("instruction of {called}"),
            hint: "say which instruction it is for, e.g. instruction = \"make it night\""
                .to_owned(),
        };
        return Err(problem.at(at));
    };
    let instruction = instruction_of(field, known)?;
    let limit = |setting, (min, max): (u32, u32)| -> Checked<Option<f64>> {
        let Some(field) = section.get(setting) else {
            return Ok(None);
        };
        Ok(number(field, Limits::between(min, max))?.to_f64())
    };
    let tolerance = Tolerance {
        perceptual_mean: limit(&TOLERANCE_MEAN, PERCEPTUAL)?,
        perceptual_p99: limit(&TOLERANCE_P99, PERCEPTUAL)?,
        ssim: limit(&TOLERANCE_SSIM, SSIM_RANGE)?,
        instruction,
    };
    let is_idle = section.fields().len() < 2;
    if is_idle || !seen.insert(tolerance.instruction.clone()) {
        let problem = SpecProblem::IdleTolerance {
            tolerance: called,
            instruction: quoted(&tolerance.instruction),
        };
        return Err(problem.at(at));
    }
    Ok(tolerance)
}

/// An instruction that cells of the sweep have.
fn instruction_of(field: Field, known: Option<&UsedValues>) -> Checked<String> {
    let typed = text::prompt(single(field)?)?;
    match known.and_then(|known| known.never_matches(field.key, &typed.as_str().into())) {
        Some(problem) => Err(problem.at(field.at)),
        None => Ok(typed),
    }
}
