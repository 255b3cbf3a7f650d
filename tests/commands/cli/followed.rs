//! The progress of runs, and what stops them.

use std::fs;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use assert_cmd::assert::OutputAssertExt;
use predicates::prelude::*;
use predicates::str::{contains, starts_with};
use serde_json::Value;

use super::fixture::{Place, sweep};
use crate::common::interrupt;

#[test]
fn a_run_says_where_its_sheets_are_and_a_second_one_does_nothing() {
    let place = Place::new();
    place
        .run(&sweep(""))
        .success()
        .stdout(
            starts_with("done     1 cell in results/s\n")
                .and(contains("sheet    results/s/sheets/sheet.png ("))
                .and(contains("\ntook     ").and(contains(": loading "))),
        )
        .stderr(starts_with("s: 1 cell\n").and(contains("100%  1/1 cell  ")));
    let journal = fs::read(place.path("results/s/journal.jsonl")).unwrap();
    let made = |name: &str| {
        let file = fs::metadata(place.path(format!("results/s/{name}"))).unwrap();
        file.modified().unwrap()
    };
    let planned = place.ip2p(&["plan", "s.toml"]).assert().success();
    planned.stdout(contains("time    none: nothing is left to do\n"));
    let views = || [made("sheets/sheet.png"), made("report/index.html")];
    let before = views();
    place
        .run(&sweep(""))
        .success()
        .stdout(
            contains("sheet    results/s/sheets/sheet.png (")
                .and(contains("report   results/s/report/index.html")),
        )
        .stderr("s: 0 of 1 cell left to do\n");
    assert_eq!(
        fs::read(place.path("results/s/journal.jsonl")).unwrap(),
        journal
    );
    assert_eq!(views(), before, "nothing has changed that they show");
    let sheet = fs::read(place.path("results/s/sheets/sheet.png")).unwrap();
    place
        .ip2p(&["sheet", "results/s", "--cell", "99"])
        .assert()
        .success()
        .stdout(contains("results/s/sheets/sheet.png ("));
    place
        .ip2p(&["sheet", "results/s", "--rows", "seed", "--merge", "seed"])
        .assert()
        .code(2)
        .stderr(contains(
            "--rows and --merge are both seed: choose two different axes",
        ));
    place
        .ip2p(&["sheet", "results/s", "--rows", "scheduler"])
        .assert()
        .success()
        .stderr("note: --rows scheduler does nothing: the run has one scheduler only\n");
    fs::remove_file(place.path("results/s/report/index.html")).unwrap();
    place.run(&sweep("")).success();
    assert_eq!(
        fs::read(place.path("results/s/sheets/sheet.png")).unwrap(),
        sheet,
        "the sweep's own sheet is drawn again over another one"
    );
    assert!(made("report/index.html") > before[1]);
}

#[test]
fn chosen_cells_have_a_sheet_of_their_own_and_unknown_ones_are_told() {
    let place = Place::new();
    place.run(&sweep("seed = [1, 2]")).success();
    let sheet = || fs::read(place.path("results/s/sheets/sheet.png")).unwrap();
    let before = sheet();
    let only = |cell: &str| place.ip2p(&["sheet", "results/s", "--only", cell]).assert();
    only("s1")
        .success()
        .stdout(contains("results/s/sheets/chosen.png ("));
    assert_eq!(sheet(), before);
    only("s3-abc").code(2).stderr(
        contains("error: results/s has no cell s3-abc\n")
            .and(contains("cells.csv lists the cells of a run"))
            .and(contains("; did you mean s")),
    );
    only("s")
        .code(2)
        .stderr(contains("results/s has no cell s\n"));
}

#[test]
fn json_output_is_one_event_a_line_and_quiet_output_is_none() {
    let place = Place::new();
    fs::write(place.path("s.toml"), sweep("seed = [1, 2]")).unwrap();
    let output = place.ip2p(&["run", "s.toml", "--json"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let events: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let count = |event: &str| {
        events
            .iter()
            .filter(|value| value["event"] == event)
            .count()
    };
    assert_eq!((count("begin"), count("cell"), count("end")), (1, 2, 1));
    let steps = events.iter().filter(|value| value["event"] == "step");
    let advanced: usize = steps
        .map(|step| step["cells"].as_array().unwrap().len())
        .sum();
    assert_eq!(advanced, 4, "two steps of two cells, together or not");
    place
        .ip2p(&["run", "s.toml", "--quiet", "--out", "other"])
        .assert()
        .success()
        .stdout("")
        .stderr("");
}

#[test]
fn a_folder_that_another_process_holds_is_left_alone() {
    let place = Place::new();
    place.run(&sweep("")).success();
    let lock = fs::File::open(place.path("results/s/.lock")).unwrap();
    lock.lock().unwrap();
    place
        .run(&sweep("seed = 5"))
        .code(1)
        .stderr(contains("results/s").and(contains("hint: ")));
}

#[test]
fn a_folder_of_other_things_is_left_alone() {
    let place = Place::new();
    fs::write(place.path("s.toml"), sweep("")).unwrap();
    let refused = place
        .ip2p(&["run", "s.toml", "--out", "model"])
        .assert()
        .code(1);
    refused.stderr(contains("is not a run folder and is not empty").and(contains("hint: ")));
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_exits_with_130_and_keeps_what_was_done() {
    let place = Place::new();
    fs::write(
        place.path("s.toml"),
        sweep("seed = { from = 1, count = 2000 }"),
    )
    .unwrap();
    let mut child = place
        .ip2p(&["run", "s.toml"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let journal = place.path("results/s/journal.jsonl");
    let patience = Instant::now() + Duration::from_secs(120);
    let recorded = || {
        let lines = fs::read_to_string(&journal).unwrap_or_default();
        let cells = lines.lines().filter(|line| line.starts_with("{\"cell\""));
        cells.count()
    };
    while recorded() == 0 {
        assert!(Instant::now() < patience, "no cell was finished");
        sleep(Duration::from_millis(5));
    }
    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let done = recorded();
    assert!((1..2000).contains(&done), "{done} cells");
    let rows = fs::read_to_string(place.path("results/s/cells.csv"))
        .unwrap()
        .lines()
        .count();
    assert_eq!(rows, 1 + done, "the tables say what the journal says");
    let page = fs::read_to_string(place.path("results/s/report/index.html")).unwrap();
    assert!(
        page.contains("not there yet"),
        "the report was written while the run went on"
    );
}

#[test]
fn a_comparison_ends_with_the_pairs_their_medians_and_where_all_of_it_lies() {
    let place = Place::new();
    place.run(&sweep("seed = [1, 2]")).success();
    fs::write(place.path("t.toml"), sweep("seed = [2, 3]")).unwrap();
    place.ip2p(&["run", "t.toml"]).assert().success();
    let mut command = place.ip2p(&["compare", "results/s", "results/t"]);
    let text = String::from_utf8(command.output().unwrap().stdout).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    let at = |part: &str| lines.iter().position(|line| line.contains(part)).unwrap();
    assert!(lines[at("only in A: ")].contains("seed 1"), "{text}");
    assert!(lines[at("only in B: ")].contains("seed 3"), "{text}");
    assert!(at("only in B: ") < at("perceptual  ssim"), "{text}");
    assert!(lines[at("equal")].contains(" 1 "), "{text}");
    let medians = "1 cell in both; medians: perceptual 0.00 (1 is just noticeable), time ";
    assert!(at(medians) < at("results/s-vs-t/compare.csv"), "{text}");
}

#[test]
fn a_comparison_of_images_that_differ_in_size_says_so_once() {
    let place = Place::new();
    place.run(&sweep("seed = [1, 2]")).success();
    let other = sweep("seed = [1, 2]\n[size]\nresolution = 32");
    fs::write(place.path("t.toml"), other).unwrap();
    place.ip2p(&["run", "t.toml"]).assert().success();
    let compared = place.ip2p(&["compare", "results/s", "results/t"]).assert();
    compared.success().stdout(
        contains("\n2 cells not compared: the images differ in size: ")
            .count(1)
            .and(contains("medians: perceptual - (1 is just noticeable)")),
    );
}
