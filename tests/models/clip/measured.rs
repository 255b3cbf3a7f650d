//! The whole program: which cells are measured, when, and what their rows contain.

use std::collections::HashMap;

use ip2p_sweep::onnxruntime::Host;
use ip2p_sweep::runner::{Execution, Outcome, Workload};

use super::fixture::{Sweep, text_of};
use crate::common::{self, golden_json};

const COMPLETE: Outcome = Outcome::Complete { done: 6, failed: 0 };
const IMAGE: &str = "clip_image_similarity";
const DIRECTION: &str = "clip_direction_similarity";

fn caption(instruction: &str, before: &str, after: &str) -> String {
    format!("[[caption]]\ninstruction = {instruction:?}\nbefore = {before:?}\nafter = {after:?}\n")
}

#[test]
fn a_run_has_the_similarities_that_transformers_finds_for_the_images_of_diffusers() {
    let index = golden_json("clip/index.json");
    let captions = &index["captions"][0];
    let runs = golden_json("runs/tiny_eps.json");
    let instruction = text_of(&runs["cases"][0], "instruction");
    let sweep = Sweep::of_golden_runs(&format!(
        "[measures]\nclip = {{CLIP}}\n[runtime]\nmemory_limit_mib = 64\n{}",
        caption(
            instruction,
            captions[0].as_str().unwrap(),
            captions[1].as_str().unwrap()
        )
    ));
    let cells = index["runs"].as_array().unwrap().len();
    let (outcome, measured) = sweep.run(common::host(), None);
    assert_eq!(
        outcome,
        Outcome::Complete {
            done: cells,
            failed: 0
        }
    );
    assert_eq!(measured, (0..cells).collect::<Vec<_>>());
    let plan = sweep.prepared().plan;
    for row in sweep.rows() {
        let cell = plan
            .cells
            .iter()
            .find(|cell| cell.key.as_str() == row["cell"]);
        let name = cell.unwrap().parameters.preset.clone().unwrap();
        let cases = index["cases"].as_array().unwrap().iter();
        let mut cases = cases.filter(|case| {
            text_of(case, "output").ends_with(&format!("tiny_eps/{name}.png"))
                && case["before"] == captions[0]
        });
        let case = cases.next().unwrap();
        for (column, key) in [
            (IMAGE, "image_similarity"),
            (DIRECTION, "direction_similarity"),
        ] {
            let found: f64 = row[column].parse().unwrap();
            let difference = (found - case[key].as_f64().unwrap()).abs();
            println!("{name} {key}: {difference:.1e}");
            // Pixels may differ from diffusers' by one level.
            assert!(difference < 1e-3, "{name} {key}: {found}");
        }
    }
}

#[test]
fn cells_are_measured_once_and_again_only_for_other_captions() {
    let of_winter = |after| caption("make it winter", "a house", after);
    let clip = "[measures]\nclip = {CLIP}\n";
    let sweep = Sweep::small(&format!("{clip}{}", of_winter("a house in winter")));
    let (outcome, measured) = sweep.run(common::host(), None);
    assert_eq!((outcome, measured), (COMPLETE, vec![0, 1, 2, 3, 4, 5]));
    let first = sweep.rows();
    for row in &first {
        let is_captioned = row["instruction"] == "make it winter";
        assert!(row[IMAGE].parse::<f64>().unwrap() < 1.0);
        assert_eq!(row[DIRECTION].is_empty(), !is_captioned, "{row:?}");
    }

    // Nothing is left to do, so no runtime is looked for.
    let nowhere = || Host::current(Some("no/such/library".into()));
    assert_eq!(sweep.run(nowhere(), None), (COMPLETE, vec![]));
    assert_eq!(sweep.rows(), first);

    let text = Sweep::small_text(&format!("{clip}{}", of_winter("a pencil sketch")));
    sweep.write(&text);
    assert_eq!(sweep.run(common::host(), None), (COMPLETE, vec![0, 1, 2]));
    for (row, before) in sweep.rows().iter().zip(&first) {
        let is_captioned = row["instruction"] == "make it winter";
        assert_eq!(row[IMAGE], before[IMAGE]);
        assert_eq!(row[DIRECTION] != before[DIRECTION], is_captioned, "{row:?}");
    }

    // Measures stay when they are no longer requested.
    let measured = sweep.rows();
    sweep.write(&Sweep::small_text(""));
    assert_eq!(sweep.run(nowhere(), None), (COMPLETE, vec![]));
    assert_eq!(sweep.rows(), measured);
}

#[test]
fn a_run_that_is_stopped_while_it_measures_goes_on_there() {
    let sweep = Sweep::small("[measures]\nclip = {CLIP}\n");
    let (outcome, measured) = sweep.run(common::host(), Some(2));
    assert_eq!((outcome, measured), (Outcome::Interrupted, vec![0, 1]));
    let is_measured = |row: &HashMap<String, String>| !row[IMAGE].is_empty();
    assert_eq!(
        sweep.rows().iter().filter(|row| is_measured(row)).count(),
        2
    );

    let prepared = sweep.prepared();
    let execution = Execution::open(&prepared, &sweep.out(), common::host()).unwrap();
    let Workload {
        cells,
        steps,
        measures,
        ..
    } = execution.workload();
    assert_eq!((cells, steps, measures), (0, 0, 4));
    drop(execution);
    let (outcome, measured) = sweep.run(common::host(), None);
    assert_eq!((outcome, measured), (COMPLETE, vec![2, 3, 4, 5]));
    assert!(sweep.rows().iter().all(is_measured));
}

#[test]
fn measuring_changes_no_cell() {
    let plain = Sweep::small("").prepared().plan;
    let measured = Sweep::small(&format!(
        "[measures]\nclip = {{CLIP}}\n{}",
        caption("make it night", "a house", "a house at night")
    ));
    assert_eq!(measured.prepared().plan.cells, plain.cells);
}

#[test]
fn a_caption_that_clip_cannot_read_whole_is_told() {
    let long = "make it a snowy winter day with snow on the trees, with stars and a full moon";
    let sweep = Sweep::small(&format!(
        "[measures]\nclip = {{CLIP}}\n{}",
        caption("make it night", "a house", long)
    ));
    let notes = sweep.prepared().notes;
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(
        notes[0].starts_with("CLIP reads 20 tokens; this is cut off: "),
        "{notes:?}"
    );
}
