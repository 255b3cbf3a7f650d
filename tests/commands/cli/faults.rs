//! How commands react to what users get wrong, and to what earlier commands left behind.

use std::fs;

use assert_cmd::assert::OutputAssertExt;
use predicates::prelude::*;
use predicates::str::contains;

use super::fixture::{Place, sweep, text};

#[test]
fn a_quiet_run_whose_cells_all_fail_says_so() {
    let place = Place::new();
    // Latents divided by it become infinite.
    for component in ["vae_encoder", "vae_decoder"] {
        let config = place.path("model").join(component).join("config.json");
        let text = fs::read_to_string(&config).unwrap();
        fs::write(&config, text.replace("0.18215", "1e-37")).unwrap();
    }
    fs::write(place.path("s.toml"), sweep("")).unwrap();
    let output = place.ip2p(&["run", "s.toml", "-q"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output);
    let (first, rest) = told.split_once('\n').unwrap();
    assert!(first.starts_with("error: cell "), "{told}");
    assert!(first.contains(" failed: "), "{told}");
    assert_eq!(
        rest,
        "error: 1 of 1 cell failed\nhint: results/s/cells.csv says why; run again once that is fixed\n"
    );
}

#[test]
fn what_is_no_run_folder_is_usage() {
    let place = Place::new();
    for arguments in [
        &["sheet", "model"][..],
        &["report", "nowhere"],
        &["compare", "model", "model"],
        &["accept", "model", "-y"],
    ] {
        place
            .ip2p(arguments)
            .assert()
            .code(2)
            .stderr(contains("is not a run folder: it has no plan.json").and(contains("hint: ")));
    }
}

#[test]
fn a_new_sweep_file_is_toml_whatever_it_is_told() {
    let place = Place::new();
    fs::create_dir(place.path("sweeps")).unwrap();
    for (number, instruction) in [
        "a\nb",
        "tab\there",
        "\u{7f}del",
        "\"\"\"",
        "'''",
        "back\\slash\\u00",
        "#!\r\n[x]",
    ]
    .iter()
    .enumerate()
    {
        let out = format!("sweeps/{number}.toml");
        let arguments = [
            "init",
            "in.png",
            instruction,
            "--model",
            "model",
            "--out",
            &out,
        ];
        let wrote = place.ip2p(&arguments).assert().success();
        wrote.stderr(contains("note: ").not());
        place.ip2p(&["plan", &out]).assert().success();
    }
}

#[test]
fn an_old_verdict_does_not_outlive_a_check_that_fails() {
    let place = Place::new();
    fs::write(place.path("s.toml"), sweep("")).unwrap();
    place.ip2p(&["check", "s.toml"]).assert().code(11);
    place
        .ip2p(&["accept", "results/s", "-y"])
        .assert()
        .success();
    place.ip2p(&["check", "s.toml"]).assert().success();
    let reports = ["junit.xml", "summary.md", "cells.csv"];
    let there = || {
        let path = place.path("results/s/check");
        reports.map(|name| path.join(name).exists())
    };
    assert_eq!(there(), [true; 3]);
    fs::write(place.path("results/s/check/theirs.md"), "x").unwrap();
    // First the model is missing, then the baseline is broken.
    fs::rename(place.path("model"), place.path("away")).unwrap();
    place
        .ip2p(&["check", "s.toml", "--out", "results/s"])
        .assert()
        .code(2);
    assert_eq!(there(), [false; 3]);
    fs::rename(place.path("away"), place.path("model")).unwrap();
    place.ip2p(&["check", "s.toml"]).assert().success();
    fs::write(place.path("results/baseline/s/manifest.json"), "{").unwrap();
    place.ip2p(&["check", "s.toml"]).assert().code(1);
    assert_eq!(there(), [false; 3]);
    assert!(place.path("results/s/check/theirs.md").exists());
}

#[test]
fn two_sweeps_of_one_name_do_not_take_turns_in_one_folder() {
    let place = Place::new();
    for (folder, seed) in [("a", 1), ("b", 2)] {
        fs::create_dir(place.path(folder)).unwrap();
        let text = sweep(&format!("seed = {seed}"))
            .replace("\"model\"", "\"../model\"")
            .replace("in.png", "../in.png");
        fs::write(place.path(folder).join("winter.toml"), text).unwrap();
    }
    place.ip2p(&["run", "a/winter.toml"]).assert().success();
    let before = fs::read(place.path("results/winter/cells.csv")).unwrap();
    for command in ["run", "check"] {
        place
            .ip2p(&[command, "b/winter.toml"])
            .assert()
            .code(2)
            .stderr(
                contains("results/winter is the run folder of another sweep")
                    .and(contains("a/winter.toml"))
                    .and(contains("--out")),
            );
    }
    assert_eq!(
        fs::read(place.path("results/winter/cells.csv")).unwrap(),
        before
    );
    place
        .ip2p(&["run", "b/winter.toml", "--out", "other"])
        .assert()
        .success();
    place
        .ip2p(&["run", "b/winter.toml", "--replace"])
        .assert()
        .success();
    assert_ne!(
        fs::read(place.path("results/winter/cells.csv")).unwrap(),
        before
    );
}

#[test]
fn an_axis_that_comes_or_goes_has_nothing_computed_again() {
    let place = Place::new();
    place.run(&sweep("seed = [1, 2]")).success();
    let told = text(
        &place
            .run(&sweep("seed = [1, 2]\nguidance_scale = [7.0, 3.0]"))
            .get_output()
            .clone(),
    );
    assert!(told.contains("s: 2 of 4 cells left to do"), "{told}");
    let told = text(&place.run(&sweep("seed = 2")).get_output().clone());
    assert!(told.contains("s: 0 of 1 cell left to do"), "{told}");
    let lines = fs::read_to_string(place.path("results/s/journal.jsonl")).unwrap();
    assert!(lines.lines().count() >= 4);
}

#[test]
fn a_scheduler_that_cannot_be_read_is_the_models_fault_and_names_it() {
    let place = Place::new();
    fs::write(
        place.path("model/scheduler/scheduler_config.json"),
        "{\"_class_name\": \"DDIMScheduler\", \"num_train_timesteps\": \"x\"}",
    )
    .unwrap();
    place.run(&sweep("")).code(3).stderr(
        contains("error: model folder model: scheduler_config.json: `num_train_timesteps` must be")
            .and(contains("hint: ")),
    );
}

#[test]
fn a_scheduler_that_the_sweep_names_is_none_that_the_model_must_have() {
    let place = Place::new();
    let config = place.path("model/scheduler/scheduler_config.json");
    let text = fs::read_to_string(&config).unwrap();
    let mut value: serde_json::Value = serde_json::from_str(&text).unwrap();
    value["_class_name"] = "FancyScheduler".into();
    fs::write(&config, value.to_string()).unwrap();
    let told = "scheduler_config.json: the class `FancyScheduler` is not supported";
    place.run(&sweep("")).code(3).stderr(
        contains(format!("error: model folder model: {told}"))
            .and(contains("hint: name a scheduler in the sweep file")),
    );
    place.run(&sweep("scheduler = \"ddim\"")).success();
    let doctor = place.ip2p(&["doctor", "model"]).assert();
    doctor.stdout(contains("warning  scheduler").and(contains(told)));
}

#[test]
fn masks_of_what_is_not_judged_are_read_before_time_is_spent() {
    let place = Place::new();
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n";
    fs::write(place.path("clock.png"), pointer).unwrap();
    fs::write(place.path("wall.png"), "no image").unwrap();
    let ignored =
        ["clock.png", "wall.png"].map(|mask| format!("[[check.ignore]]\nmask = {mask:?}\n"));
    fs::write(place.path("s.toml"), sweep("") + &ignored.concat()).unwrap();
    let mut check = place.ip2p(&["check", "s.toml"]);
    check.assert().code(2).stderr(
        contains("clock.png is a Git LFS pointer").and(contains("wall.png is not an image")),
    );
    assert!(!place.path("results/s").exists());
}

#[test]
fn what_a_model_does_not_read_of_a_text_is_told_in_short() {
    let place = Place::new();
    let long = "winter ".repeat(1_400);
    let text = sweep("").replace("make it winter", long.trim());
    fs::write(place.path("s.toml"), text).unwrap();
    let output = place.ip2p(&["plan", "s.toml"]).output().unwrap();
    assert!(output.status.success());
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.contains("this is cut off: \"") && told.len() < 600,
        "{told}"
    );
}

#[test]
fn sheets_and_report_go_where_they_may_be_written() {
    let place = Place::new();
    place.run(&sweep("")).success();
    fs::create_dir(place.path("shown")).unwrap();
    fs::write(place.path("shown/sheet-02.png"), "theirs").unwrap();
    place
        .ip2p(&["sheet", "results/s", "--out", "shown"])
        .assert()
        .success();
    place
        .ip2p(&["report", "results/s", "--out", "shown/page"])
        .assert()
        .success();
    assert!(place.path("shown/sheet.png").is_file());
    assert_eq!(
        fs::read(place.path("shown/sheet-02.png")).unwrap(),
        b"theirs"
    );
    let page = fs::read_to_string(place.path("shown/page/index.html")).unwrap();
    let mut images = page.split("../../results/s/cells/").skip(1);
    let name = images.find_map(|rest| rest.split_once(".png\"")).unwrap().0;
    let image = place.path("results/s/cells").join(format!("{name}.png"));
    assert!(image.is_file(), "{name}");
}

#[test]
fn what_could_not_read_an_image_is_made_again() {
    let place = Place::new();
    place.run(&sweep("")).success();
    let cell = fs::read_dir(place.path("results/s/cells"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let away = place.path("away.png");
    fs::rename(&cell, &away).unwrap();
    let told = place.ip2p(&["sheet", "results/s"]).assert().success();
    told.stderr(contains(
        "note: not shown, since missing or damaged: cells/",
    ));
    place.ip2p(&["report", "results/s"]).assert().success();
    let made = || {
        let files = ["sheets/sheet.png", "report/index.html"];
        files.map(|file| fs::read(place.path("results/s").join(file)).unwrap())
    };
    let without = made();
    // The file is back, and the run has nothing left to do.
    fs::rename(&away, &cell).unwrap();
    place
        .run(&sweep(""))
        .success()
        .stderr(contains("0 of 1 cell left to do"));
    let with = made();
    assert!(without[0] != with[0] && without[1] != with[1]);
    assert!(String::from_utf8_lossy(&without[1]).contains("run the sweep again"));
}
