//! A cell is identified by its hash, whatever its name, and its image must be what was written.

use std::fs;
use std::path::Path;

use ip2p_sweep::plan::Plan;
use ip2p_sweep::store::{HeldFolder, Run, StoreError};
use miette::Diagnostic;

use super::fixture::{SWEEP, finished, open, picture, plan, record, record_all, take};
use crate::environment::environment;

/// The plan with another name for every cell, as when an axis comes or goes; hashes differ from cell to cell.
fn named(cells: u64, name: &str) -> Plan {
    let mut plan = serde_json::to_value(plan(cells)).unwrap();
    for (index, cell) in plan["cells"].as_array_mut().unwrap().iter_mut().enumerate() {
        cell["key"] = format!("{name}{index}-0123456789a{index:x}").into();
    }
    serde_json::from_value(plan).unwrap()
}

fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder.join("cells")).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn cells_that_are_renamed_are_not_computed_again_and_lie_there_once() {
    let folder = tempfile::tempdir().unwrap();
    let (before, after) = (named(3, "s"), named(4, "night-s"));
    let mut run = open(folder.path(), &before).unwrap();
    record_all(&mut run, &before);
    run.finish().unwrap();
    drop(run);
    let seen = Run::read(folder.path()).unwrap();
    assert_eq!(seen.pending(&after), [3]);

    let held = take(folder.path(), &after).unwrap();
    assert_eq!(held.pending(), [3]);
    assert_eq!(held.record_of(1).unwrap().cell, after.cells[1].key);
    let mut run = held.begin(SWEEP, &environment()).unwrap();
    run.record(record(&after, 3), Some(&picture(3))).unwrap();
    run.finish().unwrap();
    drop(run);
    let expected: Vec<String> = (after.cells.iter())
        .map(|cell| format!("{}.png", cell.key))
        .collect();
    assert_eq!(files(folder.path()), expected);
    // The files are what a run of only the new plan writes.
    let alone = tempfile::tempdir().unwrap();
    let mut run = open(alone.path(), &after).unwrap();
    record_all(&mut run, &after);
    for name in &expected {
        let read = |folder: &Path| fs::read(folder.join("cells").join(name)).unwrap();
        assert!(read(folder.path()) == read(alone.path()), "{name}");
    }
    // And back again.
    let run = open(folder.path(), &before).unwrap();
    assert_eq!(run.pending(), [0; 0]);
    for (index, cell) in before.cells.iter().enumerate() {
        let image = run.run().image(&cell.key).unwrap();
        assert!(image == picture(index), "{}", cell.key);
    }
}

#[test]
fn a_damaged_image_is_not_taken_over_under_another_name() {
    let folder = tempfile::tempdir().unwrap();
    let (before, after) = (named(2, "s"), named(2, "night-s"));
    record_all(&mut open(folder.path(), &before).unwrap(), &before);
    damage(&folder.path().join(before.cells[0].key.image_path()));
    assert_eq!(take(folder.path(), &after).unwrap().pending(), [0]);
}

/// Changes a byte in the middle of the pixels.
fn damage(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let amid = bytes.len() - 100;
    bytes[amid] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn an_image_that_is_damaged_in_the_middle_or_was_replaced_is_not_done() {
    let folder = tempfile::tempdir().unwrap();
    let plan = finished(folder.path(), 4);
    let path = |cell: usize| folder.path().join(plan.cells[cell].key.image_path());
    damage(&path(1));
    fs::copy(path(0), path(2)).unwrap();
    let run = Run::read(folder.path()).unwrap();
    for cell in [1, 2] {
        let bad = run.image(&plan.cells[cell].key).unwrap_err();
        assert_eq!(bad.reason, "is not the file that was written");
        assert!(
            bad.help()
                .unwrap()
                .to_string()
                .starts_with("run the sweep again")
        );
    }
    assert!(run.image(&plan.cells[0].key).unwrap() == picture(0));
    let failed = run.without_bad_images().unwrap();
    let error = failed.records[&plan.cells[1].key].error.clone().unwrap();
    assert!(
        error.ends_with("is not the file that was written; run the sweep again"),
        "{error}"
    );
    assert_eq!(take(folder.path(), &plan).unwrap().pending(), [1, 2]);

    // Records of earlier versions have no digest; then the image must be complete.
    crate::common::forget_digests(folder.path());
    assert_eq!(take(folder.path(), &plan).unwrap().pending(), [1]);
}

#[test]
fn a_lost_or_cut_plan_is_made_again_where_the_journal_fits() {
    for damage in [None, Some(""), Some("{\"environment\": {")] {
        let folder = tempfile::tempdir().unwrap();
        let plan = finished(folder.path(), 3);
        let path = folder.path().join("plan.json");
        match damage {
            None => fs::remove_file(&path).unwrap(),
            Some(text) => fs::write(&path, text).unwrap(),
        }
        let held = take(folder.path(), &plan).unwrap();
        assert_eq!(held.pending(), [0; 0]);
        assert!(held.notes()[0].ends_with("it is written again from the sweep file"));
        drop(held.begin(SWEEP, &environment()).unwrap());
        assert_eq!(*Run::read(folder.path()).unwrap().plan, plan);
        // A journal of other cells says nothing about this sweep.
        fs::remove_file(&path).unwrap();
        let other = named(3, "other");
        assert!(matches!(
            take(folder.path(), &other),
            Err(StoreError::Foreign { .. })
        ));
    }
}

#[test]
fn the_run_of_another_sweep_is_not_taken_over_in_silence() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("results/winter");
    let sweep = |name: &str| {
        let path = place.path().join(name).join("winter.toml");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, SWEEP).unwrap();
        path
    };
    let (ours, theirs) = (sweep("ours"), sweep("theirs"));
    let take_for = |plan: &Plan, sweep: &Path, replace: bool| -> Result<HeldFolder, StoreError> {
        take(&folder, plan)?.of_sweep(sweep, replace)
    };
    let begin = |held: HeldFolder| drop(held.begin(SWEEP, &environment()).unwrap());
    begin(take_for(&named(2, "s"), &theirs, false).unwrap());
    // Their file may change, and our sweep may have the same cells.
    begin(take_for(&named(3, "t"), &theirs, false).unwrap());
    begin(take_for(&named(3, "s"), &ours, false).unwrap());
    begin(take_for(&named(3, "s"), &theirs, false).unwrap());
    let error = take_for(&named(2, "s"), &ours, false).unwrap_err();
    let told = error.to_string();
    assert!(
        told.contains("is the run folder of another sweep, "),
        "{told}"
    );
    assert!(told.ends_with("theirs/winter.toml"), "{told}");
    let help = error.help().unwrap().to_string();
    assert!(
        help.contains("--out") && help.contains("--replace"),
        "{help}"
    );
    assert_eq!(*Run::read(&folder).unwrap().plan, named(3, "s"));
    // Both are moved together.
    let moved = tempfile::tempdir().unwrap();
    crate::common::copy_folder(place.path(), moved.path());
    let folder_moved = moved.path().join("results/winter");
    let held = take(&folder_moved, &named(1, "s")).unwrap();
    assert!(
        held.of_sweep(&moved.path().join("ours/winter.toml"), false)
            .is_err()
    );
    let held = take(&folder_moved, &named(1, "s")).unwrap();
    assert!(
        held.of_sweep(&moved.path().join("theirs/winter.toml"), false)
            .is_ok()
    );
    // It was renamed, or is to be replaced.
    begin(take_for(&named(2, "s"), &ours, true).unwrap());
    fs::rename(&ours, place.path().join("mine.toml")).unwrap();
    assert!(take_for(&named(1, "s"), &place.path().join("mine.toml"), false).is_ok());
}
