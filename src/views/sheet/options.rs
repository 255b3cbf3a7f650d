//! The options for the appearance and the files of sheets.

use std::collections::{BTreeSet, HashSet};
use std::path::PathBuf;

use super::SheetError;
use crate::drawing::{Format, Glyphs, OtherFont};
use crate::judge::advice::Advice;
use crate::plan::Plan;
use crate::spec::SheetSpec;
use crate::vocabulary::{CellKey, Parameter};

/// The most characters of a file name's prefix, to leave space for page numbers and values.
const LONGEST_NAME: usize = 60;

/// The options for the appearance and the files of sheets.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SheetOptions {
    /// Axes, cell size and inputs; `None` for those of the sweep file.
    pub look: Option<SheetSpec>,
    /// File format.
    pub format: Format,
    /// The prefix of file names; `None` for `sheet`. Characters that could lead out of the folder are removed.
    pub name: Option<String>,
    /// The folder to write to; `None` for the run folder. Nothing is removed from another folder.
    pub folder: Option<PathBuf>,
    /// JPEG quality, 1 to 100; `None` for 92.
    pub quality: Option<u8>,
    /// Whether each cell shows in a corner how long it took.
    pub seconds: bool,
    /// The cells to show; `None` for all. Unknown keys are ignored.
    pub only: Option<HashSet<CellKey>>,
    /// The advised cells, which are outlined; `None`, if no advice is possible, also omits the legend.
    pub advised: Option<HashSet<CellKey>>,
}

impl SheetOptions {
    /// The sweep file's options, with the advised cells outlined.
    pub fn outlining(advice: &Advice) -> Self {
        let advised = advice.cells();
        Self {
            advised: (!advised.is_empty()).then_some(advised),
            ..Self::default()
        }
    }

    /// The appearance to use for a plan.
    pub(super) fn look<'a>(&'a self, plan: &'a Plan) -> &'a SheetSpec {
        self.look.as_ref().unwrap_or(&plan.sheet)
    }

    /// The fallback font: the one named, or a system font for characters that the embedded one lacks.
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

    /// The prefix of file names.
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

    /// The cells to show, as indices into the plan.
    pub(super) fn chosen(&self, plan: &Plan) -> Vec<usize> {
        let is_chosen = |index: &usize| {
            let key = &plan.cells[*index].key;
            self.only.as_ref().is_none_or(|only| only.contains(key))
        };
        (0..plan.cells.len()).filter(is_chosen).collect()
    }

    /// The options as JSON, for the metadata of a sheet of this plan.
    pub(super) fn to_json(&self, plan: &Plan) -> serde_json::Value {
        let sorted = |keys: &Option<HashSet<CellKey>>| -> Option<BTreeSet<CellKey>> {
            keys.as_ref().map(|keys| keys.iter().cloned().collect())
        };
        let mut look = self.look(plan).clone();
        // Where a font is stored is private.
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
