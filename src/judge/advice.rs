//! What is said of each cell, and which cell of a panel to take, from the measures and the neighbours.
//!
//! A panel is the cells that differ in nothing but the two guidance scales. The measures compare pixels
//! with the input's and know nothing of the instruction: whether snow looks like snow is for people to
//! see. Advice is where to look first, not a verdict.
//!
//! The thresholds were chosen by what InstructPix2Pix does to photographs at 512 pixels: coding and
//! decoding alone change levels by 2 to 3 %, clear edits by 6 to 20 %; they were then held against the
//! demo's sheets, where the house can no longer be made out below an SSIM of 0.3.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::plan::{Cell, CellKey};
use crate::spec::{Parameter, Parameters, Scale};
use crate::store::{Measures, Run, Status};

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
/// Mean absolute change from which on more of it makes no cell better.
const CLEARLY_CHANGED: f64 = 0.1;

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

/// What is advised of a run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Advice {
    /// What is wrong with a cell, and what to try.
    pub by_cell: HashMap<CellKey, String>,
    /// The cell to take, of every panel that has a choice of cells without fault; in the plan's order.
    pub best: Vec<Best>,
}

/// The advised cell of a panel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Best {
    /// The cell.
    pub cell: CellKey,
    /// What its panel is: the parameters with more than one value, other than the guidance scales.
    pub panel: Vec<(Parameter, String)>,
    /// Why, in a sentence.
    pub reason: String,
}

impl Advice {
    /// The column `advice` of `cells.csv`.
    pub fn texts(&self) -> HashMap<CellKey, String> {
        let best = self
            .best
            .iter()
            .map(|best| (best.cell.clone(), format!("advised: {}", best.reason)));
        self.by_cell.clone().into_iter().chain(best).collect()
    }

    /// The advised cells, for the outlines of sheets.
    pub fn cells(&self) -> HashSet<CellKey> {
        self.best.iter().map(|best| best.cell.clone()).collect()
    }
}

/// What can be said of the cells of a run that are done and measured.
pub fn advise(run: &Run) -> Advice {
    let mut panels: BTreeMap<Vec<String>, Vec<Measured>> = BTreeMap::new();
    for (place, cell) in run.plan.cells.iter().enumerate() {
        if let Some(measured) = Measured::of(run, place, cell) {
            panels
                .entry(panel_of(&cell.parameters))
                .or_default()
                .push(measured);
        }
    }
    let mut panels: Vec<Panel> = panels.into_values().map(Panel::new).collect();
    panels.sort_by_key(|panel| panel.cells[0].0.place);
    let mut advice = Advice::default();
    for panel in panels {
        for (measured, fault) in &panel.cells {
            if let Some(fault) = fault {
                let text = format!("{}: {}", fault.text(), panel.remedy(measured, *fault));
                advice.by_cell.insert(measured.cell.key.clone(), text);
            }
        }
        if let Some((best, reason)) = panel.best() {
            let axes = run
                .plan
                .axes
                .iter()
                .map(|axis| axis.parameter)
                .filter(|axis| names_panel(*axis));
            advice.best.push(Best {
                cell: best.cell.key.clone(),
                panel: axes
                    .map(|axis| (axis, best.cell.parameters.text(axis)))
                    .collect(),
                reason,
            });
        }
    }
    advice
}

/// Presets are no parameters of a panel, but what they set is: presets of guidance scales are one panel.
fn names_panel(parameter: Parameter) -> bool {
    use Parameter::{GuidanceScale, ImageGuidanceScale, Preset};
    !matches!(parameter, GuidanceScale | ImageGuidanceScale | Preset)
}

fn panel_of(parameters: &Parameters) -> Vec<String> {
    let names = Parameter::ALL
        .into_iter()
        .filter(|parameter| names_panel(*parameter));
    names.map(|parameter| parameters.text(parameter)).collect()
}

/// A cell with its measures.
#[derive(Debug, Clone, Copy)]
struct Measured<'a> {
    /// In the plan.
    place: usize,
    cell: &'a Cell,
    change: f64,
    measures: Measures,
}

impl<'a> Measured<'a> {
    fn of(run: &Run, place: usize, cell: &'a Cell) -> Option<Self> {
        let record = run
            .records
            .get(&cell.key)
            .filter(|record| record.status == Status::Done)?;
        let (change, measures) = (record.image_change?, record.measures?);
        Some(Self {
            place,
            cell,
            change,
            measures,
        })
    }

    fn text_scale(&self) -> Scale {
        self.cell.parameters.guidance_scale
    }

    fn image_scale(&self) -> Scale {
        self.cell.parameters.image_guidance_scale
    }

    /// As much of the input's structure as is left, as soon as the change is clear.
    fn merit(&self) -> f64 {
        self.measures.ssim.max(0.0) * (self.change / CLEARLY_CHANGED).min(1.0)
    }

    /// How much the settings let the edit do: more with a larger, less with a smaller cell.
    fn is_freer_than(&self, other: &Self) -> bool {
        self.text_scale() >= other.text_scale() && self.image_scale() <= other.image_scale()
    }
}

/// The cells that differ in their guidance scales alone; never empty.
#[derive(Debug)]
struct Panel<'a> {
    cells: Vec<(Measured<'a>, Option<Fault>)>,
    /// The values of the text guidance, ascending.
    text_scales: Vec<Scale>,
    /// The values of the image guidance, ascending.
    image_scales: Vec<Scale>,
}

impl<'a> Panel<'a> {
    fn new(cells: Vec<Measured<'a>>) -> Self {
        let usual = Usual::of(&cells);
        let values = |scale: fn(&Measured) -> Scale| -> Vec<Scale> {
            cells
                .iter()
                .map(scale)
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect()
        };
        let (text_scales, image_scales) = (
            values(|cell| cell.text_scale()),
            values(|cell| cell.image_scale()),
        );
        let judged = cells
            .into_iter()
            .map(|measured| (measured, usual.fault(&measured)))
            .collect();
        Self {
            cells: judged,
            text_scales,
            image_scales,
        }
    }

    fn faultless(&self) -> impl Iterator<Item = &Measured<'a>> {
        self.cells
            .iter()
            .filter(|(_, fault)| fault.is_none())
            .map(|(measured, _)| measured)
    }

    /// The cell to take and why, if there is a choice and one without fault.
    fn best(&self) -> Option<(&Measured<'a>, String)> {
        if self.cells.len() < 2 {
            return None;
        }
        let best = self.faultless().max_by(|one, other| {
            // Of equals the first.
            one.merit()
                .total_cmp(&other.merit())
                .then(other.place.cmp(&one.place))
        })?;
        let (change, kept) = (100.0 * best.change, best.measures.ssim);
        let reason = if best.change >= CLEARLY_CHANGED {
            format!(
                "of the cells that clearly change the image it keeps most of the input's structure \
                 (mean change {change:.0} %, SSIM {kept:.2})"
            )
        } else {
            format!(
                "it is the best balance of change (mean {change:.1} %) and kept structure (SSIM {kept:.2})"
            )
        };
        Some((best, reason))
    }

    /// What to try: the nearest cell without fault in the direction that helps, else what helps in general.
    fn remedy(&self, cell: &Measured, fault: Fault) -> String {
        let helps = |other: &&Measured| match fault {
            Fault::BarelyChanged => other.is_freer_than(cell),
            Fault::Destroyed | Fault::Oversaturated => cell.is_freer_than(other),
            Fault::WashedOut => {
                other.text_scale() < cell.text_scale() && other.image_scale() == cell.image_scale()
            }
        };
        let nearest = self
            .faultless()
            .filter(helps)
            .min_by_key(|other| (self.steps(cell, other), other.place));
        match nearest {
            Some(near) => format!("try {}, as in {}", settings(cell, near), near.cell.key),
            None => general(cell, fault),
        }
    }

    /// Steps through the grid from one cell to another, along both axes.
    fn steps(&self, one: &Measured, other: &Measured) -> (usize, Reverse<usize>) {
        let between = |scales: &[Scale], one: Scale, other: Scale| {
            let place = |scale: Scale| scales.partition_point(|known| *known < scale);
            place(one).abs_diff(place(other))
        };
        let text = between(&self.text_scales, one.text_scale(), other.text_scale());
        let image = between(&self.image_scales, one.image_scale(), other.image_scale());
        // Of equally near cells the one along the image guidance, which the table of the README names first.
        (text + image, Reverse(image))
    }
}

/// The settings in which another cell differs.
fn settings(cell: &Measured, other: &Measured) -> String {
    let setting =
        |name: Parameter, from: Scale, to: Scale| (from != to).then(|| format!("{name} {to}"));
    let image = setting(
        Parameter::ImageGuidanceScale,
        cell.image_scale(),
        other.image_scale(),
    );
    let text = setting(
        Parameter::GuidanceScale,
        cell.text_scale(),
        other.text_scale(),
    );
    image
        .into_iter()
        .chain(text)
        .collect::<Vec<_>>()
        .join(" and ")
}

/// What helps in general, where the cell's settings leave room for it (README, "When something is wrong").
fn general(cell: &Measured, fault: Fault) -> String {
    let (text, image) = (cell.text_scale().to_f32(), cell.image_scale().to_f32());
    let hints: &[(bool, &str)] = match fault {
        Fault::BarelyChanged => &[
            (image > 1.2, "lower image_guidance_scale to 1.0 to 1.2"),
            (text < 10.0, "raise guidance_scale to 10 or more"),
            (
                image <= 1.2 && text >= 10.0,
                "try another seed, or word the instruction otherwise",
            ),
        ],
        Fault::Destroyed => &[
            (image < 2.0, "raise image_guidance_scale to 2.0 or more"),
            (text > 5.0, "lower guidance_scale to 5 or less"),
            (
                image >= 2.0 && text <= 5.0,
                "try another seed, or word the instruction otherwise",
            ),
        ],
        Fault::WashedOut => &[
            (
                cell.cell.parameters.negative_prompt.is_empty(),
                "try a negative prompt such as \"washed out, low contrast\"",
            ),
            (true, "lower guidance_scale"),
        ],
        Fault::Oversaturated => &[
            (true, "lower guidance_scale"),
            (image < 2.0, "raise image_guidance_scale"),
        ],
    };
    let fitting: Vec<&str> = hints
        .iter()
        .filter(|(fits, _)| *fits)
        .map(|(_, hint)| *hint)
        .collect();
    fitting.join(", or ")
}

/// What the instruction does to colours by itself: the medians over the panel. "Make it winter" takes
/// colour from every cell, and only those that lose more are washed out. A panel that is so throughout
/// is taken for what the instruction wants.
#[derive(Debug, Clone, Copy)]
struct Usual {
    saturation: f64,
    contrast: f64,
}

impl Usual {
    /// Fewer than three cells say nothing of what is usual.
    fn of(cells: &[Measured]) -> Self {
        let median = |value: fn(&Measured) -> f64| {
            let mut values: Vec<f64> = cells.iter().map(value).collect();
            values.sort_by(f64::total_cmp);
            if values.len() < 3 {
                0.0
            } else {
                values[values.len() / 2]
            }
        };
        Self {
            saturation: median(|cell| cell.measures.saturation_change),
            contrast: median(|cell| cell.measures.contrast_change),
        }
    }

    /// Structure first: colours of what is destroyed or unchanged need no advice. Colours are at fault where
    /// they left both the input and, by half as much, what is usual.
    fn fault(self, cell: &Measured) -> Option<Fault> {
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

#[cfg(test)]
mod tests;
