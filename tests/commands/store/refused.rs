//! Folders that are not the program's to write to.

use std::fs;
use std::path::Path;

use ip2p_sweep::store::{Run, StoreError};
use miette::Diagnostic;

use super::fixture::{finished, open, plan, record_all};

#[test]
fn folders_that_cannot_be_written_are_named_with_a_remedy() {
    let temporary = tempfile::tempdir().unwrap();
    let file = temporary.path().join("file");
    fs::write(&file, "").unwrap();
    let error = open(&file.join("run"), &plan(1)).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with(&format!("cannot write {}", file.display())),
        "{error}"
    );
    assert!(error.help().unwrap().to_string().contains("--out"));

    let sealed = temporary.path().join("sealed");
    fs::create_dir(&sealed).unwrap();
    let mut permissions = fs::metadata(&sealed).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&sealed, permissions.clone()).unwrap();
    // A superuser can write nevertheless.
    if fs::create_dir(sealed.join("probe")).is_err() {
        let error = open(&sealed, &plan(1)).unwrap_err();
        assert_eq!(
            error.help().unwrap().to_string(),
            "give a folder that you may write to with --out"
        );
    }
}

#[test]
fn a_folder_that_is_no_run_is_left_alone() {
    let temporary = tempfile::tempdir().unwrap();
    fs::write(temporary.path().join("sweep.toml"), "the user's").unwrap();
    let error = open(temporary.path(), &plan(1)).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("is not a run folder and is not empty: it holds sweep.toml"),
        "{error}"
    );
    assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 1);
    assert!(matches!(
        Run::read(temporary.path()),
        Err(StoreError::NotARun { .. })
    ));
    assert!(matches!(
        Run::read(Path::new("no/such/run")),
        Err(StoreError::NotARun { .. })
    ));
    fs::write(temporary.path().join("plan.json"), "{\"floors\": 2}").unwrap();
    assert!(matches!(
        open(temporary.path(), &plan(1)),
        Err(StoreError::Malformed { .. })
    ));
    assert!(matches!(
        Run::read(temporary.path()),
        Err(StoreError::Malformed { .. })
    ));
}

#[cfg(unix)]
#[test]
fn nothing_is_written_through_symbolic_links() {
    let outside = tempfile::tempdir().unwrap();
    for name in ["cells", "journal.jsonl", ".lock"] {
        let folder = tempfile::tempdir().unwrap();
        let plan = finished(folder.path(), 1);
        let place = folder.path().join(name);
        if place.is_dir() {
            fs::remove_dir_all(&place).unwrap()
        } else {
            fs::remove_file(&place).unwrap()
        }
        std::os::unix::fs::symlink(outside.path(), &place).unwrap();
        let error = open(folder.path(), &plan).unwrap_err();
        assert!(matches!(error, StoreError::Link { .. }), "{name}: {error}");
    }
    let folder = tempfile::tempdir().unwrap();
    let plan = finished(folder.path(), 2);
    let victim = outside.path().join("victim");
    fs::write(&victim, "safe").unwrap();
    for name in [
        "cells.csv",
        "sweep.toml",
        plan.cells[0].key.image_path().as_str(),
    ] {
        let place = folder.path().join(name);
        fs::remove_file(&place).unwrap();
        std::os::unix::fs::symlink(&victim, &place).unwrap();
    }
    let mut run = open(folder.path(), &plan).unwrap();
    record_all(&mut run, &plan);
    run.finish().unwrap();
    assert_eq!(fs::read_to_string(&victim).unwrap(), "safe");
}

#[test]
fn a_plan_whose_cells_lead_out_of_the_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    finished(folder.path(), 1);
    let path = folder.path().join("plan.json");
    let text = fs::read_to_string(&path)
        .unwrap()
        .replace("s0-0123456789ab", "../../s0");
    fs::write(&path, text).unwrap();
    let error = Run::read(folder.path()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("\"../../s0\" cannot be the key of a cell"),
        "{error}"
    );
    let text = fs::read_to_string(&path)
        .unwrap()
        .replace("../../s0", "s0-0123456789ab")
        .replace("\"name\": \"winter\"", "\"name\": \"../../winter\"");
    fs::write(&path, text).unwrap();
    let error = Run::read(folder.path()).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("\"../../winter\" cannot be the name of a run"),
        "{error}"
    );
}

#[test]
fn a_plan_of_sizes_that_nothing_can_be_drawn_at_is_refused() {
    for (from, to, told) in [
        (
            "\"width\": 24",
            "\"width\": 0",
            "cell s0-0123456789ab is 0 x 16 pixels",
        ),
        (
            "\"height\": 16",
            "\"height\": 4000000000",
            "cell s0-0123456789ab is 24 x 4000000000 pixels",
        ),
        (
            "\"cell\": 256",
            "\"cell\": 4294967295",
            "sheet.cell is 4294967295",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        finished(folder.path(), 1);
        let path = folder.path().join("plan.json");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from}");
        fs::write(&path, text.replace(from, to)).unwrap();
        let error = Run::read(folder.path()).unwrap_err().to_string();
        assert_eq!(
            error,
            format!("{} cannot be understood: {told}", path.display())
        );
    }
}
