//! Checks everything that was written and collects all problems; the result is a valid sweep.

use std::path::Path;

use super::definitions::{NAME, ONLY_MASKED, OUTSIDE};
use super::error::SpecProblem;
use super::fault::{Checked, Faults, quoted};
use super::path::Base;
use super::raw::{Field, RawSweep};
use super::values::Reader;
use super::{MAX_CELLS, SweepSpec, captions, checked, overrides, stages, tables};
use crate::vocabulary::{ByParameter, Domain, Parameter, Place, Unset, Value};

/// The most text in all cells together: several copies of a plan are in memory while it is made.
const MAX_TEXT_MIB: u64 = 512;

/// The sweep; if there are faults, it must not be used.
pub(super) fn validate(
    raw: &RawSweep<'_>,
    source: &str,
    path: &Path,
    faults: &mut Faults,
) -> SweepSpec {
    let base = Base::of(path);
    let mut reader = Reader::new(&base);
    let values = values(raw, &mut reader, faults);
    let typed = Parameter::DEFINED.into_iter();
    let typed = typed.filter(|&parameter| typed_at(raw, parameter).is_some());
    let then = stages::then(&raw.then, &values, &raw.presets, &mut reader, faults);
    let presets = overrides::presets(&raw.presets, &mut reader, faults);
    let mut spec = SweepSpec {
        name: faults
            .take(name(raw.root.get(&NAME), path))
            .unwrap_or_default(),
        text: source.to_owned(),
        values,
        typed: typed.collect(),
        masking: stages::masking(&raw.sweep, [&OUTSIDE, &ONLY_MASKED], faults),
        then,
        files: reader.files,
        masks: reader.masks,
        presets,
        notes: reader.notes,
        excludes: Vec::new(),
        captions: Vec::new(),
        size: tables::size(&raw.size, faults),
        runtime: tables::runtime(&raw.runtime, faults),
        numerics: tables::numerics(&raw.numerics, faults),
        measures: tables::measures(&raw.measures, &base, faults),
        sheet: super::SheetSpec::default(),
        check: tables::check(&raw.check, faults),
        checked_stages: tables::checked_stages(&raw.check, faults),
    };
    let presets = spec.presets.iter();
    spec.values[Parameter::Preset] = presets.map(|preset| preset.name.as_str().into()).collect();
    fill(&mut spec, raw, faults);
    // The checks below compare tables with each other and would only repeat the faults of one.
    if faults.is_empty() {
        limit_cells(&spec, faults);
        overrides::check_presets(&spec, &raw.presets, faults);
    }
    if faults.is_empty() {
        spec.excludes = overrides::excludes(&spec, &raw.excludes, &base, faults);
        spec.captions = captions::captions(&spec, &raw.captions, &base, faults);
        checked::fill(&mut spec, raw, &base, faults);
        spec.sheet = tables::sheet(&spec, &raw.sheet, &base, faults);
    }
    spec.notes.extend(base.notes());
    spec
}

/// The field that sets a parameter, if there is one.
fn typed_at<'t>(raw: &RawSweep<'t>, parameter: Parameter) -> Option<Field<'t>> {
    match parameter.definition().place {
        Place::Top => raw.root.get(parameter),
        Place::Sweep => raw.sweep.get(parameter),
        Place::Presets => None,
    }
}

/// The values of each parameter as written; empty if it is missing or wrong.
fn values(
    raw: &RawSweep<'_>,
    reader: &mut Reader<'_>,
    faults: &mut Faults,
) -> ByParameter<Vec<Value>> {
    ByParameter::from_fn(|parameter| {
        let field = typed_at(raw, parameter);
        let values = field.map(|field| reader.values(parameter, field, faults));
        values.unwrap_or_default()
    })
}

/// Gives parameters without values their defaults. Those without a default may be missing only if every preset sets
/// them.
fn fill(spec: &mut SweepSpec, raw: &RawSweep<'_>, faults: &mut Faults) {
    for parameter in Parameter::DEFINED {
        let definition = parameter.definition();
        let values = &mut spec.values[parameter];
        match &definition.unset {
            Unset::Default(value) if values.is_empty() => values.push(value.clone()),
            Unset::Required(remedy) if typed_at(raw, parameter).is_none() => {
                let mut presets = spec.presets.iter();
                let all_set = !spec.presets.is_empty()
                    && presets.all(|preset| preset.overrides.get(parameter).is_some());
                if all_set {
                    continue;
                }
                let problem = SpecProblem::Missing {
                    key: parameter.to_string(),
                    hint: (*remedy).to_owned(),
                };
                faults.push(match (definition.place, raw.sweep.at) {
                    (Place::Sweep, Some(at)) => problem.at(at),
                    (Place::Sweep | Place::Top | Place::Presets, _) => problem.anywhere(),
                });
            }
            Unset::Default(_) | Unset::Required(_) | Unset::OfTheModel | Unset::Nothing => {}
        }
    }
}

/// The name of the run folder, either given or derived from the file's name.
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

/// The longest name of a run folder, in bytes.
pub(super) const MAX_NAME_BYTES: usize = 100;

fn allowed_in_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '-')
}

/// Why a folder cannot have this name on every system; `None` if it can.
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

/// The nearest valid name, if anything is left of the bad one.
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

/// The length in bytes of the longest texts that a cell can have; a plan holds them once for each cell.
fn longest_text(spec: &SweepSpec) -> usize {
    let longest = |parameter: Parameter| {
        let of_presets = spec.presets.iter();
        let of_presets = of_presets.filter_map(|preset| preset.overrides.get(parameter));
        let values = spec.values[parameter].iter().chain(of_presets);
        let lengths = values.map(|value| match value {
            Value::Text(text) => text.len(),
            Value::Decimal(_) | Value::Whole(_) | Value::Scheduler(_) => 0,
        });
        lengths.max().unwrap_or_default()
    };
    let texts = Parameter::DEFINED.into_iter().filter(|parameter| {
        let domain = parameter.definition().domain;
        matches!(
            domain,
            Domain::Folder | Domain::File | Domain::Mask | Domain::Text
        )
    });
    texts.map(longest).sum()
}
