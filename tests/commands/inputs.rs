//! A run folder keeps its inputs as the model saw them: runs are shown and compared without the original images.

use crate::common;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use crate::common::place::Place;
use crate::common::{assert_same_files, files_of, golden};
use assert_cmd::assert::OutputAssertExt;
use image::{Rgb, RgbImage};
use ip2p_sweep::runner::{Execution, Outcome, prepare};
use ip2p_sweep::spec::RuntimeOverrides;
use ip2p_sweep::store::Run;
use ip2p_sweep::vocabulary::Status;
use predicates::prelude::*;
use predicates::str::contains;

/// `exif_1.png` cropped to 72 x 48 pixels by Pillow, equal within a level (tests/golden/images).
const SOURCE: &str = "source/exif_1.png";
const FITTED: &str = "expected/exif_1_png_crop_64_8.png";

/// A folder with two images that have to be fitted.
fn place() -> Place {
    let place = Place::new();
    fs::create_dir(place.path("photos")).unwrap();
    let images = golden().join("images");
    fs::copy(images.join(SOURCE), place.path("photos/a lake.png")).unwrap();
    let other = RgbImage::from_fn(50, 90, |x, y| Rgb([x as u8 * 5, y as u8 * 2, 90]));
    other.save(place.path("photos/wood.png")).unwrap();
    place
}

/// Both images with these seeds and this scheduler, cropped to at least 64 pixels.
fn sweep(name: &str, seeds: &str, scheduler: &str) -> String {
    format!(
        "name = \"{name}\"\nmodel = \"model\"\n[sweep]\nimage = \"photos/*.png\"\n\
         instruction = \"make it winter\"\nseed = {seeds}\nscheduler = \"{scheduler}\"\n\
         num_inference_steps = 2\n[size]\nresolution = 64\n"
    )
}

fn done(place: &Place, arguments: &[&str]) {
    place.ip2p(arguments).assert().success();
}

/// The inputs of a run, by path.
fn inputs(place: &Place, run: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    files_of(&place.path(run).join("inputs"))
}

#[test]
fn sheets_report_and_comparison_need_neither_images_nor_model() {
    let place = place();
    place.run(&sweep("a", "[1, 2]", "euler")).success();
    place.run(&sweep("b", "[1, 2]", "ddim")).success();
    let show = || {
        done(&place, &["sheet", "results/a"]);
        done(
            &place,
            &["sheet", "results/a", "--rows", "image", "--name", "other"],
        );
        done(&place, &["report", "results/a"]);
        done(
            &place,
            &["compare", "results/a", "results/b", "--out", "both"],
        );
        [
            files_of(&place.path("results/a")),
            files_of(&place.path("both")),
        ]
    };
    let before = show();
    for gone in ["photos", "model", "s.toml"] {
        fs::rename(place.path(gone), place.path(format!("{gone} elsewhere"))).unwrap();
    }
    for made in ["results/a/sheets", "results/a/report", "both"] {
        fs::remove_dir_all(place.path(made)).unwrap();
    }
    let after = show();
    for (before, after) in before.iter().zip(&after) {
        assert_same_files(before, after);
    }
    // The sheet shows the input, not a placeholder.
    fs::remove_dir_all(place.path("results/a/inputs")).unwrap();
    assert_ne!(
        show()[0][Path::new("sheets/sheet.png")],
        after[0][Path::new("sheets/sheet.png")]
    );
}

#[test]
fn an_input_has_the_pixels_that_pillow_gives() {
    let place = place();
    place.run(&sweep("a", "1", "euler")).success();
    let run = Run::read(&place.path("results/a")).unwrap();
    let input = run
        .inputs()
        .read(run.plan.cells[0].fitted().unwrap())
        .unwrap();
    let expected = image::open(golden().join("images").join(FITTED))
        .unwrap()
        .to_rgb8();
    assert_eq!(input.dimensions(), expected.dimensions());
    let mut levels = input.as_raw().iter().zip(expected.as_raw());
    assert!(levels.all(|(a, b)| a.abs_diff(*b) <= 1));
    let names: Vec<_> = inputs(&place, "results/a").into_keys().collect();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(
        names[0].to_str().unwrap().starts_with("a_lake-72x48-"),
        "{names:?}"
    );
    assert!(
        names[1].to_str().unwrap().starts_with("wood-40x72-"),
        "{names:?}"
    );
}

#[test]
fn a_run_that_is_gone_on_with_makes_the_inputs_that_it_lacks_and_no_cell_again() {
    let place = place();
    place.run(&sweep("a", "[1, 2]", "euler")).success();
    let whole = files_of(&place.path("results/a"));
    fs::remove_dir_all(place.path("results/a/inputs")).unwrap();
    let lacks =
        "note: input photos/a lake.png is not shown: the run folder lacks inputs/a_lake-72x48-";

    let sheet = place.ip2p(&["sheet", "results/a"]).assert();
    let remedy = "; run the sweep again to have it made\n";
    sheet
        .success()
        .stderr(contains(lacks).and(contains(remedy)));
    place.run(&sweep("a", "[1, 2]", "euler")).success();
    assert_same_files(&files_of(&place.path("results/a")), &whole);
}

#[test]
fn no_cell_is_made_of_an_input_that_was_tampered_with() {
    let place = place();
    place.run(&sweep("a", "[1, 2]", "euler")).success();
    place.run(&sweep("b", "1", "euler")).success();
    for file in inputs(&place, "results/b").into_keys() {
        let path = place.path("results/b/inputs").join(file);
        let (width, height) = image::image_dimensions(&path).unwrap();
        RgbImage::from_pixel(width, height, Rgb([255, 0, 0]))
            .save(path)
            .unwrap();
    }
    place.run(&sweep("b", "[1, 2]", "euler")).success();
    assert_same_files(&inputs(&place, "results/b"), &inputs(&place, "results/a"));
    let cells = |run: &str| files_of(&place.path(run).join("cells"));
    assert!(pixels(cells("results/b")) == pixels(cells("results/a")));
}

/// Images without their metadata, by the hash at the end of their names.
fn pixels(files: BTreeMap<PathBuf, Vec<u8>>) -> BTreeMap<String, RgbImage> {
    let of_file = |(name, bytes): (PathBuf, Vec<u8>)| {
        let stem = name.file_stem().unwrap().to_str().unwrap().to_owned();
        let hash = stem.rsplit('-').next().unwrap().to_owned();
        (hash, image::load_from_memory(&bytes).unwrap().to_rgb8())
    };
    files.into_iter().map(of_file).collect()
}

#[test]
fn an_image_that_changes_once_the_sweep_has_started_fails_its_cells_only() {
    let place = place();
    fs::write(place.path("s.toml"), sweep("a", "1", "euler")).unwrap();
    let prepared = prepare(&place.path("s.toml"), RuntimeOverrides::default()).unwrap();
    RgbImage::new(50, 90)
        .save(place.path("photos/wood.png"))
        .unwrap();
    let out = place.path("results/a");
    let execution = Execution::open(&prepared, &out, common::host()).unwrap();
    let executed = execution.run(&AtomicBool::new(false), &mut |_| ()).unwrap();
    assert_eq!(executed.outcome, Outcome::Complete { done: 1, failed: 1 });
    let record = &executed.run.records[&prepared.plan.cells[1].key];
    assert_eq!(record.status, Status::Failed);
    let error = record.error.as_deref().unwrap();
    assert!(
        error.ends_with("photos/wood.png has changed since the sweep was started"),
        "{error}"
    );
    assert_eq!(inputs(&place, "results/a").len(), 1);
}

#[test]
fn all_images_that_cannot_be_read_are_told_but_for_those_that_are_left_out() {
    let place = place();
    fs::write(place.path("photos/b.png"), b"").unwrap();
    fs::write(place.path("photos/c.png"), b"words").unwrap();
    fs::write(place.path("photos/Thumbs.db"), b"words").unwrap();
    let text = sweep("a", "1", "euler").replace("photos/*.png", "photos/*");
    let plan = |text: &str| {
        fs::write(place.path("s.toml"), text).unwrap();
        place.ip2p(&["plan", "s.toml"]).assert()
    };
    let expected = "error: 2 images cannot be used:\n  image photos/b.png is empty\n  photos/c.png is not an image that can be read\n";
    plan(&text).code(2).stderr(contains(expected));
    let left_out = ["photos/b.png", "photos/c.png"]
        .map(|image| format!("[[exclude]]\nimage = \"{image}\"\n"))
        .concat();
    let passed_over = "image \"photos/*\": skipped: Thumbs.db is not an image";
    let told = plan(&(text + &left_out)).success();
    let told = told.get_output();
    let told = [&told.stdout[..], &told.stderr[..]].concat();
    assert!(contains(passed_over).eval(&String::from_utf8(told).unwrap()));
}
