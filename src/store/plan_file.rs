//! `plan.json`: the plan of a run folder, and which sweep file it was made from.

use std::fmt;
use std::io::{self, BufReader, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::{Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::{Environment, StoreError, files, regular};
use crate::image::MAX_SIDE;
use crate::plan::{Cell, Plan};
use crate::spec::CELL_SIDES;
use crate::vocabulary::{Parameters, is_file_name};

/// The file's name in the run folder.
pub(super) const NAME: &str = "plan.json";

/// The longest such file in bytes; a plan of a million cells takes about a gigabyte.
const LONGEST: u64 = 4 << 30;

/// Bytes read at a time.
const PIECE: usize = 1 << 16;

/// What `plan.json` of a run folder says; the plan can be shared with runs that have the same.
#[derive(Debug, Clone)]
pub struct Planned {
    /// The plan.
    pub plan: Arc<Plan>,
    /// Earlier versions kept the environment here.
    pub(super) environment: Option<Environment>,
    /// The sweep file, relative to the run folder, so that the two may be moved together.
    pub(super) sweep: Option<PathBuf>,
}

impl Planned {
    /// Reads it.
    ///
    /// # Errors
    /// If the folder is not a run folder, or the file cannot be read.
    pub fn read(folder: &Path) -> Result<Self, StoreError> {
        let path = folder.join(NAME);
        let malformed = |reason: String| StoreError::Malformed {
            path: path.clone(),
            reason,
        };
        // Parsed while reading: a file that is not a plan fails at its first bytes.
        parse(open(folder)?).map_err(|error| match error.is_io() {
            true => StoreError::read(&path)(error.into()),
            false => malformed(error.to_string()),
        })
    }

    /// Reads it if the folder has a run.
    ///
    /// # Errors
    /// As [`Planned::read`].
    pub fn find(folder: &Path) -> Result<Option<Self>, StoreError> {
        match Self::read(folder) {
            Ok(planned) => Ok(Some(planned)),
            Err(StoreError::NotARun { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// As [`Planned::read`]; if the folder's plan is the one given, that one is shared. A file that says just what
    /// would be written of it is not even parsed: of a million cells, neither the time nor the memory is taken twice.
    ///
    /// # Errors
    /// As [`Planned::read`].
    pub(super) fn read_knowing(folder: &Path, plan: &Arc<Plan>) -> Result<Self, StoreError> {
        let text = PlanText {
            environment: None,
            sweep: sweep(folder),
            plan,
        };
        if regular::has_content(&folder.join(NAME), |file| text.write(file)) {
            return Ok(Self {
                plan: Arc::clone(plan),
                environment: None,
                sweep: text.sweep,
            });
        }
        let mut planned = Self::read(folder)?;
        if planned.plan.first_difference(plan).is_none() {
            planned.plan = Arc::clone(plan);
        }
        Ok(planned)
    }

    /// The sweep file, if it is known and still exists; `folder` is the one whose plan this is.
    pub fn sweep_file(&self, folder: &Path) -> Option<PathBuf> {
        there(folder, self.sweep.as_deref())
    }
}

/// The sweep file of a run folder, if it is known and still exists.
pub(super) fn sweep_file(folder: &Path) -> Option<PathBuf> {
    there(folder, sweep(folder).as_deref())
}

/// A sweep file that is given relative to a run folder, if it exists.
fn there(folder: &Path, sweep: Option<&Path>) -> Option<PathBuf> {
    folder.join(sweep?).canonicalize().ok()
}

/// `plan.json` as it is written; the plan depends only on the sweep and its files.
#[derive(Debug, Serialize)]
pub(super) struct PlanText<'a> {
    /// As [`Planned::environment`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) environment: Option<&'a Environment>,
    /// As [`Planned::sweep`]; before the plan, so that it is found at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sweep: Option<PathBuf>,
    pub(super) plan: &'a Plan,
}

impl PlanText<'_> {
    /// Writes the file, unless it has this content already.
    pub(super) fn update_in(&self, folder: &Path) -> Result<(), StoreError> {
        files::update_with(&folder.join(NAME), |file| self.write(file))
    }

    fn write(&self, mut to: &mut dyn Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut to, self)?;
        to.write_all(b"\n")
    }
}

/// Opens the file of a run folder.
fn open(folder: &Path) -> Result<impl Read, StoreError> {
    let path = folder.join(NAME);
    let file = regular::open(&path).map_err(|source| match source.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => StoreError::NotARun {
            folder: folder.to_owned(),
        },
        _ => StoreError::read(&path)(source),
    })?;
    Ok(BufReader::with_capacity(PIECE, file.take(LONGEST)))
}

/// Parses the text of a `plan.json` and refuses what no sweep file could give: cells whose files would lie outside
/// their folder, or that name what the plan lacks, and sizes at which nothing can be drawn.
pub(super) fn parse(text: impl Read) -> serde_json::Result<Planned> {
    #[derive(Deserialize)]
    struct Text {
        #[serde(default)]
        environment: Option<Environment>,
        #[serde(default)]
        sweep: Option<PathBuf>,
        plan: Plan,
    }
    let Text {
        environment,
        sweep,
        plan,
    } = serde_json::from_reader(text)?;
    match fault(&plan) {
        Some(fault) => Err(serde_json::Error::custom(fault)),
        None => Ok(Planned {
            plan: Arc::new(plan),
            environment,
            sweep,
        }),
    }
}

fn fault(plan: &Plan) -> Option<String> {
    // Folders are named after the plan: that of the baseline.
    if !is_file_name(&plan.name) {
        return Some(format!("{:?} cannot be the name of a run", plan.name));
    }
    if let Some(fault) = plan.cells.iter().find_map(|cell| fault_of(cell, plan)) {
        return Some(fault);
    }
    let side = plan.sheet.cell.get();
    let (least, most) = CELL_SIDES;
    (!(least..=most).contains(&side)).then(|| format!("sheet.cell is {side}"))
}

fn fault_of(cell: &Cell, plan: &Plan) -> Option<String> {
    let Cell {
        key, width, height, ..
    } = cell;
    let sides = [width, height];
    if !sides.into_iter().all(|side| (1..=MAX_SIDE).contains(side)) {
        return Some(format!("cell {key} is {width} x {height} pixels"));
    }
    if cell.stage >= plan.stages.len() {
        return Some(format!("cell {key} is of a stage that is not there"));
    }
    let Parameters {
        model, image, mask, ..
    } = &cell.parameters;
    let lacking = [
        ("model", model, plan.model(model).is_none()),
        (
            "image",
            image,
            !image.is_empty() && plan.image(image).is_none(),
        ),
        ("mask", mask, !mask.is_empty() && plan.mask(mask).is_none()),
    ];
    let lacking = lacking.into_iter().find(|(.., is_lacking)| *is_lacking);
    lacking.map(|(what, name, _)| format!("cell {key} has the {what} {name:?}, which is not there"))
}

/// What `plan.json` says of the sweep file. It is written before the plan, which is then not read.
fn sweep(folder: &Path) -> Option<PathBuf> {
    let mut sweep = Sweep(None);
    let mut text = serde_json::Deserializer::from_reader(open(folder).ok()?);
    // Ends where the plan begins, in the middle of the text, which is an error of no interest.
    let _ = text.deserialize_map(&mut sweep);
    sweep.0
}

/// Reads the sweep file's path.
struct Sweep(Option<PathBuf>);

impl<'de> Visitor<'de> for &mut Sweep {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the content of plan.json")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "sweep" => self.0 = map.next_value()?,
                // The rest, which may be a gigabyte, has nothing more of interest.
                "plan" if self.0.is_some() => break,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::{Value, json};

    use super::*;

    fn text(cells: usize) -> Value {
        let cell = |seed: usize| {
            json!({
                "key": format!("s{seed}-0123456789a{seed}"), "width": 64, "height": 64,
                "parameters": {
                    "model": "demo", "image": "a.png", "instruction": "make it winter", "negative_prompt": "",
                    "guidance_scale": "7.0", "image_guidance_scale": "1.5", "seed": seed, "scheduler": "euler",
                    "num_inference_steps": 2,
                },
            })
        };
        json!({
            "sweep": "../winter.toml",
            "plan": {
                "name": "winter", "axes": [], "fit": "crop",
                "models": [{
                    "name": "demo", "path": "demo", "sha256": "abc", "resolution": 64, "vae_factor": 8,
                    "size_multiple": 16, "scheduler": "euler", "precision": "fp32", "component_bytes": [1, 2, 3, 4],
                }],
                "images": [{"name": "a.png", "path": "a.png", "sha256": "abc", "width": 99, "height": 70}],
                "numerics": {"noise": "torch-cpu", "guidance": "formula"},
                "sheet": {"rows": null, "columns": null, "cell": 256, "show_input": true},
                "cells": (0..cells).map(cell).collect::<Vec<_>>(),
            },
        })
    }

    fn planned(text: &Value) -> Planned {
        parse(text.to_string().as_bytes()).unwrap()
    }

    /// Writes the file as the program does.
    fn write(folder: &Path, planned: &Planned) {
        let text = PlanText {
            environment: planned.environment.as_ref(),
            sweep: planned.sweep.clone(),
            plan: &planned.plan,
        };
        text.update_in(folder).unwrap();
    }

    #[test]
    fn a_plan_that_is_known_is_shared_and_another_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let ours = planned(&text(2));
        let there = |text: &Value| {
            write(folder.path(), &planned(text));
            let read = Planned::read_knowing(folder.path(), &ours.plan).unwrap();
            assert_eq!(read.sweep.as_deref(), Some(Path::new("../winter.toml")));
            assert_eq!(
                *read.plan == *ours.plan,
                Arc::ptr_eq(&read.plan, &ours.plan)
            );
            Arc::ptr_eq(&read.plan, &ours.plan)
        };
        assert!(there(&text(2)));
        // The image lies elsewhere, which makes no other cells.
        let mut moved = text(2);
        moved["plan"]["images"][0]["path"] = json!("b/a.png");
        assert_ne!(planned(&moved).plan, ours.plan);
        write(folder.path(), &planned(&moved));
        let read = Planned::read_knowing(folder.path(), &ours.plan).unwrap();
        assert!(Arc::ptr_eq(&read.plan, &ours.plan));
        assert!(!there(&text(1)) && !there(&text(3)));
        let mut other = text(2);
        other["plan"]["cells"][1]["parameters"]["seed"] = json!(7);
        assert!(!there(&other));
    }

    #[test]
    fn cells_that_name_what_the_plan_lacks_are_refused() {
        let refused = |change: &dyn Fn(&mut Value)| {
            let mut text = text(2);
            change(&mut text["plan"]["cells"][1]);
            parse(text.to_string().as_bytes()).unwrap_err().to_string()
        };
        for what in ["model", "image", "mask"] {
            assert_eq!(
                refused(&|cell| cell["parameters"][what] = json!("gone")),
                format!("cell s1-0123456789a1 has the {what} \"gone\", which is not there")
            );
        }
        assert_eq!(
            refused(&|cell| cell["stage"] = json!(1)),
            "cell s1-0123456789a1 is of a stage that is not there"
        );
        assert_eq!(
            refused(&|cell| cell["width"] = json!(0)),
            "cell s1-0123456789a1 is 0 x 64 pixels"
        );
    }

    #[test]
    fn the_sweep_file_is_found_before_the_plan_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("run");
        fs::create_dir(&run).unwrap();
        let sweep_in = |text: &str| {
            fs::write(run.join(NAME), text).unwrap();
            sweep(&run)
        };
        let begins = r#"{"environment": {"any": [1, "}"]}, "sweep": "../winter.toml", "plan": "#;
        let found = Some(PathBuf::from("../winter.toml"));
        assert_eq!(sweep_in(&format!("{begins}{{\"name\": cut off")), found);
        let plan = &text(2)["plan"];
        let sorted = format!(r#"{{"plan": {plan}, "sweep": "../winter.toml"}}"#);
        assert_eq!(sweep_in(&sorted), found, "some tools sort the keys");
        assert_eq!(sweep_in("not JSON"), None);
        sweep_in(begins);
        assert_eq!(sweep_file(&run), None, "it does not exist");
        let file = folder.path().join("winter.toml");
        fs::write(&file, "").unwrap();
        assert_eq!(sweep_file(&run), Some(file.canonicalize().unwrap()));
    }
}
