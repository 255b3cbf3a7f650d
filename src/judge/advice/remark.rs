//! Remarks on a cell from measures of pixels.
//!
//! Pixels know nothing of the instruction: a perfect night scene differs as much from its input as a ruined image.
//! Remarks therefore say what was measured, never that an edit is good or bad, and compare a cell with cells of the
//! same instruction if there are enough. The thresholds were tested on labelled cases (`labelled.rs`).

use super::measured::Measured;
use crate::vocabulary::median;

/// A cell has hardly changed below this share of its instruction's typical change, if the structure is kept too.
const HARDLY: f64 = 0.45;
/// Mean absolute change below which an edit is hardly visible, whatever is typical: encoding and decoding alone change
/// the levels of photographs by 2 to 3 %.
const HARDLY_SEEN: f64 = 0.02;
/// SSIM from which the structure counts as kept, and as untouched.
const STRUCTURE_KEPT: f64 = 0.7;
const STRUCTURE_UNTOUCHED: f64 = 0.9;
/// A cell is far from its input from this multiple of its instruction's typical change.
const FAR: f64 = 1.4;
/// SSIM below which almost nothing of the input is left, if nothing is known about the instruction.
const NOTHING_LEFT: f64 = 0.15;
/// Differences of saturation and contrast from what is typical of the instruction, below which a cell is paler.
const SATURATION_LOST: f64 = -0.08;
const CONTRAST_LOST: f64 = -0.04;
/// Difference of saturation from what is typical of the instruction, above which a cell is more colourful.
const SATURATION_GAINED: f64 = 0.18;
/// The fewest cells of an instruction from which to judge what is typical of it.
const LEAST_CELLS: usize = 4;

/// A remark on a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Remark {
    /// The cell looks like the input.
    HardlyChanged,
    /// The cell has changed far more than others of its instruction.
    FarFromInput,
    /// The cell has less colour and less contrast than others of its instruction.
    Paler,
    /// The cell has more colour than others of its instruction.
    MoreColourful,
}

impl Remark {
    /// The remark in words, with the measured values.
    pub(super) fn text(self, cell: &Measured, typical: Option<Typical>) -> String {
        let ssim = cell.measures.ssim;
        match (self, typical) {
            (Self::HardlyChanged, _) => format!(
                "hardly changed (mean change {:.1} %, SSIM {ssim:.2})",
                100.0 * cell.change
            ),
            (Self::FarFromInput, None) => format!("far from the input (SSIM {ssim:.2})"),
            (Self::FarFromInput, Some(typical)) => format!(
                "far from the input (SSIM {ssim:.2}, {:.1} times the typical change for its instruction)",
                cell.change / typical.change
            ),
            (Self::Paler, _) => "paler than the other cells of its instruction".to_owned(),
            (Self::MoreColourful, _) => {
                "more colourful than the other cells of its instruction".to_owned()
            }
        }
    }
}

/// What an instruction typically does: medians over its cells. "Make it winter" takes colour from every cell and
/// changes levels by a third; turning a house into a castle changes them by a twentieth. Only a cell unlike the others
/// stands out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Typical {
    change: f64,
    ssim: f64,
    saturation: f64,
    contrast: f64,
}

impl Typical {
    /// Medians over the cells of one instruction; `None` if there are too few.
    pub(super) fn of(cells: &[&Measured]) -> Option<Self> {
        if cells.len() < LEAST_CELLS {
            return None;
        }
        let typical = |value: fn(&Measured) -> f64| median(cells.iter().map(|cell| value(cell)));
        Some(Self {
            change: typical(|cell| cell.change)?,
            ssim: typical(|cell| cell.measures.ssim)?,
            saturation: typical(|cell| cell.measures.saturation_change)?,
            contrast: typical(|cell| cell.measures.contrast_change)?,
        })
    }
}

/// The remark on a cell, if any. Structure comes first, because colours do not matter in an image that is far off or
/// unchanged. If the instruction has too few cells, only remarks that need no comparison are made.
pub(super) fn remark(cell: &Measured, typical: Option<Typical>) -> Option<Remark> {
    let measures = cell.measures;
    // Coding alone changes as much as recolouring a small house would, so this is only about instructions that do
    // nothing at all.
    let is_untouched = cell.change < HARDLY_SEEN && measures.ssim >= STRUCTURE_UNTOUCHED;
    let Some(typical) = typical else {
        let far = measures.ssim < NOTHING_LEFT;
        return match is_untouched {
            true => Some(Remark::HardlyChanged),
            false => far.then_some(Remark::FarFromInput),
        };
    };
    let saturation = measures.saturation_change - typical.saturation;
    let contrast = measures.contrast_change - typical.contrast;
    let is_behind = cell.change < HARDLY * typical.change && measures.ssim >= STRUCTURE_KEPT;
    let do_nothing = typical.change < HARDLY_SEEN;
    if is_behind || is_untouched && do_nothing {
        Some(Remark::HardlyChanged)
    } else if cell.change >= FAR * typical.change && measures.ssim < typical.ssim {
        Some(Remark::FarFromInput)
    } else if saturation <= SATURATION_LOST && contrast <= CONTRAST_LOST {
        Some(Remark::Paler)
    } else if saturation >= SATURATION_GAINED {
        Some(Remark::MoreColourful)
    } else {
        None
    }
}
