//! `ip2p review` on a pipe: decisions given as lines, and their effects.

use std::fs;
use std::io::Write;
use std::process::{Output, Stdio};

use image::RgbImage;
use ip2p_sweep::store::Run;

use super::fixture::{Place, sweep};
use crate::common::forget_digests;

/// An accepted run of two cells whose images have since been inverted.
fn changed() -> Place {
    let place = Place::new();
    place.run(&sweep("seed = [1, 2]")).success();
    let accept = place.ip2p(&["accept", "results/s", "--yes"]).output();
    assert!(accept.unwrap().status.success());
    let run = Run::read(&place.path("results/s")).unwrap();
    for cell in &run.plan.cells {
        let path = run.image_path(&cell.key).unwrap();
        let mut image: RgbImage = image::open(&path).unwrap().into_rgb8();
        image::imageops::invert(&mut image);
        image.save(&path).unwrap();
    }
    forget_digests(&run.folder);
    place
}

fn review(place: &Place, lines: &str) -> Output {
    let mut command = place.ip2p(&["review", "results/s", "--reason", "looks right"]);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(lines.as_bytes()).unwrap();
    drop(input);
    child.wait_with_output().unwrap()
}

fn manifest(place: &Place) -> String {
    fs::read_to_string(place.path("results/baseline/s/manifest.json")).unwrap()
}

#[test]
fn lines_accept_reject_and_skip_and_only_what_was_accepted_changes() {
    let place = changed();
    let output = review(&place, "what?\na\nreject\n");
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(10), "{said}");
    for part in [
        "1/2  regression  make it winter · seed ",
        "measures  perceptual_mean ",
        "(limit 0.1000)",
        "expected  results/baseline/s/cells/",
        "actual    results/s/cells/",
        "accepted 1 change in results/baseline/s",
        "reviewed 2 cells: 1 accepted, 1 rejected, 0 left",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!(manifest(&place).matches("looks right").count(), 1);
    let again = review(&place, "s\n");
    assert_eq!(again.status.code(), Some(11));
    let again = review(&place, "accept\n");
    assert_eq!(again.status.code(), Some(0));
    let over = review(&place, "");
    assert_eq!(String::from_utf8_lossy(&over.stdout), "every cell passes\n");
}

#[test]
fn where_the_input_ends_nothing_more_is_decided() {
    let place = changed();
    let before = manifest(&place);
    let output = review(&place, "");
    assert_eq!(output.status.code(), Some(11));
    assert_eq!(manifest(&place), before);
}

#[test]
fn a_cell_that_the_sweep_no_longer_has_is_removed_by_accepting_that() {
    let place = Place::new();
    place.run(&sweep("seed = [1, 2]")).success();
    let accept = place.ip2p(&["accept", "results/s", "--yes"]).output();
    assert!(accept.unwrap().status.success());
    place.run(&sweep("seed = 1")).success();
    let output = review(&place, "a\n");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("1/1  missing  "), "{said}");
    assert_eq!(output.status.code(), Some(0), "{said}");
    let images = fs::read_dir(place.path("results/baseline/s/cells")).unwrap();
    assert_eq!(images.count(), 1);
}

#[test]
fn nothing_is_reviewed_where_ci_is_set() {
    let place = changed();
    let mut command = place.ip2p(&["review", "results/s"]);
    let output = command.env("CI", "true").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}
