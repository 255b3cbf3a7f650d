//! `ip2p jobs`: the printed script and manifest are accepted by the usual tools.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use assert_cmd::assert::OutputAssertExt;
use predicates::prelude::*;
use predicates::str::contains;

use crate::common::place::Place;

const SWEEP: &str = "name = \"winter.2\"\nmodel = \"model\"\n[sweep]\nimage = \"in.png\"\ninstruction = \"make it winter\"\n";

/// The versions of Kubernetes whose schemas a manifest must conform to.
const KUBERNETES: [&str; 8] = [
    "1.30", "1.31", "1.32", "1.33", "1.34", "1.35", "1.36", "1.37",
];

fn jobs(place: &Place, arguments: &[&str]) -> String {
    fs::write(place.path("it's winter.toml"), SWEEP).unwrap();
    let all = [&["jobs", "it's winter.toml"], arguments].concat();
    let printed = place.ip2p(&all).assert().success();
    String::from_utf8(printed.get_output().stdout.clone()).unwrap()
}

fn passes(command: &mut Command) {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        status.success(),
        "{command:?}\n{}{}",
        text(&stdout),
        text(&stderr)
    );
}

/// Whether a program needed by the tests can be run; otherwise prints why a test is skipped.
fn is_there(program: &str, arguments: &[&str]) -> bool {
    let found = Command::new(program).args(arguments).output();
    let is_there = found.is_ok_and(|output| output.status.success());
    if !is_there {
        println!(
            "skipped: `{program} {}` does not work here",
            arguments.join(" ")
        );
    }
    is_there
}

#[test]
fn the_slurm_script_is_one_that_bash_and_shellcheck_accept() {
    let place = Place::new();
    let script = jobs(&place, &["--slurm", "--shards", "24", "--out", "re sults"]);
    let path = place.path("winter.sh");
    fs::write(&path, &script).unwrap();
    passes(Command::new("bash").arg("-n").arg(&path));
    if is_there("shellcheck", &["--version"]) {
        passes(Command::new("shellcheck").arg(&path));
    }
    let sweep = place.path("it's winter.toml");
    let quoted = sweep.display().to_string().replace('\'', r"'\''");
    assert!(script.contains(&format!("sweep='{quoted}'\n")), "{script}");
    assert!(script.contains("--shard \"auto/$shards\""), "{script}");
}

#[test]
fn the_slurm_script_submits_an_array_and_a_job_after_it() {
    let place = Place::new();
    let script = jobs(&place, &["--slurm", "--shards", "24"]);
    fs::write(place.path("winter.sh"), &script).unwrap();
    // A scheduler that only records its arguments.
    let told = "#!/bin/sh\nprintf '%s\\n' \"$*\" >>told\necho 77\n";
    fs::write(place.path("sbatch"), told).unwrap();
    passes(Command::new("chmod").arg("+x").arg(place.path("sbatch")));
    let submit = |more: &[&str]| {
        let path = format!("{}:{}", place.folder.path().display(), env!("PATH"));
        let mut bash = Command::new("bash");
        bash.arg("winter.sh").args(more).env("PATH", path);
        passes(bash.current_dir(place.folder.path()));
        let told = fs::read_to_string(place.path("told")).unwrap();
        fs::remove_file(place.path("told")).unwrap();
        told
    };
    let told = submit(&[]);
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), 2, "{told}");
    for part in [
        "--array=0-23%8",
        "--requeue",
        "--signal=TERM@120",
        "--gres=gpu:1",
        "winter.sh task",
    ] {
        assert!(lines[0].contains(part), "{part}: {told}");
    }
    for part in ["--dependency=afterany:77", "winter.sh merge"] {
        assert!(lines[1].contains(part), "{part}: {told}");
    }
    assert!(!lines[1].contains("--gres"), "{told}");
    assert!(submit(&["3,7"]).contains("--array=3,7%8"));
    // By default a step has one CPU, and a task no more threads than it has CPUs.
    fs::rename(place.path("sbatch"), place.path("srun")).unwrap();
    let task = submit(&["task"]);
    for part in ["--cpus-per-task=4", "--shard auto/24", "--threads 4"] {
        assert!(task.contains(part), "{part}: {task}");
    }
}

#[test]
fn the_manifest_meets_the_strict_schemas_of_the_last_eight_kubernetes() {
    let place = Place::new();
    let manifest = jobs(
        &place,
        &[
            "--kubernetes",
            "--shards",
            "8",
            "--image",
            "r.example.org/a b:\"1\"",
        ],
    );
    fs::write(place.path("winter.yaml"), &manifest).unwrap();
    let python = std::env::var("IP2P_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    if !is_there(&python, &["-c", "import kubernetes_validate, yaml"]) {
        return;
    }
    let check = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/shards/check_manifest.py");
    let mut command = Command::new(&python);
    passes(
        command
            .arg(&check)
            .arg(place.path("winter.yaml"))
            .args(KUBERNETES),
    );
    // The check can fail: it refuses a key that no version knows.
    let wrong = manifest.replace("completionMode", "completionMood");
    fs::write(place.path("wrong.yaml"), wrong).unwrap();
    let mut command = Command::new(&python);
    command
        .arg(&check)
        .arg(place.path("wrong.yaml"))
        .args(KUBERNETES);
    assert!(!command.output().unwrap().status.success());
}

#[test]
fn jobs_needs_a_scheduler_and_a_number_of_shards() {
    let place = Place::new();
    fs::write(place.path("s.toml"), SWEEP).unwrap();
    let refused = |arguments: &[&str], said: &str| {
        let all = [&["jobs", "s.toml"], arguments].concat();
        place.ip2p(&all).assert().code(2).stderr(contains(said));
    };
    refused(&["--shards", "4"], "--slurm");
    refused(&["--slurm"], "--shards");
    refused(
        &["--slurm", "--kubernetes", "--shards", "4"],
        "cannot be used with",
    );
    refused(&["--slurm", "--shards", "0"], "0 is not in 1..=100000");
    place
        .ip2p(&["jobs", "none.toml", "--slurm", "--shards", "4"])
        .assert()
        .code(2)
        .stdout(predicate::str::is_empty());
}
