//! How sheets are to look and to be stored.

use std::collections::{BTreeSet, HashSet};
use std::path::PathBuf;

use super::write::SheetError;
use crate::drawing::{Format, Glyphs, OtherFont};
use crate::judge::advice::Advice;
use crate::plan::Plan;
use crate::spec::SheetSpec;
use crate::vocabulary::{CellKey, Parameter};

/// Characters of a name, so that numbers and values have room behind it.
const LONGEST_NAME: usize = 60;

/// How sheets are to look and to be stored.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SheetOptions {
    /// Axes, cell size, inputs; those of the sweep file if absent.
    pub look: Option<SheetSpec>,
    /// File format.
    pub format: Format,
    /// What file names begin with, `sheet` if absent; what could lead out of the folder is left out of it.
    pub name: Option<String>,
    /// Where they go; into the run folder if absent. Nothing is removed from another folder.
    pub folder: Option<PathBuf>,
    /// Of a JPEG, 1 to 100; 92 if absent.
    pub quality: Option<u8>,
    /// Whether each cell shows in a corner how long it took.
    pub seconds: bool,
    /// The cells to show; all if absent. Unknown keys are ignored.
    pub only: Option<HashSet<CellKey>>,
    /// The cells that the advice names, to be outlined; without any advice the sheet does not explain outlines.
    pub advised: Option<HashSet<CellKey>>,
}

impl SheetOptions {
    /// What the sweep file asks for, with the advised cells outlined.
    pub fn outlining(advice: &Advice) -> Self {
        let advised = advice.cells();
        Self {
            advised: (!advised.is_empty()).then_some(advised),
            ..Self::default()
        }
    }

    /// The look to draw a plan with.
    pub(super) fn look<'a>(&'a self, plan: &'a Plan) -> &'a SheetSpec {
        self.look.as_ref().unwrap_or(&plan.sheet)
    }

    /// The font to fall back on: the named one, else the system's for what the embedded one lacks.
    pub(crate) fn font(&self, plan: &Plan) -> Result<Option<OtherFont>, SheetError> {
        let read = |path: &PathBuf| {
            OtherFont::read(path).map_err(|reason| SheetError::Font {
                path: path.clone(),
                reason,
            })
        };
        match &self.look(plan).font {
            Some(path) => read(path).map(Some),
            None => Ok(OtherFont::of_system(&missing(plan))),
        }
    }

    /// What file names begin with.
    pub(super) fn stem(&self) -> String {
        let is_safe =
            |character: &char| !character.is_control() && !"/\\:*?\"<>|".contains(*character);
        let named = self.name.as_deref().unwrap_or_default();
        let stem: String = named.chars().filter(is_safe).take(LONGEST_NAME).collect();
        let stem = stem.trim_matches([' ', '.']).to_owned();
        if stem.is_empty() {
            "sheet".to_owned()
        } else {
            stem
        }
    }

    /// The chosen cells, as indices into the plan.
    pub(super) fn chosen(&self, plan: &Plan) -> Vec<usize> {
        let is_chosen = |index: &usize| {
            let key = &plan.cells[*index].key;
            self.only.as_ref().is_none_or(|only| only.contains(key))
        };
        (0..plan.cells.len()).filter(is_chosen).collect()
    }

    /// As JSON, for the metadata of a sheet of this plan.
    pub(super) fn to_json(&self, plan: &Plan) -> serde_json::Value {
        let sorted = |keys: &Option<HashSet<CellKey>>| -> Option<BTreeSet<CellKey>> {
            keys.as_ref().map(|keys| keys.iter().cloned().collect())
        };
        let mut look = self.look(plan).clone();
        // Where a font lies is nobody's business.
        look.font = look.font.and_then(|font| Some(font.file_name()?.into()));
        serde_json::json!({
            "look": look,
            "seconds": self.seconds,
            "only": sorted(&self.only),
            "advised": sorted(&self.advised),
        })
    }
}

/// Characters that the embedded font lacks, among those that a sheet of the plan may show.
fn missing(plan: &Plan) -> BTreeSet<char> {
    let mut glyphs = Glyphs::default();
    glyphs.showable(&plan.name);
    for value in plan.axes.iter().flat_map(|axis| &axis.values) {
        glyphs.showable(value);
    }
    if let Some(cell) = plan.cells.first() {
        for parameter in Parameter::ALL {
            glyphs.showable(&cell.parameters.text(parameter));
        }
    }
    glyphs.missing().clone()
}
