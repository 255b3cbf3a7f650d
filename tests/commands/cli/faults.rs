//! How commands react to the system, to other programs and to other people's files.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use assert_cmd::assert::OutputAssertExt;
use predicates::prelude::*;
use predicates::str::contains;

use super::fixture::{Place, sweep};
use crate::common::{forget_digests, library};

fn text(output: &Output) -> String {
    let both = [output.stdout.as_slice(), &output.stderr].concat();
    String::from_utf8_lossy(&both).into_owned()
}

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

#[cfg(unix)]
#[test]
fn signals_that_are_ignored_from_the_start_stay_so_as_hangups_under_nohup() {
    let place = Place::new();
    fs::write(
        place.path("s.toml"),
        sweep("seed = { from = 1, count = 60 }"),
    )
    .unwrap();
    let run = place.ip2p(&["run", "s.toml"]);
    let mut command = Command::new("sh");
    // What nohup does, without its files, and a shell for what a script runs in the background.
    command.args(["-c", "trap '' HUP INT TERM; exec \"$0\" \"$@\""]);
    command.arg(run.get_program()).args(run.get_args());
    command
        .current_dir(place.path(""))
        .env("ORT_DYLIB_PATH", library().path);
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
    let journal = place.path("results/s/journal.jsonl");
    let patience = Instant::now() + Duration::from_secs(120);
    while fs::metadata(&journal).map_or(0, |found| found.len()) == 0 {
        assert!(Instant::now() < patience, "no cell was finished");
        sleep(Duration::from_millis(5));
    }
    for signal in ["-HUP", "-INT", "-TERM"] {
        let mut kill = Command::new("kill");
        let sent = kill.args([signal, &child.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let lines = fs::read_to_string(&journal).unwrap();
    assert_eq!(lines.matches("\"status\":\"done\"").count(), 60);
}

#[cfg(unix)]
#[test]
fn a_limit_of_file_sizes_is_an_error_that_says_what_to_do() {
    let place = Place::new();
    fs::write(
        place.path("s.toml"),
        sweep("seed = { from = 1, count = 3 }"),
    )
    .unwrap();
    let run = place.ip2p(&["run", "s.toml"]);
    for blocks in [0, 1, 2, 8] {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit -f {blocks}; exec \"$0\" \"$@\"")]);
        command.arg(run.get_program()).args(run.get_args());
        command
            .current_dir(place.path(""))
            .env("ORT_DYLIB_PATH", library().path);
        let output = command.output().unwrap();
        let told = text(&output);
        assert_eq!(output.status.code(), Some(1), "{blocks}: {told}");
        assert!(
            told.contains("cannot write") && told.contains("free some space"),
            "{told}"
        );
    }
    place.ip2p(&["run", "s.toml"]).assert().success();
    // A new file is whole or not there, so that the same command works once there is space.
    let init = place.ip2p(&["init", "in.png", "make it winter", "--out", "new.toml"]);
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -f 1; exec \"$0\" \"$@\""]);
    command.arg(init.get_program()).args(init.get_args());
    let output = command.current_dir(place.path("")).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(!place.path("new.toml").exists());
    let mut init = place.ip2p(&["init", "in.png", "make it winter", "--out", "new.toml"]);
    init.assert().success();
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
fn commands_to_ci_services_in_plans_and_journals_are_defused() {
    let place = Place::new();
    place.run(&sweep("")).success();
    for name in ["plan.json", "journal.jsonl"] {
        let path = place.path("results/s").join(name);
        let text = fs::read_to_string(&path).unwrap();
        let text = text.replace("make it winter", "x\\n::error::gone\\n##[group]y");
        let text = text.replace("\"device\":\"cpu\"", "\"device\":\"\\n::stop-commands::z\"");
        fs::write(&path, text).unwrap();
    }
    forget_digests(&place.path("results/s"));
    fs::remove_dir_all(place.path("results/s/cells")).unwrap();
    for arguments in [
        &["sheet", "results/s"][..],
        &["report", "results/s"],
        &["compare", "results/s", "results/s"],
        &["table", "results/s"],
        &["accept", "results/s", "-y"],
        &["run", "s.toml", "--out", "results/s", "--json"],
        &["accept", "results/s", "-y", "--json"],
        &["run", "s.toml"],
    ] {
        let told = text(&place.ip2p(arguments).output().unwrap());
        let is_command = |line: &str| line.trim_start().starts_with("::") || line.contains("##[");
        assert!(!told.lines().any(is_command), "{arguments:?}: {told}");
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

#[cfg(unix)]
#[test]
fn a_link_in_place_of_a_checks_reports_is_refused() {
    let place = Place::new();
    place.run(&sweep("")).success();
    fs::create_dir(place.path("elsewhere")).unwrap();
    std::os::unix::fs::symlink(place.path("elsewhere"), place.path("results/s/check")).unwrap();
    place
        .ip2p(&["check", "s.toml"])
        .assert()
        .code(1)
        .stderr(contains("is a symbolic link"));
    assert_eq!(fs::read_dir(place.path("elsewhere")).unwrap().count(), 0);
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
fn results_do_not_say_where_a_model_lies() {
    let place = Place::new();
    let model = place.path("model").display().to_string();
    let image = place.path("in.png").display().to_string();
    let text = sweep("")
        .replace("\"model\"", &format!("{model:?}"))
        .replace("in.png", &image);
    place.run(&text).success();
    let folder = place.path("").display().to_string();
    let holds = |path: &Path| {
        let bytes = fs::read(path).unwrap();
        bytes
            .windows(folder.len())
            .any(|part| part == folder.as_bytes())
    };
    for folder in ["cells", "inputs", "sheets"] {
        for entry in fs::read_dir(place.path("results/s").join(folder)).unwrap() {
            let path = entry.unwrap().path();
            assert!(!holds(&path), "{}", path.display());
        }
    }
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

#[cfg(target_os = "linux")]
#[test]
fn devices_and_pipes_in_place_of_files_are_errors() {
    use std::os::unix::fs::symlink;
    let place = Place::new();
    place.run(&sweep("")).success();
    place
        .ip2p(&["accept", "results/s", "-y"])
        .assert()
        .success();
    let pipe = place.path("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    for target in [Path::new("/dev/zero"), &pipe] {
        for (file, arguments) in [
            ("results/s/plan.json", &["report", "results/s"][..]),
            ("results/s/journal.jsonl", &["sheet", "results/s"]),
            ("results/baseline/s/manifest.json", &["check", "s.toml"]),
        ] {
            let path = place.path(file);
            let kept = fs::read(&path).unwrap();
            fs::remove_file(&path).unwrap();
            symlink(target, &path).unwrap();
            let output = place.ip2p(arguments).output().unwrap();
            assert_eq!(output.status.code(), Some(1), "{file}: {}", text(&output));
            assert!(
                text(&output).contains("it is not a regular file"),
                "{}",
                text(&output)
            );
            fs::remove_file(&path).unwrap();
            fs::write(&path, kept).unwrap();
        }
        for file in [
            "tokenizer/vocab.json",
            "tokenizer/merges.txt",
            "unet/config.json",
            "unet/model.onnx",
        ] {
            let path = place.path("model").join(file);
            let kept = fs::read(&path).unwrap();
            fs::remove_file(&path).unwrap();
            symlink(target, &path).unwrap();
            let mut plan = place.ip2p(&["plan", "s.toml"]);
            plan.assert().code(3).stderr(contains("error: "));
            fs::remove_file(&path).unwrap();
            fs::write(&path, kept).unwrap();
        }
        let font = target.display().to_string();
        place
            .ip2p(&["sheet", "results/s", "--font", &font])
            .assert()
            .code(2)
            .stderr(contains("it is not a regular file"));
    }
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
