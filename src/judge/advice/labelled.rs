//! Tests the advice on cells whose true edit is known (`tests/golden/make_advice.py`).

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Advice, advise};
use crate::store::Run;
use crate::views::sheet::samples::{plan, run};
use crate::vocabulary::{Measures, Parameter};

/// The cases on which the rules were made.
const CASES: &str = include_str!("../../../tests/golden/advice.json");

/// Other scenes and another seed, used only after the rules were fixed.
const HELD_OUT: &str = include_str!("../../../tests/golden/advice_held_out.json");

/// The published figures about the advice.
const PUBLISHED: &str = include_str!("../../../docs/advice.md");

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

/// For each instruction, a run with one panel an image, and each cell's label.
fn runs(cases: &str) -> Vec<(Run, Vec<Option<String>>)> {
    let panels: Vec<LabelledPanel> = serde_json::from_str(cases).unwrap();
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

/// How often labelled cells get each remark, by label and the remark's first word.
struct Counts(BTreeMap<(String, String), usize>);

impl Counts {
    fn of(cases: &str) -> Self {
        let mut counts = BTreeMap::new();
        for (run, labels) in runs(cases) {
            let Advice { by_cell, best } = advise(&run);
            assert_eq!(best, [], "pixels alone pick no cell");
            for (cell, label) in run.plan.cells.iter().zip(labels) {
                let Some(label) = label else { continue };
                let remark = by_cell.get(&cell.key).map_or("none", |text| {
                    text.split([' ', ':']).next().unwrap_or_default()
                });
                *counts.entry((label, remark.to_owned())).or_default() += 1;
            }
        }
        Self(counts)
    }

    fn count(&self, is_meant: impl Fn(&str, &str) -> bool) -> usize {
        let meant = self.0.iter();
        let meant = meant.filter(|((label, remark), _)| is_meant(label, remark));
        meant.map(|(_, count)| count).sum()
    }

    fn all(&self) -> usize {
        self.count(|_, _| true)
    }

    fn labelled(&self, wanted: &str) -> usize {
        self.count(|label, _| label == wanted)
    }

    /// How many correct edits get a remark.
    fn faulted(&self) -> usize {
        self.count(|label, remark| label == "right" && remark != "none")
    }

    /// Cells with a label that get a remark, and all cells that get it.
    fn hits(&self, label: &str, remark: &str) -> (usize, usize) {
        let hits = self.count(|known, told| known == label && told == remark);
        (hits, self.count(|_, told| told == remark))
    }

    /// A line of the table of docs/advice.md.
    fn line(&self, label: &str, remark: &str) -> String {
        let all = self.labelled(label);
        let first = remark.split(' ').next().unwrap_or_default();
        let (hits, told) = self.hits(label, first);
        format!("| `{remark}` | {label} ({all}) | {hits} of {told} | {hits} of {all} |")
    }
}

#[test]
fn right_edits_are_left_alone_and_the_others_are_told() {
    let counts = Counts::of(CASES);
    assert_eq!(counts.all(), 200);
    assert!(counts.faulted() * 50 <= counts.labelled("right"));
    for (label, remark, least_recall) in
        [("barely begun", "hardly", 0.55), ("overdone", "far", 0.65)]
    {
        let (hits, told) = counts.hits(label, remark);
        let (precision, recall) = (
            hits as f64 / told as f64,
            hits as f64 / counts.labelled(label) as f64,
        );
        assert!(precision >= 0.95 && recall >= least_recall, "{remark}");
    }
}

#[test]
fn what_is_published_was_measured_on_cases_that_the_rules_were_not_made_on() {
    let counts = Counts::of(HELD_OUT);
    let (faulted, right) = (counts.faulted(), counts.labelled("right"));
    assert!(faulted * 50 <= right, "{faulted} of {right} right edits");
    let lines = [
        counts.line("barely begun", "hardly changed"),
        counts.line("overdone", "far from the input"),
        format!("| anything | of {right} right edits, {faulted} have a remark | | |"),
    ];
    let missing: Vec<&String> = lines
        .iter()
        .filter(|line| !PUBLISHED.contains(*line))
        .collect();
    assert!(missing.is_empty(), "docs/advice.md lacks {missing:#?}");
}
