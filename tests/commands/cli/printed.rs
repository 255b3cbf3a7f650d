//! Commands that only print or write a file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use assert_cmd::assert::OutputAssertExt;
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;

use super::fixture::Place;

#[test]
fn every_example_sweep_has_a_plan() {
    let sweeps = Path::new(env!("CARGO_MANIFEST_DIR")).join("sweeps");
    let files = fs::read_dir(sweeps)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let files: Vec<PathBuf> = files
        .filter(|path| path.extension().is_some_and(|end| end == "toml"))
        .collect();
    assert!(files.len() >= 7);
    for file in files {
        Command::new(env!("CARGO_BIN_EXE_ip2p"))
            .arg("plan")
            .arg(file)
            .assert()
            .success();
    }
}

#[test]
fn a_new_sweep_file_has_a_plan() {
    let place = Place::new();
    let instruction = "make it \"winter\" \\ now";
    place
        .ip2p(&["init", "in.png", instruction, "--model", "model"])
        .assert()
        .success();
    place
        .ip2p(&["plan", "sweep.toml"])
        .assert()
        .success()
        .stdout(contains(instruction));
    place
        .ip2p(&["init", "in.png", "x"])
        .assert()
        .code(1)
        .stderr(
            contains("sweep.toml").and(contains("hint: delete it, or name another one with --out")),
        );
    place
        .ip2p(&["init", "no.png", "x", "--out", "other.toml"])
        .assert()
        .success()
        .stdout("wrote other.toml\n")
        .stderr(
            contains("note: image \"no.png\" does not exist").and(contains(
                "note: the model is the bundled one, which knows drawings",
            )),
        );
}

#[test]
fn schema_and_completions_are_printed() {
    let place = Place::new();
    let schema = place.ip2p(&["schema"]).output().unwrap().stdout;
    let schema: Value = serde_json::from_slice(&schema).unwrap();
    assert!(schema["properties"]["sweep"].is_object());
    place
        .ip2p(&["completions", "bash"])
        .assert()
        .success()
        .stdout(contains("ip2p"));
    place.ip2p(&[]).assert().code(2);
    place.ip2p(&["run"]).assert().code(2);
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_a_failure_but_a_reader_that_went_away_is_none() {
    let place = Place::new();
    let full = fs::File::create("/dev/full").unwrap();
    let schema = |stdout: Stdio| place.ip2p(&["schema"]).stdout(stdout).output().unwrap();
    let lost = schema(full.into());
    assert_eq!(lost.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(lost.stderr).unwrap(),
        "error: cannot write to standard output: No space left on device (os error 28)\n\
         hint: free some space, or redirect the output elsewhere\n"
    );
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let gone = schema(writer.into());
    assert_eq!(gone.status.code(), Some(0));
    assert_eq!(gone.stderr, b"");
}

#[test]
fn a_plan_of_very_many_values_is_short_and_says_how_many_there_are() {
    let place = Place::new();
    let sweep = "model = \"model\"\n[sweep]\nimage = \"in.png\"\ninstruction = [\"snow, fog\", \"night\"]\n\
                 seed = { from = 1, count = 12000 }\n";
    fs::write(place.path("s.toml"), sweep).unwrap();
    let plan = place.ip2p(&["plan", "s.toml"]).assert().success();
    let printed = String::from_utf8(plan.get_output().stdout.clone()).unwrap();
    assert!(
        printed.contains("1, 2, 3, 4, 5, 6, 7, 8, …, 12000 (12000 values)"),
        "{printed}"
    );
    assert!(printed.contains("\"snow, fog\", \"night\""), "{printed}");
    assert!(printed.lines().all(|line| line.len() < 300), "{printed}");
    assert!(printed.lines().count() < 30, "{printed}");
}

#[test]
fn very_many_presets_are_so_many_cells_and_no_more() {
    let place = Place::new();
    let presets = (0..1100).map(|n| format!("[[preset]]\nname = \"p{n}\"\nseed = {n}\n"));
    let sweep = format!(
        "model = \"model\"\n[sweep]\nimage = \"in.png\"\ninstruction = \"night\"\n{}",
        presets.collect::<String>()
    );
    fs::write(place.path("s.toml"), sweep).unwrap();
    let plan = place.ip2p(&["plan", "s.toml"]).assert().success();
    plan.stdout(contains("s: 1100 presets\n").and(contains("cells   1100\n")));
}

#[test]
fn a_plan_in_shards_says_what_each_does_and_what_is_done_twice() {
    let place = Place::new();
    let sweep = "model = \"model\"\n[sweep]\nimage = \"in.png\"\ninstruction = [\"winter\", \"night\"]\n\
                 seed = { from = 1, count = 8 }\nnum_inference_steps = 2\n";
    fs::write(place.path("s.toml"), sweep).unwrap();
    place
        .ip2p(&["plan", "s.toml", "--shards", "4"])
        .assert()
        .success()
        .stdout(
            contains("shard  cells  UNet rows  models  texts  images  load\n1/4        4         ")
                .and(contains("largest   1.00 of the mean\n"))
                .and(contains(
                    "repeated  3 models, 9 texts, 3 images, which several shards need",
                )),
        );
    place
        .ip2p(&["plan", "s.toml", "--shards", "0"])
        .assert()
        .code(2);
}
