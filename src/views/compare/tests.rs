//! Comparisons of runs with made-up results.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use image::{Rgb, RgbImage};

use super::*;
use crate::views::pairs::Side;
use crate::views::sheet::samples::{fail, run, sized_plan};
use crate::vocabulary::Parameter::{GuidanceScale, Instruction, Seed};
use crate::vocabulary::{ClipMeasures, EditCaptions, SchedulerKind};

const SIDE: u32 = 64;

/// A run with these axes, in a folder with this name.
fn sample(root: &Path, name: &str, axes: &[(Parameter, &[&str])]) -> Run {
    run(sized_plan(axes, SIDE, SIDE), &root.join(name))
}

fn compared(
    runs: [&Run; 2],
    comparison: &Comparison,
    out: &Path,
) -> Result<ViewFiles, CompareError> {
    let out = out.to_owned();
    Compared {
        runs,
        comparison,
        out,
    }
    .write()
}

fn scales(root: &Path, name: &str, values: &[&str]) -> Run {
    sample(root, name, &[(GuidanceScale, values)])
}

fn paint(run: &Run, cell: usize, image: &RgbImage) {
    image
        .save(run.folder.join(run.plan.cells[cell].key.image_path()))
        .unwrap();
}

#[test]
fn cells_are_matched_though_scheduler_and_steps_differ_throughout() {
    let root = tempfile::tempdir().unwrap();
    let a = scales(root.path(), "a", &["5.0", "7.0", "9.0"]);
    let mut b = scales(root.path(), "b", &["9.0", "7.0", "11.0"]);
    for cell in &mut Arc::make_mut(&mut b.plan).cells {
        cell.parameters.scheduler = SchedulerKind::Ddim;
        cell.parameters.num_inference_steps = 50;
    }
    b.records
        .values_mut()
        .for_each(|record| record.device = "cuda:0".into());
    let matching = match_cells([&a, &b]);
    assert_eq!(matching.pairs, [[1, 1], [2, 0]]);
    assert_eq!(matching.alone, [vec![0], vec![2]]);
    assert_eq!(matching.axes, [GuidanceScale]);
    let setting = |name, a: &str, b: &str| Setting {
        name,
        values: [a.to_owned(), b.to_owned()],
    };
    let differing = [
        setting("scheduler", "euler_ancestral", "ddim"),
        setting("num_inference_steps", "20", "50"),
        setting("device", "cpu", "cuda:0"),
    ];
    assert_eq!(matching.settings, differing);
}

#[test]
fn what_only_cells_without_a_partner_have_is_no_setting() {
    let root = tempfile::tempdir().unwrap();
    let a = scales(root.path(), "a", &["5.0"]);
    let mut b = scales(root.path(), "b", &["5.0", "7.0"]);
    let [matched, alone] = [0, 1].map(|cell| b.plan.cells[cell].key.clone());
    let record = b.records.get_mut(&alone).unwrap();
    record.precision = "fp16-weights".into();
    record.device = "cuda:0".into();
    assert_eq!(match_cells([&a, &b]).settings, []);
    let record = b.records.get_mut(&matched).unwrap();
    let of_a = std::mem::replace(&mut record.precision, "int8".into());
    let setting = Setting {
        name: "precision",
        values: [of_a.into(), "int8".to_owned()],
    };
    assert_eq!(match_cells([&a, &b]).settings, [setting]);
}

#[test]
fn a_parameter_that_varies_in_either_run_has_to_be_the_same() {
    let root = tempfile::tempdir().unwrap();
    let a = sample(root.path(), "a", &[(Seed, &["1", "2"])]);
    let b = sample(root.path(), "b", &[(Seed, &["2"])]);
    assert_eq!(match_cells([&a, &b]).pairs, [[1, 0]]);
    let c = sample(root.path(), "c", &[(Seed, &["3"])]);
    let error = compare([&a, &c]).unwrap_err();
    assert!(
        error.to_string().ends_with("they have no seed in common"),
        "{error}"
    );
}

#[test]
fn images_are_matched_by_their_bytes_and_presets_by_what_they_set() {
    let root = tempfile::tempdir().unwrap();
    let a = scales(root.path(), "a", &["5.0", "7.0"]);
    let mut b = scales(root.path(), "b", &["5.0", "7.0"]);
    Arc::make_mut(&mut b.plan).images[0].name = "elsewhere.png".to_owned();
    for cell in &mut Arc::make_mut(&mut b.plan).cells {
        cell.parameters.image = "elsewhere.png".into();
        cell.parameters.preset = Some("subtle".to_owned());
    }
    let matching = match_cells([&a, &b]);
    assert_eq!(matching.pairs, [[0, 0], [1, 1]]);
    assert_eq!(matching.settings, []);
    Arc::make_mut(&mut b.plan).images[0].sha256 = "0".repeat(64);
    let error = compare([&a, &b]).unwrap_err();
    assert!(
        error.to_string().ends_with("they have no image in common"),
        "{error}"
    );
}

#[test]
fn cells_that_are_not_told_apart_are_left_out_and_listed() {
    let root = tempfile::tempdir().unwrap();
    let mut a = scales(root.path(), "a", &["5.0", "7.0", "9.0"]);
    let b = scales(root.path(), "b", &["5.0", "7.0"]);
    let cells = &mut Arc::make_mut(&mut a.plan).cells;
    cells[2].parameters = cells[1].parameters.clone();
    let matching = match_cells([&a, &b]);
    assert_eq!(matching.pairs, [[0, 0]]);
    assert_eq!(matching.ambiguous, [vec![1, 2], vec![1]]);
    let comparison = compare([&a, &b]).unwrap();
    assert_eq!(comparison.ambiguous, ["guidance_scale 7.0"; 3]);
}

#[test]
fn differences_and_ratios_are_those_of_the_second_run_to_the_first() {
    let root = tempfile::tempdir().unwrap();
    let mut a = scales(root.path(), "a", &["5.0", "7.0"]);
    let mut b = scales(root.path(), "b", &["5.0", "7.0"]);
    paint(&a, 1, &RgbImage::from_pixel(SIDE, SIDE, Rgb([100; 3])));
    paint(&b, 1, &RgbImage::from_pixel(SIDE, SIDE, Rgb([110; 3])));
    for (run, factor) in [(&mut a, 1.0), (&mut b, 0.5)] {
        for record in run.records.values_mut() {
            record.times.denoise_ms = Some(2000.0 * factor);
            record.rss_peak_mib = Some(400.0 / factor);
        }
    }
    // Device memory is compared only if both runs have it.
    b.records
        .values_mut()
        .for_each(|record| record.vram_peak_mib = Some(1.0));
    let comparison = compare([&a, &b]).unwrap();
    let [same, other] = comparison.pairs.as_slice() else {
        panic!("two pairs")
    };
    assert!(same.difference.as_ref().unwrap().is_none());
    let difference = other.difference.as_ref().unwrap();
    assert_eq!((difference.level_mean, difference.level_max), (10.0, 10));
    assert_eq!(
        (other.time_ratio(), other.memory_ratio()),
        (Some(0.5), Some(2.0))
    );
    // 4 x 10 of 255 levels is less than a quarter of full scale, 8 x 10 is more.
    let amplified = other.picture([&a, &b], Side::Difference, comparison.scale);
    assert_eq!(*amplified.unwrap().get_pixel(3, 3), Rgb([252, 255, 164]));

    let written = compared([&a, &b], &comparison, &root.path().join("out")).unwrap();
    let rows: Vec<csv::StringRecord> = csv::Reader::from_path(written.path("table").unwrap())
        .unwrap()
        .records()
        .map(Result::unwrap)
        .collect();
    assert_eq!(&rows[0][0], "5.0");
    assert_eq!(&rows[1][6], "10.000");
    assert_eq!(
        rows[1].iter().skip(8).collect::<Vec<_>>(),
        [
            "2000.0", "1000.0", "0.500", "400.0", "800.0", "2.000", "", "", "", "", ""
        ]
    );
}

#[test]
fn a_cell_that_failed_is_told_and_hinders_nothing() {
    let root = tempfile::tempdir().unwrap();
    let a = scales(root.path(), "a", &["5.0", "7.0"]);
    let mut b = scales(root.path(), "b", &["5.0", "7.0"]);
    fail(&mut b, 0, "latents are NaN at step 3");
    let comparison = compare([&a, &b]).unwrap();
    assert_eq!(
        comparison.pairs[0].difference,
        Err("the second run has no image of it".to_owned())
    );
    let written = compared([&a, &b], &comparison, &root.path().join("out")).unwrap();
    let page = fs::read_to_string(written.path("page").unwrap()).unwrap();
    assert!(page.contains("Not compared: <bdi>the second run has no image of it</bdi>"));
    // One picture of the first pair, from the first run; all three of the second pair.
    assert_eq!(
        fs::read_dir(root.path().join("out/images"))
            .unwrap()
            .count(),
        4
    );
}

#[test]
fn images_of_two_sizes_are_shown_and_not_compared() {
    let root = tempfile::tempdir().unwrap();
    let axes: [(Parameter, &[&str]); 1] = [(GuidanceScale, &["5.0", "7.0"])];
    let painted = |name: &str, (width, height), level| {
        let run = run(sized_plan(&axes, width, height), &root.path().join(name));
        let grey = RgbImage::from_pixel(width, height, Rgb([level; 3]));
        (0..2).for_each(|cell| paint(&run, cell, &grey));
        run
    };
    let (a, b) = (painted("a", (64, 64), 80), painted("b", (48, 32), 160));
    let comparison = compare([&a, &b]).unwrap();
    let setting = Setting {
        name: "size",
        values: ["64 × 64".to_owned(), "48 × 32".to_owned()],
    };
    assert_eq!(comparison.settings, [setting]);
    let out = root.path().join("out");
    let written = compared([&a, &b], &comparison, &out).unwrap();
    let page = fs::read_to_string(written.path("page").unwrap()).unwrap();
    assert_eq!(page.matches("class=\"alone\"").count(), 4);
    for pair in &comparison.pairs {
        for (letter, key) in ["a", "b"].into_iter().zip(&pair.keys) {
            let file = format!("images/{letter}-{key}.png");
            assert!(out.join(&file).exists(), "{file}");
        }
    }
    let sheet = image::open(written.path("sheet").unwrap())
        .unwrap()
        .into_rgb8();
    let pixels = |level: u8| sheet.pixels().filter(|pixel| pixel.0 == [level; 3]).count();
    let (of_a, of_b) = (pixels(80) as f64, pixels(160) as f64);
    assert!(of_a > 10_000.0, "{of_a} pixels of A on the sheet");
    assert!(
        (of_b / of_a - 2.0 / 3.0).abs() < 0.01,
        "{of_b} pixels of B beside {of_a} of A"
    );
}

#[test]
fn hostile_text_is_shown_as_text() {
    let hostile = "</script><img src=x onerror=alert(1)> \" ' & \u{202e}abc";
    let root = tempfile::tempdir().unwrap();
    let axes: [(Parameter, &[&str]); 1] = [(Instruction, &[hostile, "=1+1"])];
    let (a, b) = (
        sample(root.path(), "a", &axes),
        sample(root.path(), "b", &axes),
    );
    let comparison = compare([&a, &b]).unwrap();
    let out = root.path().join("out");
    let written = compared([&a, &b], &comparison, &out).unwrap();
    let page = fs::read_to_string(written.path("page").unwrap()).unwrap();
    assert!(!page.contains("<img src=x"), "{page}");
    assert!(
        page.contains("&lt;img src=x onerror=alert(1)&gt;"),
        "{page}"
    );
    // Attributes are quoted, and quotes in text cannot end them.
    assert!(!page.contains("onerror=alert(1)> \""), "{page}");
    assert!(page.contains("script-src 'self'"));
    let table = fs::read_to_string(written.path("table").unwrap()).unwrap();
    assert!(table.contains("\n'=1+1,"), "{table}");
}

#[test]
fn a_comparison_is_made_again_in_its_folder_and_never_in_another() {
    let root = tempfile::tempdir().unwrap();
    let a = scales(root.path(), "a", &["5.0", "7.0"]);
    let b = scales(root.path(), "b", &["5.0", "7.0"]);
    let comparison = compare([&a, &b]).unwrap();
    let error = compared([&a, &b], &comparison, &a.folder).unwrap_err();
    assert!(matches!(error, CompareError::Foreign { .. }), "{error}");
    let out = root.path().join("out");
    for _ in 0..2 {
        let written = compared([&a, &b], &comparison, &out).unwrap();
        let sheets: Vec<_> = written.all("sheet").map(|file| &file.path).collect();
        assert_eq!(sheets, [&out.join("compare.png")]);
    }
    assert_eq!(fs::read_dir(out.join("images")).unwrap().count(), 6);
}

#[test]
fn many_pairs_take_several_sheets() {
    let root = tempfile::tempdir().unwrap();
    let values: Vec<String> = (0..70).map(|seed| seed.to_string()).collect();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    let axes: [(Parameter, &[&str]); 1] = [(Seed, &values)];
    let (a, b) = (
        sample(root.path(), "a", &axes),
        sample(root.path(), "b", &axes),
    );
    let comparison = compare([&a, &b]).unwrap();
    let out = root.path().join("out");
    let written = compared([&a, &b], &comparison, &out).unwrap();
    let names: Vec<_> = written
        .all("sheet")
        .map(|file| file.path.file_name().unwrap())
        .collect();
    assert_eq!(names, ["compare-01.png", "compare-02.png"]);
}

#[test]
fn measures_of_clip_are_compared_where_one_model_and_the_same_captions_made_both() {
    let root = tempfile::tempdir().unwrap();
    let mut runs = ["a", "b"].map(|name| scales(root.path(), name, &["5.0", "7.0", "9.0"]));
    let measured = |run: &mut Run, cell: usize, model: &str, after: &str| {
        let key = run.plan.cells[cell].key.clone();
        run.records.get_mut(&key).unwrap().clip = Some(Box::new(ClipMeasures {
            clip_image_similarity: 0.75,
            clip_direction_similarity: Some(0.25),
            clip_sha256: model.to_owned(),
            captions: Some(EditCaptions {
                caption_before: "a house".to_owned(),
                caption_after: after.to_owned(),
            }),
        }));
    };
    for (cell, of_b) in [("one", "winter"), ("one", "night"), ("other", "winter")]
        .into_iter()
        .enumerate()
    {
        measured(&mut runs[0], cell, "one", "winter");
        measured(&mut runs[1], cell, of_b.0, of_b.1);
    }
    let comparison = compare([&runs[0], &runs[1]]).unwrap();
    let found = comparison
        .pairs
        .iter()
        .map(|pair| (pair.clip_image_similarity, pair.clip_direction_similarity));
    let (image, direction) = ([Some(0.75); 2], [Some(0.25); 2]);
    assert_eq!(
        found.collect::<Vec<_>>(),
        [
            (image, direction),
            (image, [None; 2]),
            ([None; 2], [None; 2])
        ]
    );
    let page = page::render(&comparison).unwrap();
    assert_eq!(page.matches("CLIP image similarity").count(), 2);
    assert_eq!(page.matches("<dd>0.250 to 0.250</dd>").count(), 1);
    let table = String::from_utf8(table::csv(&comparison).unwrap()).unwrap();
    let first = table.lines().nth(1).unwrap();
    assert!(
        first.ends_with(",0.75000,0.75000,0.25000,0.25000,"),
        "{first}"
    );
}
