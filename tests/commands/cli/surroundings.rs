//! How commands react to the system they run on, and to files that somebody else made.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use assert_cmd::assert::OutputAssertExt;
use predicates::str::contains;

use super::fixture::{Place, sweep, text};
use crate::common::{forget_digests, library};

#[cfg(unix)]
#[test]
fn signals_that_are_ignored_from_the_start_stay_so_as_hangups_under_nohup() {
    let place = Place::new();
    fs::write(
        place.path("s.toml"),
        sweep("seed = { from = 1, count = 20 }"),
    )
    .unwrap();
    let run = place.ip2p(&["run", "s.toml"]);
    let mut command = Command::new("sh");
    // What nohup does, without its files, and a shell for what a script runs in the background. The signals come from
    // before the program's first instruction to after its last.
    command.args([
        "-c",
        "trap '' HUP INT TERM
        while kill -HUP $$ && kill -INT $$ && kill -TERM $$; do :; done 2>/dev/null &
        exec \"$0\" \"$@\"",
    ]);
    command.arg(run.get_program()).args(run.get_args());
    command
        .current_dir(place.path(""))
        .env("ORT_DYLIB_PATH", library().path);
    let run = command.stdout(Stdio::null()).status().unwrap();
    assert_eq!(run.code(), Some(0));
    let lines = fs::read_to_string(place.path("results/s/journal.jsonl")).unwrap();
    assert_eq!(lines.matches("\"status\":\"done\"").count(), 20);
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
