//! `ip2p run --devices`: one process for each device, and one run from all of them.

use std::fs;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use assert_cmd::assert::OutputAssertExt;
use predicates::str::contains;

use crate::merged::{assert_same_run, images, place, run};

#[test]
fn two_devices_make_the_run_of_one() {
    let place = place();
    run(&place, &["--out", "whole"]).assert().success();
    place
        .ip2p(&["run", "s.toml", "--out", "out", "--devices", "cpu,cpu"])
        .assert()
        .success()
        .stderr(contains("s: 24 cells\n"))
        .stdout(contains("done     24 cells in out"));
    assert_same_run(&place.path("whole"), &place.path("out"));
    let journals = fs::read_dir(place.path("out/shards")).unwrap();
    let journals =
        journals.filter(|it| it.as_ref().unwrap().path().extension().unwrap() == "jsonl");
    assert_eq!(journals.count(), 8, "four shards for each device");
    // The second time there is nothing to do.
    let before = images(&place.path("out"));
    place
        .ip2p(&["run", "s.toml", "--out", "out", "--devices", "cpu,cpu"])
        .assert()
        .success()
        .stderr(contains("0 of 24 cells left to do"));
    assert!(images(&place.path("out")) == before);
}

#[test]
fn a_device_that_fails_costs_its_shard_which_the_others_take_up() {
    let place = place();
    place
        .ip2p(&["run", "s.toml", "--out", "out", "--devices", "cuda:7,cpu"])
        .assert()
        .success()
        .stderr(contains(
            "cuda:7 failed (exit code 3); others take up its shard",
        ))
        .stdout(contains("done     24 cells in out"));
    place
        .ip2p(&[
            "run",
            "s.toml",
            "--out",
            "none",
            "--devices",
            "cuda:7,cuda:8",
        ])
        .assert()
        .code(3)
        .stdout(contains("no device works"));
    place
        .ip2p(&["run", "s.toml", "--devices", "cpu", "--shard", "1/2"])
        .assert()
        .code(2);
}

#[cfg(unix)]
#[test]
fn devices_stop_when_they_are_asked_to_and_go_on_later() {
    let place = place();
    let sweep = fs::read_to_string(place.path("s.toml")).unwrap();
    fs::write(
        place.path("s.toml"),
        sweep.replace("steps = 2", "steps = 60"),
    )
    .unwrap();
    let mut parent = place
        .ip2p(&["run", "s.toml", "--out", "out", "--devices", "cpu,cpu"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let patience = Instant::now() + Duration::from_secs(240);
    while !place.path("out/cells").is_dir() || images(&place.path("out")).is_empty() {
        assert!(Instant::now() < patience, "no cell was finished");
        sleep(Duration::from_millis(20));
    }
    let pid = parent.id().to_string();
    Command::new("kill")
        .args(["-TERM", &pid])
        .assert()
        .success();
    assert_eq!(parent.wait().unwrap().code(), Some(130));
    let before = images(&place.path("out"));
    assert!(before.len() < 24);
    place
        .ip2p(&[
            "run",
            "s.toml",
            "--out",
            "out",
            "--devices",
            "cpu,cpu",
            "-q",
        ])
        .assert()
        .success();
    let after = images(&place.path("out"));
    assert_eq!(after.len(), 24);
    assert!(before.iter().all(|(name, bytes)| after[name] == *bytes));
}
