//! Advice held against cells of which the true edit is known (`tests/golden/make_advice.py`).

use serde::Deserialize;

use super::{Advice, advise};
use crate::store::Run;
use crate::views::sheet::samples::{plan, run};
use crate::vocabulary::{Measures, Parameter};

const CASES: &str = include_str!("../../../tests/golden/advice.json");

/// The cells of one edit of one scene.
#[derive(Deserialize)]
struct LabelledPanel {
    edit: String,
    instruction: String,
    cells: Vec<LabelledCell>,
}

#[derive(Deserialize)]
struct LabelledCell {
    guidance_scale: String,
    image_guidance_scale: String,
    image_change: f64,
    ssim: f64,
    saturation_change: f64,
    contrast_change: f64,
    label: Option<String>,
}

/// Every edit's scenes as a run of one instruction with an image a panel, and each cell's label.
fn runs() -> Vec<(Run, Vec<Option<String>>)> {
    let panels: Vec<LabelledPanel> = serde_json::from_str(CASES).unwrap();
    let of_one_edit = panels.chunk_by(|one, other| one.edit == other.edit);
    of_one_edit.map(run_of).collect()
}

fn run_of(panels: &[LabelledPanel]) -> (Run, Vec<Option<String>>) {
    let images: Vec<String> = (0..panels.len())
        .map(|scene| format!("{scene}.png"))
        .collect();
    let images: Vec<&str> = images.iter().map(String::as_str).collect();
    let distinct = |value: fn(&LabelledCell) -> &str| {
        let mut values: Vec<&str> = panels[0].cells.iter().map(value).collect();
        values.sort_by(|a, b| a.parse::<f64>().unwrap().total_cmp(&b.parse().unwrap()));
        values.dedup();
        values
    };
    let plan = plan(&[
        (Parameter::Instruction, &[&panels[0].instruction]),
        (Parameter::Image, &images),
        (
            Parameter::ImageGuidanceScale,
            &distinct(|cell| &cell.image_guidance_scale),
        ),
        (
            Parameter::GuidanceScale,
            &distinct(|cell| &cell.guidance_scale),
        ),
    ]);
    let folder = tempfile::tempdir().unwrap();
    let mut run = run(plan, folder.path());
    let mut labels = Vec::new();
    for cell in &run.plan.cells {
        let of = &cell.parameters;
        let scene: usize = of.image.trim_end_matches(".png").parse().unwrap();
        let scales = [of.image_guidance_scale, of.guidance_scale].map(|scale| scale.to_string());
        let is_it = |known: &&LabelledCell| {
            [&known.image_guidance_scale, &known.guidance_scale] == [&scales[0], &scales[1]]
        };
        let known = panels[scene].cells.iter().find(is_it).unwrap();
        let record = run.records.get_mut(&cell.key).unwrap();
        record.image_change = Some(known.image_change);
        record.measures = Some(Measures {
            ssim: known.ssim,
            saturation_change: known.saturation_change,
            contrast_change: known.contrast_change,
        });
        labels.push(known.label.clone());
    }
    (run, labels)
}

/// Of the labelled cells: how many have each label, and of those how many each remark.
fn counted() -> Vec<(String, Vec<(String, usize)>)> {
    let mut counts: Vec<(String, Vec<(String, usize)>)> = Vec::new();
    for (run, labels) in runs() {
        let Advice { by_cell, best } = advise(&run);
        assert_eq!(best, [], "pixels alone pick no cell");
        for (cell, label) in run.plan.cells.iter().zip(labels) {
            let Some(label) = label else { continue };
            let remark = by_cell.get(&cell.key).map_or("none", |text| {
                text.split([' ', ':']).next().unwrap_or_default()
            });
            add(&mut counts, label, remark);
        }
    }
    counts
}

fn add(counts: &mut Vec<(String, Vec<(String, usize)>)>, label: String, remark: &str) {
    let place = counts.iter().position(|(known, _)| *known == label);
    let place = place.unwrap_or_else(|| {
        counts.push((label, Vec::new()));
        counts.len() - 1
    });
    let remarks = &mut counts[place].1;
    match remarks.iter_mut().find(|(known, _)| known == remark) {
        Some((_, count)) => *count += 1,
        None => remarks.push((remark.to_owned(), 1)),
    }
}

fn count(counts: &[(String, Vec<(String, usize)>)], label: &str, remark: &str) -> usize {
    let of_label = counts.iter().find(|(known, _)| known == label);
    let remarks = of_label.map_or(&[][..], |(_, remarks)| remarks);
    let found = remarks.iter().find(|(known, _)| known == remark);
    found.map_or(0, |(_, count)| *count)
}

#[test]
fn right_edits_are_left_alone_and_the_others_are_told() {
    let counts = counted();
    let all = |label: &str| -> usize {
        let of_label = counts.iter().find(|(known, _)| known == label);
        of_label.map_or(0, |(_, remarks)| {
            remarks.iter().map(|(_, count)| count).sum()
        })
    };
    let labelled: usize = ["barely begun", "right", "overdone"].map(all).iter().sum();
    assert_eq!(labelled, 200, "{counts:?}");
    let faulted = all("right") - count(&counts, "right", "none");
    assert!(
        faulted * 50 <= all("right"),
        "{faulted} right edits are remarked on: {counts:?}"
    );
    for (label, remark, least_recall) in
        [("barely begun", "hardly", 0.55), ("overdone", "far", 0.65)]
    {
        let hits = count(&counts, label, remark);
        let told: usize = ["barely begun", "right", "overdone"]
            .iter()
            .map(|label| count(&counts, label, remark))
            .sum();
        let (precision, recall) = (hits as f64 / told as f64, hits as f64 / all(label) as f64);
        assert!(
            precision >= 0.95 && recall >= least_recall,
            "{remark}: {counts:?}"
        );
    }
}
