//! Runs whose process dies, or whose disk is full.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread;
use std::time::Duration;

use ip2p_sweep::store::Run;
use miette::Diagnostic;

use super::fixture::{finished, open, picture, plan, record, record_all};
use super::tree::tree;

/// Starts this test program again, to run the test `name` on a folder.
fn again(name: &str, folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", &of_this_module(name), "--nocapture"])
        .env("IP2P_TEST_FOLDER", folder);
    command
}

/// The name of a test of this module in the test program, without the program's own name.
fn of_this_module(test: &str) -> String {
    let (_, module) = module_path!().split_once("::").unwrap();
    format!("{module}::{test}")
}

/// The folder, if this process was started by [`again`].
fn told_folder() -> Option<PathBuf> {
    std::env::var_os("IP2P_TEST_FOLDER").map(PathBuf::from)
}

#[test]
fn a_run_that_is_killed_again_and_again_comes_to_the_same_end() {
    const CELLS: u64 = 80;
    let plan = plan(CELLS);
    if let Some(folder) = told_folder() {
        record_all(&mut open(&folder, &plan).unwrap(), &plan);
        return;
    }
    let (whole, killed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    finished(whole.path(), CELLS);
    let journal = killed.path().join("journal.jsonl");
    let length = || fs::metadata(&journal).map_or(0, |metadata| metadata.len());
    // The line that says who writes is not a cell.
    drop(open(killed.path(), &plan).unwrap());
    let this = "a_run_that_is_killed_again_and_again_comes_to_the_same_end";
    let (mut done, mut kills) = (0, 0);
    while done < CELLS as usize {
        let before = length();
        let mut child: Child = again(this, killed.path()).spawn().unwrap();
        while length() == before && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_micros(200));
        }
        std::thread::sleep(Duration::from_micros(kills * 7300 % 61_000));
        child.kill().unwrap();
        child.wait().unwrap();
        let pending = open(killed.path(), &plan).unwrap().pending().len();
        let now = CELLS as usize - pending;
        assert!(now > done || pending == 0, "{now} cells after {done}");
        (done, kills) = (now, kills + u64::from(pending > 0));
    }
    assert!(
        kills > 2,
        "only {kills} processes were killed in the middle"
    );
    let mut run = open(killed.path(), &plan).unwrap();
    run.finish().unwrap();
    drop(run);
    assert_eq!(tree(killed.path()), tree(whole.path()));
}

#[test]
fn a_folder_in_use_names_its_process_and_is_free_when_that_dies() {
    let plan = plan(1);
    if let Some(folder) = told_folder() {
        let _run = open(&folder, &plan).unwrap();
        std::thread::sleep(Duration::from_secs(60));
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let this = "a_folder_in_use_names_its_process_and_is_free_when_that_dies";
    let mut child = again(this, folder.path()).spawn().unwrap();
    while !folder.path().join("steps.csv").exists() {
        thread::sleep(Duration::from_millis(5));
    }
    let error = open(folder.path(), &plan).unwrap_err();
    // Windows keeps others from reading a locked file, so the process may be unknown there.
    let owner = if cfg!(unix) {
        format!("process {}", child.id())
    } else {
        "another process".to_owned()
    };
    assert_eq!(
        error.to_string(),
        format!(
            "run folder {} is in use by {owner}",
            folder.path().display()
        )
    );
    assert!(error.help().unwrap().to_string().contains("--out"));
    assert!(Run::read(folder.path()).is_ok());
    child.kill().unwrap();
    child.wait().unwrap();
    open(folder.path(), &plan).unwrap();
}

/// A "full disk": the shell limits the size of files that the process may write.
#[cfg(unix)]
#[test]
fn a_full_disk_stops_the_run_and_loses_nothing() {
    let plan = plan(60);
    if let Some(folder) = told_folder() {
        let mut run = open(&folder, &plan).unwrap();
        let error = (0..60).find_map(|cell| {
            let mut long = record(&plan, cell);
            long.steps = vec![long.steps[0].clone(); 30].into();
            run.record(long, Some(&picture(cell))).err()
        });
        let error = error.expect("the limit on the size of files does not hold");
        assert!(error.to_string().starts_with("cannot write "), "{error}");
        assert_eq!(
            error.help().unwrap().to_string(),
            "free some space and run again: finished cells are kept"
        );
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path(), &plan).unwrap());
    // 96 blocks of 512 bytes (1024 in some shells): the plan fits, the journal of all cells does not.
    let full = Command::new("sh")
        .args([
            "-c",
            "trap '' XFSZ; ulimit -f \"$1\"; shift; exec \"$@\"",
            "sh",
            "96",
        ])
        .arg(std::env::current_exe().unwrap())
        .args([
            "--exact",
            &of_this_module("a_full_disk_stops_the_run_and_loses_nothing"),
            "--nocapture",
        ])
        .env("IP2P_TEST_FOLDER", folder.path())
        .output()
        .unwrap();
    assert!(
        full.status.success(),
        "{}",
        String::from_utf8_lossy(&full.stderr)
    );
    let left: Vec<_> = fs::read_dir(folder.path().join("cells"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert!(
        left.iter()
            .all(|path| path.extension().is_some_and(|extension| extension == "png")),
        "{left:?}"
    );
    let mut run = open(folder.path(), &plan).unwrap();
    let pending = run.pending();
    assert!(pending.len() < 60 && !pending.is_empty());
    record_all(&mut run, &plan);
    assert!(run.pending().is_empty());
}
