//! Makes a sweep with finer steps around a cell, from the sweep file in the run folder.

use std::path::{Path, PathBuf};

use rust_decimal::Decimal;
use toml::{Table, Value};

use crate::plan::{Cell, Plan};
use crate::store::{Run, read_file};
use crate::vocabulary::{CellKey, Domain, Parameter, Place};

/// The longest sweep file in bytes; a longer one could not have been run.
const LONGEST: u64 = 16 << 20;
/// Tables that would add cells other than those around the given one, or change it.
const DROPPED: [&str; 4] = ["preset", "exclude", "then", "sheet"];
/// Steps around a cell if no scale varies: half a guidance scale, and a tenth of an image guidance scale.
const DEFAULT_STEPS: [(Parameter, Decimal); 2] = [
    (
        Parameter::GuidanceScale,
        Decimal::from_parts(5, 0, 0, false, 1),
    ),
    (
        Parameter::ImageGuidanceScale,
        Decimal::from_parts(1, 0, 0, false, 1),
    ),
];
/// Decimal places of a refined value; finer steps make no visible difference.
const DIGITS: u32 = 3;

/// Why a finer sweep cannot be made.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum RefineError {
    /// The cell belongs to a later stage and works on an image that no sweep file can name.
    #[error("{cell} is not a cell of the first stage of the chain")]
    #[diagnostic(help("give a cell of the first stage, or change the chain's own sweep file"))]
    NotOfFirstStage {
        /// The cell.
        cell: CellKey,
    },
    /// The sweep file in the run folder is no longer valid.
    #[error("cannot use {}: {reason}", path.display())]
    #[diagnostic(help("run the sweep again to restore its sweep file"))]
    SweepFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// A finer sweep.
#[derive(Debug, Clone, PartialEq)]
pub struct Refined {
    /// Its name, which is also that of its run folder.
    pub name: String,
    /// Its sweep file, as TOML.
    pub text: String,
    /// The folder of the original sweep file, relative to where it was run; paths in the text are relative to it.
    pub folder: PathBuf,
    /// The parameters that vary, with their values.
    pub axes: Vec<(Parameter, Vec<String>)>,
}

/// The sweep around a cell: every scale that varies in the run, in steps of a quarter of the distance to its
/// neighbours; the rest as in the cell.
///
/// # Errors
/// If the cell is not in the first stage, or the run's sweep file cannot be read.
pub fn refine(run: &Run, key: &CellKey) -> Result<Refined, RefineError> {
    let cell = run.plan.cell(key);
    let cell = cell.filter(|cell| cell.stage == 0);
    let cell = cell.ok_or_else(|| RefineError::NotOfFirstStage { cell: key.clone() })?;
    let mut file = sweep_file(run)?;
    for dropped in DROPPED {
        file.remove(dropped);
    }
    let axes = finer_axes(&run.plan, cell);
    let name = format!("{}-around-{}", run.plan.name, hash_of(cell));
    file.insert("name".into(), Value::String(name.clone()));
    file.insert(
        "model".into(),
        Value::String(cell.parameters.model.to_string()),
    );
    file.insert(
        "sweep".into(),
        Value::Table(sweep_table(&run.plan, cell, &axes)),
    );
    let body = toml::to_string(&file).unwrap_or_default();
    Ok(Refined {
        name,
        text: format!(
            "# Finer steps around the cell {} of the sweep {:?}.\n{body}",
            cell.key, run.plan.name
        ),
        folder: folder_of(&run.plan, cell),
        axes: (axes.iter())
            .map(|(parameter, values)| {
                (*parameter, values.iter().map(Decimal::to_string).collect())
            })
            .collect(),
    })
}

fn sweep_file(run: &Run) -> Result<Table, RefineError> {
    let path = run.folder.join("sweep.toml");
    let bad = |reason: String| RefineError::SweepFile {
        path: path.clone(),
        reason,
    };
    let bytes = read_file(&path, LONGEST).map_err(|error| bad(error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|error| bad(error.to_string()))?;
    text.parse()
        .map_err(|error: toml::de::Error| bad(error.message().to_owned()))
}

/// The part of a key that identifies the cell.
fn hash_of(cell: &Cell) -> &str {
    cell.key.as_str().rsplit('-').next().unwrap_or_default()
}

/// The folder of the sweep file: the path of the image without the name that the sweep file gives it.
fn folder_of(plan: &Plan, cell: &Cell) -> PathBuf {
    let images = plan.images.iter();
    let read = images.filter(|image| image.name == cell.parameters.image);
    let folder = read.map(|image| without_end(&image.path, Path::new(&image.name)));
    folder.flatten().next().unwrap_or_default()
}

fn without_end(path: &Path, end: &Path) -> Option<PathBuf> {
    let mut path = path.components();
    for part in end.components().rev() {
        (path.next_back()? == part).then_some(())?;
    }
    Some(path.as_path().to_owned())
}

/// The scales with several values in the run, in finer steps; if there are none, the guidance scales.
fn finer_axes(plan: &Plan, cell: &Cell) -> Vec<(Parameter, Vec<Decimal>)> {
    let axes = Parameter::ALL.into_iter().filter_map(|parameter| {
        let known = values_of(plan, parameter)?;
        (known.len() > 1)
            .then(|| {
                Some((
                    parameter,
                    finer(parameter, &known, number(cell, parameter)?),
                ))
            })
            .flatten()
    });
    let axes: Vec<_> = axes.collect();
    if !axes.is_empty() {
        return axes;
    }
    let usual = DEFAULT_STEPS
        .into_iter()
        .filter(|(parameter, _)| is_used(plan, cell, *parameter));
    let around = usual.filter_map(|(parameter, step)| {
        let at = number(cell, parameter)?;
        let step = step * Decimal::from(4);
        Some((parameter, finer(parameter, &[at - step, at, at + step], at)))
    });
    around.collect()
}

/// All values of a decimal parameter in the run.
fn values_of(plan: &Plan, parameter: Parameter) -> Option<Vec<Decimal>> {
    let Domain::Decimal { .. } = parameter.definition().domain else {
        return None;
    };
    let mut values: Vec<Decimal> = plan
        .cells
        .iter()
        .filter_map(|cell| number(cell, parameter))
        .collect();
    values.sort();
    values.dedup();
    Some(values)
}

fn number(cell: &Cell, parameter: Parameter) -> Option<Decimal> {
    cell.parameters.text(parameter).parse().ok()
}

/// Two steps to each side of a value, of a quarter of the distance to the next value on that side or, at the end of the
/// range, on the other.
fn finer(parameter: Parameter, known: &[Decimal], at: Decimal) -> Vec<Decimal> {
    let below = known
        .iter()
        .rev()
        .find(|value| **value < at)
        .map(|value| at - value);
    let above = known
        .iter()
        .find(|value| **value > at)
        .map(|value| value - at);
    let quarter = |distance: Option<Decimal>| distance.unwrap_or_default() / Decimal::from(4);
    let (down, up) = (quarter(below.or(above)), quarter(above.or(below)));
    let (least, most) = match parameter.definition().domain {
        Domain::Decimal { min, max } => (Decimal::from(min), Decimal::from(max)),
        _ => (at, at),
    };
    let two = Decimal::TWO;
    let mut values: Vec<Decimal> = [at - two * down, at - down, at, at + up, at + two * up]
        .into_iter()
        .map(|value| value.round_dp(DIGITS).clamp(least, most).normalize())
        .collect();
    values.dedup();
    values
}

/// Whether a parameter has a meaning for a cell's kind of pipeline.
fn is_used(plan: &Plan, cell: &Cell, parameter: Parameter) -> bool {
    parameter != Parameter::ImageGuidanceScale
        || plan.kind_of(cell).pipeline().needs().image_guidance_scale
}

/// `[sweep]` with the cell's own values, and lists for the refined scales.
fn sweep_table(plan: &Plan, cell: &Cell, axes: &[(Parameter, Vec<Decimal>)]) -> Table {
    let placed = Parameter::ALL.into_iter().filter(|parameter| {
        parameter.definition().place == Place::Sweep && is_used(plan, cell, *parameter)
    });
    let entry = |parameter: Parameter| {
        let refined = axes.iter().find(|(axis, _)| *axis == parameter);
        let value = match refined {
            Some((_, values)) => Value::Array(
                values
                    .iter()
                    .map(|value| decimal(&value.to_string()))
                    .collect(),
            ),
            None => value_of(parameter, &cell.parameters.text(parameter))?,
        };
        Some((parameter.key().to_owned(), value))
    };
    placed.filter_map(entry).collect()
}

/// A value in TOML; `None` for a strength, mask or image that the cell does not have.
fn value_of(parameter: Parameter, text: &str) -> Option<Value> {
    let string = || Value::String(text.to_owned());
    match parameter.definition().domain {
        Domain::Text | Domain::Scheduler | Domain::Preset => Some(string()),
        _ if text.is_empty() => None,
        Domain::Folder => Some(string()),
        // The name of a mask made from a table is that table in TOML.
        Domain::Mask if text.starts_with('{') => {
            let table = format!("mask = {text}").parse::<Table>().ok();
            table.and_then(|mut table| table.remove("mask"))
        }
        Domain::File | Domain::Mask => Some(Value::String(literal_path(text))),
        Domain::Decimal { .. } => Some(decimal(text)),
        // TOML's integers end at 2^63 - 1; larger seeds are written as text.
        Domain::Whole { .. } => Some(text.parse().map_or_else(|_| string(), Value::Integer)),
    }
}

fn decimal(text: &str) -> Value {
    text.parse()
        .map_or_else(|_| Value::String(text.to_owned()), Value::Float)
}

/// The path with everything escaped that could be taken for a pattern.
fn literal_path(path: &str) -> String {
    let mut literal = String::with_capacity(path.len());
    for character in path.chars() {
        match character {
            '*' | '?' | '[' => literal.extend(['[', character, ']']),
            _ => literal.push(character),
        }
    }
    literal
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::sheet::samples::{plan, run};

    fn decimals(texts: &[&str]) -> Vec<Decimal> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn steps_are_a_quarter_of_the_distance_to_each_neighbour_and_stay_in_the_domain() {
        let known = decimals(&["1.0", "2.0", "6.0"]);
        let around = |at: &str| finer(Parameter::GuidanceScale, &known, at.parse().unwrap());
        assert_eq!(around("2.0"), decimals(&["1.5", "1.75", "2", "3", "4"]));
        assert_eq!(around("6.0"), decimals(&["4", "5", "6", "7", "8"]));
        let ends = finer(
            Parameter::GuidanceEnd,
            &decimals(&["0.8", "1.0"]),
            Decimal::ONE,
        );
        assert_eq!(ends, decimals(&["0.9", "0.95", "1"]));
    }

    #[test]
    fn a_finer_sweep_keeps_what_the_cell_is_and_drops_what_would_bring_others() {
        let folder = tempfile::tempdir().unwrap();
        let axes: [(Parameter, &[&str]); 3] = [
            (Parameter::Instruction, &["make it winter", "say \"hi\""]),
            (Parameter::GuidanceScale, &["3.0", "5.0"]),
            (Parameter::Seed, &["18446744073709551615", "2"]),
        ];
        let run = run(plan(&axes), folder.path());
        let original = "name = \"winter\"\nmodel = \"../onnx/demo\"\n[sweep]\nimage = \"photos/*.png\"\n\
                        [[exclude]]\nseed = 2\n[size]\nresolution = 256\n";
        std::fs::write(folder.path().join("sweep.toml"), original).unwrap();
        let refined = refine(&run, &run.plan.cells[6].key).unwrap();
        let file: Table = refined.text.parse().unwrap();
        assert_eq!(file["name"].as_str(), Some("winter-around-c00006"));
        assert_eq!(file["size"]["resolution"].as_integer(), Some(256));
        assert!(!file.contains_key("exclude"), "{}", refined.text);
        let sweep = file["sweep"].as_table().unwrap();
        assert_eq!(sweep["instruction"].as_str(), Some("say \"hi\""));
        assert_eq!(sweep["seed"].as_str(), Some("18446744073709551615"));
        let scales: Vec<f64> = sweep["guidance_scale"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_float)
            .collect();
        assert_eq!(scales, [4.0, 4.5, 5.0, 5.5, 6.0]);
        assert_eq!(refined.axes.len(), 1, "{:?}", refined.axes);
    }

    #[test]
    fn without_a_scale_that_varies_both_guidance_scales_do() {
        let folder = tempfile::tempdir().unwrap();
        let run = run(plan(&[]), folder.path());
        std::fs::write(folder.path().join("sweep.toml"), "model = \"m\"\n").unwrap();
        let axes = refine(&run, &run.plan.cells[0].key).unwrap().axes;
        let values: Vec<_> = axes
            .iter()
            .map(|(axis, values)| (axis.key(), values.join(" ")))
            .collect();
        let expected = [
            ("guidance_scale", "6 6.5 7 7.5 8"),
            ("image_guidance_scale", "1.3 1.4 1.5 1.6 1.7"),
        ];
        assert_eq!(
            values,
            expected.map(|(axis, values)| (axis, values.to_owned()))
        );
    }

    #[test]
    fn the_folder_of_the_sweep_file_is_where_its_image_was_read_without_the_name() {
        let end = |path: &str, name: &str| without_end(Path::new(path), Path::new(name));
        assert_eq!(end("a/b/photos/x.png", "photos/x.png"), Some("a/b".into()));
        assert_eq!(end("photos/x.png", "photos/x.png"), Some("".into()));
        assert_eq!(end("a/x.png", "photos/x.png"), None);
    }
}
