//! What is told of a cell from measures of pixels.
//!
//! Pixels know nothing of the instruction: a night that is all it should be is as far from its input as a wreck. So
//! what is told is what was measured, never that an edit is good or bad, and a cell is held against the cells of the same
//! instruction wherever there are any. The thresholds were held against labelled cases (`labelled.rs`).

use super::panel::Measured;
use crate::vocabulary::median;

/// Share of the change usual for its instruction below which a cell has hardly changed, if the structure is kept too.
const HARDLY: f64 = 0.45;
/// Mean absolute change below which an edit is hardly seen whatever is usual: coding and decoding alone change the levels
/// of photographs by 2 to 3 %.
const HARDLY_SEEN: f64 = 0.02;
/// Similarity (SSIM) from which on the structure counts as kept; and as untouched.
const STRUCTURE_KEPT: f64 = 0.7;
const STRUCTURE_UNTOUCHED: f64 = 0.9;
/// Times the change usual for its instruction from which on a cell has left the others behind.
const FAR: f64 = 1.4;
/// Similarity (SSIM) below which next to nothing of the input is left, where nothing is known of what is usual.
const NOTHING_LEFT: f64 = 0.15;
/// By how much less saturation, together with less contrast, than is usual for the instruction a cell is paler.
const SATURATION_LOST: f64 = -0.08;
const CONTRAST_LOST: f64 = -0.04;
/// By how much more saturation than is usual for the instruction a cell is more colourful.
const SATURATION_GAINED: f64 = 0.18;
/// Fewer cells of an instruction say nothing of what is usual for it.
const LEAST_CELLS: usize = 4;

/// What is told of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Remark {
    /// It looks like the input.
    HardlyChanged,
    /// It has changed far more than the instruction's other cells.
    FarFromInput,
    /// Less colour and less contrast than the instruction's other cells.
    Paler,
    /// More colour than the instruction's other cells.
    MoreColourful,
}

impl Remark {
    /// In words, with what was measured.
    pub(super) fn text(self, cell: &Measured, typical: Option<Typical>) -> String {
        let ssim = cell.measures.ssim;
        match (self, typical) {
            (Self::HardlyChanged, _) => format!(
                "hardly changed (mean change {:.1} %, SSIM {ssim:.2})",
                100.0 * cell.change
            ),
            (Self::FarFromInput, None) => format!("far from the input (SSIM {ssim:.2})"),
            (Self::FarFromInput, Some(typical)) => format!(
                "far from the input (SSIM {ssim:.2}, {:.1} times the change usual for its instruction)",
                cell.change / typical.change
            ),
            (Self::Paler, _) => "paler than the other cells of its instruction".to_owned(),
            (Self::MoreColourful, _) => {
                "more colourful than the other cells of its instruction".to_owned()
            }
        }
    }
}

/// What an instruction usually does: the medians over its cells. "Make it winter" takes colour from every cell, and changes
/// levels by a third where a castle for a house changes them by a twentieth; only a cell that is unlike the others
/// stands out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Typical {
    change: f64,
    ssim: f64,
    saturation: f64,
    contrast: f64,
}

impl Typical {
    /// Of the cells of one instruction; `None` if they are too few.
    pub(super) fn of(cells: &[Measured]) -> Option<Self> {
        if cells.len() < LEAST_CELLS {
            return None;
        }
        let typical = |value: fn(&Measured) -> f64| median(cells.iter().map(value));
        Some(Self {
            change: typical(|cell| cell.change)?,
            ssim: typical(|cell| cell.measures.ssim)?,
            saturation: typical(|cell| cell.measures.saturation_change)?,
            contrast: typical(|cell| cell.measures.contrast_change)?,
        })
    }
}

/// What is told of a cell. Structure comes first: colours of what is far off or unchanged need no advice. Where an
/// instruction has too few cells only what needs no other is told.
pub(super) fn remark(cell: &Measured, typical: Option<Typical>) -> Option<Remark> {
    let measures = cell.measures;
    // Coding alone changes as much as the colour of a small house: this tells of instructions that do nothing at all.
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
