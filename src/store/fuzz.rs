//! Entry points of [`crate::fuzzing`] for `plan.json` and journals.

use std::num::NonZeroUsize;
use std::path::Path;

use super::plan_file::{self, PlanText};
use super::{Environment, Run, journal as lines};
use crate::plan::Cut;

/// Checks that what is kept of a journal reads the same without the part cut off, and its records the same once
/// rewritten.
pub fn journal(bytes: &[u8]) {
    let Ok(contents) = lines::parse(bytes) else {
        return;
    };
    let whole = usize::try_from(contents.length).unwrap_or(usize::MAX);
    let kept = lines::parse(&bytes[..whole]);
    assert!(
        kept.is_ok_and(|kept| kept.records == contents.records && kept.length == contents.length)
    );
    let mut text = Vec::new();
    for record in &contents.records {
        text.extend(serde_json::to_vec(&**record).unwrap_or_default());
        text.push(b'\n');
    }
    let again = lines::parse(text.as_slice());
    assert!(again.is_ok_and(|again| again.records == contents.records));
}

/// Checks that an accepted plan is the same once written and read again, and answers what views and checks ask.
pub fn plan(bytes: &[u8]) {
    let Ok(file) = plan_file::parse(bytes) else {
        return;
    };
    let again = serde_json::to_vec(&PlanText {
        environment: file.environment.as_ref(),
        sweep: file.sweep.clone(),
        plan: &file.plan,
    });
    let again = again.map(|text| plan_file::parse(text.as_slice()));
    assert!(matches!(again, Ok(Ok(again)) if again.plan == file.plan));
    for cell in &file.plan.cells {
        file.plan.ancestors(cell);
        file.plan.model(&cell.parameters.model);
        file.plan.numerics_of(cell);
    }
    file.plan.digest();
    // As merging does, to name the shards that are missing.
    Cut::new(&file.plan, NonZeroUsize::MIN.saturating_add(2)).cells(1);
    let run = Run::new(Path::new("run"), file.plan, Environment::unknown());
    for stage in 0..run.plan.stages.len() {
        run.of_stage(stage).pending(&run.plan);
    }
    run.of_last_stage().inputs();
    let _ = run.cell("winter");
}
