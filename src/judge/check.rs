//! Compares a run with a baseline: a verdict for every cell.

use std::collections::{HashMap, HashSet};

use image::RgbImage;
use rayon::prelude::*;

use super::baseline::Baseline;
use super::causes::{Origin, causes};
use super::class::EnvironmentClass;
use super::difference::{Difference, difference_within};
use super::error::JudgeError;
use super::follows::mark_followers;
use super::identity::Identity;
use super::judged::Judged;
use super::label::label;
use super::limits::{Limits, latent_change};
use super::manifest::{Accepted, BaselineCell};
use super::verdict::{Cause, CellCheck, Verdict};
use crate::parallel::try_collect;
use crate::plan::{Cell, Shard};
use crate::spec::CheckSpec;
use crate::store::Run;
use crate::vocabulary::Status;

/// The result of checking a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// Name of the sweep.
    pub name: String,
    /// The cells of the shard in the order of the plan, then those that the sweep no longer has.
    pub cells: Vec<CellCheck>,
    /// The tolerances.
    pub spec: CheckSpec,
}

/// The overall result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conclusion {
    /// Every cell passes.
    Passed,
    /// Some cells have to be accepted; nothing is worse.
    ToAccept,
    /// Some cells have no image; there is no regression.
    CellsFailed,
    /// At least one cell is a regression.
    Regression,
}

impl Check {
    /// Compares the cells of a shard with a baseline. Cells without an image count as errors, whether they failed or
    /// were never tried.
    ///
    /// # Errors
    /// If an image of the baseline cannot be read, or is not what was accepted.
    pub fn new(
        run: &Run,
        baseline: &Baseline,
        spec: CheckSpec,
        shard: Shard,
    ) -> Result<Self, JudgeError> {
        let known: HashMap<Identity, &BaselineCell> = baseline
            .cells()
            .iter()
            .map(|cell| (Identity::accepted(cell), cell))
            .collect();
        let judge = Judge {
            run,
            baseline,
            spec: &spec,
        };
        let mut indices = shard.cells(&run.plan);
        indices.retain(|&index| run.plan.is_checked(&run.plan.cells[index]));
        let verdict = |index: usize| {
            let cell = &run.plan.cells[index];
            judge.cell(cell, known.get(&Identity::of(&run.plan, cell)).copied())
        };
        let mut cells: Vec<CellCheck> =
            try_collect(indices.par_iter().map(|&index| verdict(index)))?;
        mark_followers(&run.plan, &indices, &mut cells, verdict)?;
        // Only one shard looks for removed cells, so that they are reported once.
        if shard.index() == 0 {
            let gone = missing(run, baseline);
            let gone = pair_with_new(&judge, &mut cells, gone);
            cells.extend(gone.into_iter().map(|cell| judge.missing(cell)));
        }
        Ok(Self {
            name: run.plan.name.clone(),
            cells,
            spec,
        })
    }

    /// The number of cells with a verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.cells
            .iter()
            .filter(|cell| cell.verdict == verdict)
            .count()
    }

    /// The verdicts that occur, with their numbers of cells, best first.
    pub fn counts(&self) -> Vec<(Verdict, usize)> {
        let counts = Verdict::ALL.map(|verdict| (verdict, self.count(verdict)));
        counts.into_iter().filter(|(_, count)| *count > 0).collect()
    }

    /// For example `3 same, 1 regression`; a shard may have `no cells`.
    pub fn counts_text(&self) -> String {
        let counts: Vec<String> = self
            .counts()
            .iter()
            .map(|(verdict, count)| format!("{count} {verdict}"))
            .collect();
        match counts.is_empty() {
            true => "no cells".to_owned(),
            false => counts.join(", "),
        }
    }

    /// Cells that do not pass, worst first.
    pub fn failing(&self) -> Vec<&CellCheck> {
        let mut failing: Vec<&CellCheck> = self
            .cells
            .iter()
            .filter(|cell| !cell.verdict.passes())
            .collect();
        failing.sort_by(|a, b| {
            b.verdict
                .cmp(&a.verdict)
                .then(b.severity().total_cmp(&a.severity()))
        });
        failing
    }

    /// Cells that pass, but whose latents changed by more than the limit.
    pub fn early_warnings(&self) -> Vec<&CellCheck> {
        let warned = |cell: &&CellCheck| cell.early_warning && cell.verdict.passes();
        self.cells.iter().filter(warned).collect()
    }

    /// What differs from the conditions of the baseline, over all cells, each with its number of cells.
    pub fn causes(&self) -> Vec<(Cause, usize)> {
        let mut counts: HashMap<&Cause, usize> = HashMap::new();
        for cause in self.cells.iter().flat_map(|cell| &cell.causes) {
            *counts.entry(cause).or_default() += 1;
        }
        let mut counts: Vec<(Cause, usize)> = counts
            .into_iter()
            .map(|(cause, count)| (cause.clone(), count))
            .collect();
        counts.sort();
        counts
    }

    /// What differs from the conditions of the baseline, one line each; if images changed without a known cause, that.
    pub fn cause_lines(&self) -> Vec<String> {
        let causes = self.causes();
        let changed = self
            .cells
            .iter()
            .filter_map(|cell| cell.difference)
            .any(|difference| !difference.is_none());
        if causes.is_empty() && changed {
            return vec!["nothing known changed since the baseline: parameters, model files, ONNX Runtime and device are the same".to_owned()];
        }
        causes
            .iter()
            .map(|(cause, cells)| match cells {
                1 => format!("{cause} (1 cell)"),
                cells => format!("{cause} ({cells} cells)"),
            })
            .collect()
    }

    /// The overall result: a regression outranks cells without an image, and these outrank cells to accept.
    pub fn conclusion(&self) -> Conclusion {
        let any = |verdict| self.count(verdict) > 0;
        if any(Verdict::Regression) {
            Conclusion::Regression
        } else if any(Verdict::Error) {
            Conclusion::CellsFailed
        } else if self.cells.iter().any(|cell| !cell.verdict.passes()) {
            Conclusion::ToAccept
        } else {
            Conclusion::Passed
        }
    }
}

/// The baseline's cells that the sweep no longer has.
fn missing<'a>(run: &Run, baseline: &'a Baseline) -> Vec<&'a BaselineCell> {
    let cells = run.plan.cells.iter();
    let planned: HashSet<Identity> = cells.map(|cell| Identity::of(&run.plan, cell)).collect();
    let gone = baseline.cells().iter();
    gone.filter(|cell| !planned.contains(&Identity::accepted(cell)))
        .collect()
}

/// Pairs each new cell with the accepted cell that differs from it in a single parameter: that value was changed in the
/// sweep file. Returns the accepted cells that are left without a partner.
fn pair_with_new<'a>(
    judge: &Judge,
    cells: &mut [CellCheck],
    mut gone: Vec<&'a BaselineCell>,
) -> Vec<&'a BaselineCell> {
    for check in cells.iter_mut().filter(|cell| cell.verdict == Verdict::New) {
        let Some(cell) = judge
            .run
            .plan
            .cells
            .iter()
            .find(|cell| cell.key.as_str() == check.name)
        else {
            continue;
        };
        let identity = Identity::of(&judge.run.plan, cell);
        let changed = |was: &BaselineCell| identity.only_difference(&Identity::accepted(was));
        let Some(place) = gone.iter().position(|was| changed(was).is_some()) else {
            continue;
        };
        let was = gone.remove(place);
        if let Some(accepted) = was.accepted.first() {
            check.expected = Some(judge.baseline.image_path(accepted));
        }
        check
            .causes
            .extend(changed(was).map(|(parameter, value)| Cause::Was(parameter.key(), value)));
    }
    gone
}

fn blank(name: String, verdict: Verdict) -> CellCheck {
    CellCheck {
        name,
        label: String::new(),
        verdict,
        seconds: None,
        difference: None,
        limits: None,
        excesses: Vec::new(),
        latent_change: None,
        early_warning: false,
        causes: Vec::new(),
        error: None,
        expected: None,
        actual: None,
    }
}

struct Judge<'a> {
    run: &'a Run,
    baseline: &'a Baseline,
    spec: &'a CheckSpec,
}

impl Judge<'_> {
    /// The verdict on an accepted cell that the sweep no longer has.
    fn missing(&self, cell: &BaselineCell) -> CellCheck {
        let accepted = cell.accepted.first();
        let name = accepted.map(|accepted| accepted.file.clone());
        CellCheck {
            label: label(&self.run.plan, cell.path.len(), &cell.parameters),
            expected: accepted.map(|accepted| self.baseline.image_path(accepted)),
            ..blank(name.unwrap_or_default(), Verdict::Missing)
        }
    }

    fn cell(&self, cell: &Cell, known: Option<&BaselineCell>) -> Result<CellCheck, JudgeError> {
        let record = self.run.records.get(&cell.key);
        let named = |verdict| CellCheck {
            label: label(&self.run.plan, cell.stage, &cell.parameters),
            seconds: record.and_then(|record| Some(record.times.total_ms()? / 1000.0)),
            ..blank(cell.key.to_string(), verdict)
        };
        let error = |reason: String| CellCheck {
            error: Some(reason),
            ..named(Verdict::Error)
        };
        let Some(record) = record else {
            return Ok(error("it was not computed".to_owned()));
        };
        if record.status == Status::Failed {
            let reason = record.error.clone();
            return Ok(error(reason.unwrap_or_else(|| "it failed".to_owned())));
        }
        let path = self.run.folder.join(cell.key.image_path());
        let actual = match self.run.image(&cell.key) {
            Ok(image) => image,
            Err(reason) => return Ok(error(reason.to_string())),
        };
        let checked = |verdict| CellCheck {
            actual: Some(path.clone()),
            ..named(verdict)
        };
        let class = EnvironmentClass::of(self.run.environment_of(&record.cell), record);
        let Some((known, accepted)) = known.and_then(|known| Some((known, known.nearest(&class)?)))
        else {
            return Ok(checked(Verdict::New));
        };
        let origin = Origin {
            run: self.run,
            cell,
            record,
            class: &class,
        };
        let causes = causes(origin, known, accepted);
        let held = CellCheck {
            causes,
            expected: Some(self.baseline.image_path(accepted)),
            ..checked(Verdict::Stale)
        };
        self.hold(held, origin, accepted, &actual)
    }

    /// The verdict on an image for which something was accepted; `held` already has what differs besides the pixels.
    fn hold(
        &self,
        held: CellCheck,
        origin: Origin,
        accepted: &Accepted,
        actual: &RgbImage,
    ) -> Result<CellCheck, JudgeError> {
        // Other cells are judged nevertheless.
        let refused = |reason: String| CellCheck {
            verdict: Verdict::Error,
            error: Some(reason),
            ..held.clone()
        };
        let expected = match self.baseline.image(accepted) {
            Ok(expected) => expected,
            Err(error) => return Ok(refused(error.to_string())),
        };
        let mut causes = held.causes.iter();
        let is_other = causes.any(|cause| matches!(cause, Cause::Parameters(_)));
        if is_other && expected.dimensions() != actual.dimensions() {
            return Ok(held);
        }
        let instruction = &origin.cell.parameters.instruction;
        let judged = match self.judged(instruction, actual.dimensions()) {
            Ok(judged) => judged,
            Err(reason) => return Ok(refused(reason)),
        };
        let difference = difference_within(&expected, actual, judged.as_ref());
        let difference = difference.map_err(|source| {
            let cell = held.name.clone();
            JudgeError::Difference { cell, source }
        })?;
        let own_class = accepted.class == *origin.class;
        let (verdict, limits) = verdict(&self.spec.of(instruction), &difference, own_class);
        let latent_change = latent_change(&accepted.first_latents, &origin.record.first_latents);
        // Different devices differ in the last bits from the first step on.
        let early_warning =
            own_class && latent_change.is_some_and(|change| change > self.spec.latents);
        Ok(CellCheck {
            verdict: if is_other { Verdict::Stale } else { verdict },
            difference: Some(difference),
            limits: Some(limits),
            excesses: limits.excesses(&difference),
            latent_change,
            early_warning,
            ..held
        })
    }

    /// The part of a cell's image that is judged; `None` stands for all of it.
    fn judged(&self, instruction: &str, size: (u32, u32)) -> Result<Option<Judged>, String> {
        match Judged::of(self.spec, instruction, size, self.run.plan.fit)? {
            Some(judged) if judged.is_nothing() => {
                Err("check.ignore leaves nothing of it to judge".to_owned())
            }
            judged => Ok(judged),
        }
    }
}

/// The verdict on a difference, and the limits it was judged by.
fn verdict(spec: &CheckSpec, difference: &Difference, own_class: bool) -> (Verdict, Limits) {
    let same_class = Limits::same_class(spec);
    if difference.is_none() {
        return (Verdict::Same, same_class);
    }
    if same_class.excesses(difference).is_empty() {
        return (Verdict::Within, same_class);
    }
    let other_class = Limits::other_class(spec);
    match own_class {
        true => (Verdict::Regression, same_class),
        false if other_class.excesses(difference).is_empty() => (Verdict::Drift, other_class),
        false => (Verdict::Regression, other_class),
    }
}
