//! Advice on grids with given measures.

use super::*;
use crate::views::sheet::samples::{plan, run};
use crate::vocabulary::{ClipMeasures, Measures, Status};

/// Change, SSIM, saturation and contrast change of a cell.
type Numbers = [f64; 4];

const GOOD: Numbers = [0.12, 0.6, 0.0, 0.0];
const SAME: Numbers = [0.01, 0.95, 0.0, 0.0];
const BROKEN: Numbers = [0.3, 0.1, 0.0, 0.0];
const PALE: Numbers = [0.12, 0.5, -0.09, -0.05];
const WINTER: Numbers = [0.29, 0.61, -0.12, -0.06];
const GAUDY: Numbers = [0.12, 0.5, 0.2, 0.05];

/// A run of image guidance scales (rows) by text guidance scales (columns) with these measures.
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

/// The advice on a cell, given its index in the plan; empty if there is none.
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
        "hardly changed (mean change 1.0 %, SSIM 0.95): try image_guidance_scale 1.0, as in c00000"
    );
    assert_eq!(
        on(&run, 2),
        "hardly changed (mean change 1.0 %, SSIM 0.95): try image_guidance_scale 1.0, as in c00000"
    );
}

#[test]
fn without_such_a_cell_the_general_remedy_leaves_out_what_was_done_already() {
    let barely = "hardly changed (mean change 1.0 %, SSIM 0.95): ";
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
fn what_is_far_from_the_input_is_sent_to_tighter_settings() {
    let run = grid(
        &["1.0", "1.5"],
        &["5.0", "9.0"],
        &[GOOD, BROKEN, GOOD, GOOD],
    );
    // Both neighbours are one step away; the one along the image guidance comes first.
    assert_eq!(
        on(&run, 1),
        "far from the input (SSIM 0.10, 2.5 times the typical change for its instruction): try image_guidance_scale 1.5, as in c00003"
    );
    let run = grid(&["1.5"], &["7.0"], &[BROKEN]);
    let hint = "raise image_guidance_scale to 2.0 or more, or lower guidance_scale to 5 or less";
    assert_eq!(
        on(&run, 0),
        format!("far from the input (SSIM 0.10): {hint}")
    );
}

#[test]
fn an_instruction_that_takes_every_image_far_from_its_input_is_not_held_against_it() {
    let night = [0.35, 0.25, -0.2, -0.1];
    let wreck = [0.56, 0.08, -0.2, -0.1];
    let text = ["3.0", "5.0", "7.0", "9.0", "12.0"];
    let run = grid(&["1.5"], &text, &[night, night, night, night, wreck]);
    assert_eq!(on(&run, 0), "");
    assert_eq!(
        on(&run, 4),
        "far from the input (SSIM 0.08, 1.6 times the typical change for its instruction): try guidance_scale 9.0, as in c00003"
    );
}

#[test]
fn colours_are_held_against_the_cells_of_the_same_instruction_never_against_the_input() {
    let pale = "paler than the other cells of its instruction: ";
    let text = ["3.0", "5.0", "6.0", "7.0", "12.0"];
    let run = grid(&["1.5"], &text, &[GOOD, GOOD, GOOD, GOOD, PALE]);
    assert_eq!(
        on(&run, 4),
        format!("{pale}try guidance_scale 7.0, as in c00003")
    );
    let winter = grid(&["1.5"], &text, &[WINTER; 5]);
    assert_eq!(advise(&winter), Advice::default());
    let alone = grid(&["1.5"], &["7.0"], &[PALE]);
    assert_eq!(on(&alone, 0), "", "one cell says nothing of what is usual");

    // Panels of one instruction are judged together; here there is one for each seed.
    let axes: [(Parameter, &[&str]); 2] = [
        (Parameter::Seed, &["1", "2"]),
        (Parameter::GuidanceScale, &["5.0", "7.0", "9.0"]),
    ];
    let run = measured(&axes, &[GOOD, GOOD, GOOD, GOOD, GOOD, PALE]);
    assert_eq!(
        on(&run, 5),
        format!("{pale}try guidance_scale 7.0, as in c00004")
    );
}

#[test]
fn too_much_colour_is_sent_to_less_guidance() {
    let text = ["5.0", "6.0", "7.0", "9.0", "14.0"];
    let run = grid(&["1.5"], &text, &[GOOD, GOOD, GOOD, GOOD, GAUDY]);
    assert_eq!(
        on(&run, 4),
        "more colourful than the other cells of its instruction: try guidance_scale 9.0, as in c00003"
    );
}

#[test]
fn pixels_alone_pick_no_cell() {
    let tame = [0.05, 0.85, 0.0, 0.0];
    let run = grid(&["1.0", "1.5", "2.0"], &["7.0"], &[WINTER, GOOD, tame]);
    assert_eq!(advise(&run), Advice::default());
}

/// Gives every cell CLIP's image and direction similarities.
fn clip(run: &mut Run, similarities: &[(f64, Option<f64>)]) {
    for (cell, &(image, direction)) in run.plan.cells.iter().zip(similarities) {
        run.records.get_mut(&cell.key).unwrap().clip = Some(Box::new(ClipMeasures {
            clip_image_similarity: image,
            clip_direction_similarity: direction,
            clip_sha256: "0".repeat(64),
            captions: None,
        }));
    }
}

#[test]
fn with_clip_and_captions_the_advised_cell_is_the_knee_and_says_so() {
    let mut run = grid(&["1.5"], &["3.0", "5.0", "9.0"], &[SAME, WINTER, BROKEN]);
    let knee = [(0.98, 0.02), (0.91, 0.2), (0.6, 0.23)];
    clip(
        &mut run,
        &knee.map(|(image, direction)| (image, Some(direction))),
    );
    let advice = advise(&run);
    let [best] = advice.best.as_slice() else {
        panic!("{advice:?}")
    };
    assert_eq!(best.cell, run.plan.cells[1].key);
    assert_eq!(
        best.reason,
        "the knee between keeping the image and following the instruction (CLIP image similarity 0.910, direction \
         similarity 0.200)"
    );
    assert_eq!(advice.cells(), HashSet::from([best.cell.clone()]));
    assert_eq!(
        advice.texts()[&best.cell],
        format!("advised: {}", best.reason)
    );
    clip(&mut run, &knee.map(|(image, _)| (image, None)));
    assert_eq!(
        advise(&run).best,
        [],
        "without captions nothing is known of the direction"
    );
}

#[test]
fn every_panel_has_its_own_advised_cell() {
    let axes: [(Parameter, &[&str]); 2] = [
        (Parameter::Instruction, &["make it winter", "make it night"]),
        (Parameter::GuidanceScale, &["5.0", "7.0", "9.0"]),
    ];
    let mut run = measured(&axes, &[GOOD; 6]);
    let similarities = [
        (0.9, 0.1),
        (0.89, 0.2),
        (0.5, 0.21),
        (0.9, 0.3),
        (0.8, 0.1),
        (0.7, 0.2),
    ];
    clip(
        &mut run,
        &similarities.map(|(image, direction)| (image, Some(direction))),
    );
    let advice = advise(&run);
    let found: Vec<_> = advice
        .best
        .iter()
        .map(|best| (best.cell.as_str(), best.panel.clone()))
        .collect();
    let panel = |text: &str| vec![(Parameter::Instruction, text.to_owned())];
    assert_eq!(
        found,
        [
            ("c00001", panel("make it winter")),
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
    let run = measured(&axes, &[GOOD, BROKEN, SAME, tame]);
    // Guidance at fewer steps does less, at more steps more; the settings that differ are named.
    assert_eq!(
        on(&run, 1),
        "far from the input (SSIM 0.10, 2.5 times the typical change for its instruction): try guidance_end 0.6, as in c00000"
    );
    assert_eq!(
        on(&run, 2),
        "hardly changed (mean change 1.0 %, SSIM 0.95): try guidance_start 0.0, as in c00000"
    );
}

#[test]
fn nothing_is_said_of_what_was_not_measured() {
    let unmeasured = run_of(&[(Parameter::GuidanceScale, &["5.0", "9.0"])]);
    assert_eq!(advise(&unmeasured), Advice::default());
    let mut failed = grid(&["1.5"], &["7.0", "8.0"], &[SAME, GOOD]);
    failed
        .records
        .values_mut()
        .for_each(|record| record.status = Status::Failed);
    assert_eq!(advise(&failed), Advice::default());
}
