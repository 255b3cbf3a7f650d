//! How sheets are to look and to be stored.

use std::collections::{BTreeSet, HashSet};

use super::text::slug;
use crate::plan::{CellKey, Plan};
use crate::spec::SheetSpec;

/// How sheets are to look and to be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct SheetOptions {
    /// Axes, cell size, inputs.
    pub look: SheetSpec,
    /// File format.
    pub format: Format,
    /// What file names begin with, `sheet` if absent; only its letters, digits and hyphens count.
    pub name: Option<String>,
    /// Whether each cell shows in a corner how long it took.
    pub seconds: bool,
    /// The cells to show; all if absent. Unknown keys are ignored.
    pub only: Option<HashSet<CellKey>>,
}

/// The file format of sheets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// Lossless, read by everything.
    #[default]
    Png,
    /// Small, for mails and documents; quality 92.
    Jpeg,
    /// Lossless, smaller than PNG.
    WebP,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 3] = [Self::Png, Self::Jpeg, Self::WebP];

    /// What file names end with, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::WebP => "webp",
        }
    }
}

impl SheetOptions {
    /// What the sweep file of a plan asks for.
    pub fn of(plan: &Plan) -> Self {
        Self {
            look: plan.sheet.clone(),
            format: Format::Png,
            name: None,
            seconds: false,
            only: None,
        }
    }

    /// What file names begin with.
    pub(super) fn stem(&self) -> String {
        let stem = self.name.as_deref().map(slug).unwrap_or_default();
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

    /// As JSON, for the metadata of a sheet.
    pub(super) fn to_json(&self) -> serde_json::Value {
        let only: Option<BTreeSet<&CellKey>> = self.only.as_ref().map(|only| only.iter().collect());
        serde_json::json!({ "look": self.look, "seconds": self.seconds, "only": only })
    }
}
