//! Advice on grids whose measures are given.

use super::*;
use crate::views::sheet::samples::{plan, run};
use crate::vocabulary::{Measures, Status};

/// Change, SSIM, saturation and contrast change of a cell.
type Numbers = [f64; 4];

const GOOD: Numbers = [0.12, 0.6, 0.0, 0.0];
const SAME: Numbers = [0.01, 0.95, 0.0, 0.0];
const BROKEN: Numbers = [0.3, 0.1, 0.0, 0.0];
const PALE: Numbers = [0.12, 0.5, -0.09, -0.05];
const GAUDY: Numbers = [0.12, 0.5, 0.2, 0.05];

/// A run of so many image guidance scales (rows) by text guidance scales with these measures.
fn grid(image: &[&str], text: &[&str], numbers: &[Numbers]) -> Run {
    let axes = [
        (Parameter::ImageGuidanceScale, image),
        (Parameter::GuidanceScale, text),
    ];
    measured(&axes, numbers)
}

fn measured(axes: &[(Parameter, &[&str])], numbers: &[Numbers]) -> Run {
    let mut run = run_of(axes);
    assert_eq!(run.plan.cells.len(), numbers.len());
    for (cell, &[change, ssim, saturation_change, contrast_change]) in
        run.plan.cells.iter().zip(numbers)
    {
        let record = run.records.get_mut(&cell.key).unwrap();
        record.image_change = Some(change);
        record.measures = Some(Measures {
            ssim,
            saturation_change,
            contrast_change,
        });
    }
    run
}

fn run_of(axes: &[(Parameter, &[&str])]) -> Run {
    let folder = tempfile::tempdir().unwrap();
    run(plan(axes), folder.path())
}

/// The advice on a cell by its place in the plan; empty if there is none.
fn on(run: &Run, place: usize) -> String {
    advise(run)
        .by_cell
        .get(&run.plan.cells[place].key)
        .cloned()
        .unwrap_or_default()
}

#[test]
fn an_edit_that_does_nothing_is_sent_to_the_nearest_freer_cell_that_works() {
    let run = grid(&["1.0", "1.5", "2.0"], &["5.0"], &[GOOD, SAME, SAME]);
    assert_eq!(on(&run, 0), "");
    assert_eq!(
        on(&run, 1),
        "edit barely changes the image: try image_guidance_scale 1.0, as in c00000"
    );
    assert_eq!(
        on(&run, 2),
        "edit barely changes the image: try image_guidance_scale 1.0, as in c00000"
    );
}

#[test]
fn without_such_a_cell_the_general_remedy_leaves_out_what_was_done_already() {
    let barely = "edit barely changes the image: ";
    let run = grid(&["1.0", "2.0"], &["7.0", "12.0"], &[SAME; 4]);
    assert_eq!(
        on(&run, 0),
        format!("{barely}raise guidance_scale to 10 or more")
    );
    assert_eq!(
        on(&run, 1),
        format!("{barely}try another seed, or word the instruction otherwise")
    );
    let both = "lower image_guidance_scale to 1.0 to 1.2, or raise guidance_scale to 10 or more";
    assert_eq!(on(&run, 2), format!("{barely}{both}"));
    assert_eq!(
        on(&run, 3),
        format!("{barely}lower image_guidance_scale to 1.0 to 1.2")
    );
}

#[test]
fn a_destroyed_image_is_sent_to_tighter_settings() {
    let run = grid(
        &["1.0", "1.5"],
        &["5.0", "9.0"],
        &[GOOD, BROKEN, GOOD, GOOD],
    );
    // Both neighbours are one step away; the one along the image guidance comes first.
    assert_eq!(
        on(&run, 1),
        "edit destroys the image: try image_guidance_scale 1.5, as in c00003"
    );
    let run = grid(&["1.5"], &["7.0"], &[BROKEN]);
    let hint = "raise image_guidance_scale to 2.0 or more, or lower guidance_scale to 5 or less";
    assert_eq!(on(&run, 0), format!("edit destroys the image: {hint}"));
}

#[test]
fn washed_out_colours_are_told_from_what_the_instruction_does_everywhere() {
    let run = grid(
        &["1.5"],
        &["5.0", "6.0", "7.0", "12.0"],
        &[GOOD, GOOD, GOOD, PALE],
    );
    assert_eq!(
        on(&run, 3),
        "colours washed out: try guidance_scale 7.0, as in c00002"
    );
    let winter = grid(&["1.5"], &["5.0", "6.0", "7.0", "12.0"], &[PALE; 4]);
    assert!(advise(&winter).by_cell.is_empty());
    let alone = grid(&["1.5"], &["7.0"], &[PALE]);
    let hint =
        "try a negative prompt such as \"washed out, low contrast\", or lower guidance_scale";
    assert_eq!(on(&alone, 0), format!("colours washed out: {hint}"));
}

#[test]
fn too_much_colour_is_sent_to_less_guidance() {
    let run = grid(&["1.5"], &["7.0", "9.0", "14.0"], &[GOOD, GOOD, GAUDY]);
    assert_eq!(
        on(&run, 2),
        "oversaturated: try guidance_scale 9.0, as in c00001"
    );
}

#[test]
fn the_advised_cell_changes_the_image_clearly_and_keeps_most_of_it() {
    let tame = [0.05, 0.85, 0.0, 0.0];
    let wild = [0.2, 0.3, 0.0, 0.0];
    let run = grid(&["1.0", "1.5", "2.0"], &["7.0"], &[wild, GOOD, tame]);
    let advice = advise(&run);
    let [best] = advice.best.as_slice() else {
        panic!("{advice:?}")
    };
    assert_eq!(best.cell, run.plan.cells[1].key);
    assert_eq!(
        best.reason,
        "of the cells that clearly change the image it keeps most of the input's structure \
         (mean change 12.0 %, SSIM 0.60)"
    );
    assert_eq!(advice.cells(), HashSet::from([best.cell.clone()]));
    assert_eq!(
        advice.texts()[&best.cell],
        format!("advised: {}", best.reason)
    );
}

#[test]
fn what_is_clear_is_what_the_instruction_usually_does() {
    let winter = [
        [0.07, 0.9, 0.0, 0.0],
        [0.29, 0.61, 0.0, 0.0],
        [0.3, 0.55, 0.0, 0.0],
    ];
    let castle = [
        [0.037, 0.9, 0.0, 0.0],
        [0.056, 0.84, 0.0, 0.0],
        [0.065, 0.75, 0.0, 0.0],
    ];
    let hardly_any_winter = [
        [0.2, 0.74, 0.0, 0.0],
        [0.3, 0.6, 0.0, 0.0],
        [0.3, 0.55, 0.0, 0.0],
    ];
    for numbers in [winter, castle, hardly_any_winter] {
        let run = grid(&["1.5"], &["1.5", "3.0", "6.0"], &numbers);
        let [best] = &advise(&run).best[..] else {
            panic!("one panel")
        };
        assert_eq!(best.cell, run.plan.cells[1].key);
        assert!(best.reason.starts_with("of the cells that clearly change"));
    }
}

#[test]
fn every_panel_has_its_own_advised_cell() {
    let axes: [(Parameter, &[&str]); 2] = [
        (Parameter::Instruction, &["make it winter", "make it night"]),
        (Parameter::GuidanceScale, &["5.0", "9.0"]),
    ];
    let advice = advise(&measured(&axes, &[GOOD, SAME, BROKEN, GOOD]));
    let found: Vec<_> = advice
        .best
        .iter()
        .map(|best| (best.cell.as_str(), best.panel.clone()))
        .collect();
    let panel = |text: &str| vec![(Parameter::Instruction, text.to_owned())];
    assert_eq!(
        found,
        [
            ("c00000", panel("make it winter")),
            ("c00003", panel("make it night"))
        ]
    );
}

#[test]
fn cells_that_differ_in_the_steps_of_guidance_are_one_panel() {
    let axes: [(Parameter, &[&str]); 2] = [
        (Parameter::GuidanceStart, &["0.0", "0.4"]),
        (Parameter::GuidanceEnd, &["0.6", "1.0"]),
    ];
    let tame = [0.1, 0.8, 0.0, 0.0];
    let run = measured(&axes, &[GOOD, GAUDY, SAME, tame]);
    let advice = advise(&run);
    let [best] = advice.best.as_slice() else {
        panic!("{advice:?}")
    };
    assert_eq!((best.cell.as_str(), best.panel.len()), ("c00003", 0));
    // Fewer steps with guidance do less, more of them do more; what differs is named.
    assert_eq!(
        on(&run, 1),
        "oversaturated: try guidance_end 0.6, as in c00000"
    );
    assert_eq!(
        on(&run, 2),
        "edit barely changes the image: try guidance_start 0.0, as in c00000"
    );
}

#[test]
fn nothing_is_advised_where_there_is_no_choice_or_no_measure() {
    assert!(advise(&grid(&["1.5"], &["7.0"], &[GOOD])).best.is_empty());
    assert!(
        advise(&grid(&["1.5"], &["7.0", "8.0"], &[SAME, BROKEN]))
            .best
            .is_empty()
    );
    let unmeasured = run_of(&[(Parameter::GuidanceScale, &["5.0", "9.0"])]);
    assert_eq!(advise(&unmeasured), Advice::default());
    let mut failed = grid(&["1.5"], &["7.0", "8.0"], &[SAME, GOOD]);
    failed
        .records
        .values_mut()
        .for_each(|record| record.status = Status::Failed);
    assert_eq!(advise(&failed), Advice::default());
}
