//! What is wrong with a cell, as far as measures can say.
//!
//! The thresholds were chosen by what InstructPix2Pix does to photographs at 512 pixels: coding and
//! decoding alone change levels by 2 to 3 %, clear edits by 6 to 20 %; they were then held against the
//! demo's sheets, where the house can no longer be made out below an SSIM of 0.3.

use super::panel::Measured;
use crate::vocabulary::{Measures, median};

/// Mean absolute change below which an edit is hardly seen, if the structure is kept too.
const BARELY_CHANGED: f64 = 0.035;
/// Similarity (SSIM) from which on the structure counts as kept.
const STRUCTURE_KEPT: f64 = 0.7;
/// Mean absolute change above which an image is destroyed, if its structure is lost too.
const MUCH_CHANGED: f64 = 0.15;
/// Similarity (SSIM) below which the structure counts as lost.
const STRUCTURE_LOST: f64 = 0.3;
/// Loss of saturation, together with a loss of contrast, from which on colours are washed out.
const SATURATION_LOST: f64 = -0.06;
/// Loss of contrast, together with a loss of saturation, from which on colours are washed out.
const CONTRAST_LOST: f64 = -0.03;
/// Gain of saturation from which on an image is oversaturated.
const SATURATION_GAINED: f64 = 0.12;

/// What is wrong with a cell, as far as measures can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// It looks like the input.
    BarelyChanged,
    /// Nothing of the input is left.
    Destroyed,
    /// Less colour and less contrast than the input, and than the panel's other cells.
    WashedOut,
    /// More colour than the input, and than the panel's other cells.
    Oversaturated,
}

impl Fault {
    /// In words.
    pub fn text(self) -> &'static str {
        match self {
            Self::BarelyChanged => "edit barely changes the image",
            Self::Destroyed => "edit destroys the image",
            Self::WashedOut => "colours washed out",
            Self::Oversaturated => "oversaturated",
        }
    }
}

/// What the instruction does to colours by itself: the medians over the panel. "Make it winter" takes
/// colour from every cell, and only those that lose more are washed out. A panel that is so throughout
/// is taken for what the instruction wants.
#[derive(Debug, Clone, Copy)]
pub(super) struct Usual {
    saturation: f64,
    contrast: f64,
}

impl Usual {
    /// Fewer than three cells say nothing of what is usual.
    pub(super) fn of(cells: &[Measured]) -> Self {
        let usual = |value: fn(&Measured) -> f64| {
            let values = cells.iter().map(value).filter(|_| cells.len() >= 3);
            median(values).unwrap_or_default()
        };
        Self {
            saturation: usual(|cell| cell.measures.saturation_change),
            contrast: usual(|cell| cell.measures.contrast_change),
        }
    }

    /// Structure first: colours of what is destroyed or unchanged need no advice. Colours are at fault where
    /// they left both the input and, by half as much, what is usual.
    pub(super) fn fault(self, cell: &Measured) -> Option<Fault> {
        let Measures {
            ssim,
            saturation_change,
            contrast_change,
        } = cell.measures;
        let beyond = |value: f64, usual: f64, limit: f64| {
            value / limit >= 1.0 && (value - usual) / limit >= 0.5
        };
        if cell.change < BARELY_CHANGED && ssim >= STRUCTURE_KEPT {
            Some(Fault::BarelyChanged)
        } else if cell.change > MUCH_CHANGED && ssim < STRUCTURE_LOST {
            Some(Fault::Destroyed)
        } else if beyond(saturation_change, self.saturation, SATURATION_LOST)
            && beyond(contrast_change, self.contrast, CONTRAST_LOST)
        {
            Some(Fault::WashedOut)
        } else if beyond(saturation_change, self.saturation, SATURATION_GAINED) {
            Some(Fault::Oversaturated)
        } else {
            None
        }
    }
}
