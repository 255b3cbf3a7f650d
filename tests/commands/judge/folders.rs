//! What `accept` may write and delete.

use std::fs;
use std::path::Path;

use image::RgbImage;
use ip2p_sweep::judge::{Acceptance, Baseline, ChangeKind, Choice, JudgeError, Verdict};
use ip2p_sweep::store::Run;
use miette::Diagnostic;

use super::fixture::{Copied, TINY, accept, check, swapped, verdicts};
use crate::common::files_of;

/// The reason why a run is not accepted into this folder.
fn refusal(run: &Run, folder: &Path) -> JudgeError {
    let before = folder.exists().then(|| files_of(folder));
    let error = match Baseline::hold(folder, |_| ()) {
        Err(error) => error,
        Ok(_held) => {
            let mut baseline = Baseline::read(folder).unwrap();
            let acceptance = Acceptance::new(run, &baseline, Choice::All, None).unwrap();
            acceptance.apply(&mut baseline).unwrap_err()
        }
    };
    assert_eq!(folder.exists().then(|| files_of(folder)), before, "{error}");
    assert!(error.help().is_some());
    error
}

#[cfg(unix)]
#[test]
fn nothing_is_written_through_links_in_place_of_a_baseline() {
    use std::os::unix::fs::symlink;
    let copied = TINY.copy();
    copied.with_images(swapped);
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("theirs.png"), "x").unwrap();
    let link = copied.folder.path().join("link");
    symlink(outside.path(), &link).unwrap();
    let error = refusal(&copied.run(), &link).to_string();
    assert!(error.contains("is a symbolic link"), "{error}");
    fs::remove_dir_all(copied.place().join("cells")).unwrap();
    symlink(outside.path(), copied.place().join("cells")).unwrap();
    let error = refusal(&copied.run(), &copied.place()).to_string();
    assert!(error.contains("cells is a symbolic link"), "{error}");
    assert_eq!(files_of(outside.path()).len(), 1);
}

#[test]
fn runs_and_folders_with_other_things_are_no_baselines() {
    let copied = TINY.copy();
    let run = copied.run();
    let error = refusal(&run, &run.folder);
    assert!(matches!(error, JudgeError::IsRun { .. }), "{error}");
    let error = refusal(&run, &run.folder.join("cells"));
    assert!(matches!(error, JudgeError::Foreign { .. }), "{error}");
    let photos = tempfile::tempdir().unwrap();
    fs::write(photos.path().join("holiday.png"), "x").unwrap();
    let error = refusal(&run, photos.path());
    assert!(
        error.to_string().ends_with("it holds holiday.png"),
        "{error}"
    );
}

#[test]
fn only_what_the_manifest_named_is_deleted() {
    let copied = TINY.copy();
    let cells = copied.place().join("cells");
    let theirs = ["notes.txt", "holiday.png", "x-0123456789abcdef.png"];
    for name in theirs {
        fs::write(cells.join(name), "theirs").unwrap();
    }
    let small = cells.join("small-0123456789abcdee.png");
    RgbImage::new(3, 2).save(&small).unwrap();
    fs::create_dir(cells.join("folder.png")).unwrap();
    let before: Vec<String> = accepted_files(&copied);
    // What a killed `accept` leaves: an image named after its pixels.
    let own = cells.join(before[0].strip_prefix("cells/").unwrap());
    let left = cells.join(format!(
        "left-{}",
        own.file_name().unwrap().to_str().unwrap()
    ));
    fs::copy(&own, &left).unwrap();
    fs::write(cells.join(".ip2p-left"), "half").unwrap();
    copied.with_images(swapped);
    assert_eq!(
        accept(&copied.run(), &copied.place(), &[]),
        [ChangeKind::Replace; 2]
    );
    for name in theirs {
        assert!(cells.join(name).is_file(), "{name}");
    }
    assert!(small.is_file() && cells.join("folder.png").is_dir());
    assert!(!left.exists() && !cells.join(".ip2p-left").exists());
    for file in before {
        assert!(!copied.place().join(&file).exists(), "{file}");
    }
    assert_eq!(verdicts(&copied.check().unwrap()), [Verdict::Same; 2]);
}

fn accepted_files(copied: &Copied) -> Vec<String> {
    let baseline = Baseline::read(&copied.place()).unwrap();
    let accepted = baseline.cells().iter().flat_map(|cell| &cell.accepted);
    accepted.map(|accepted| accepted.file.clone()).collect()
}

#[test]
fn a_baseline_whose_images_are_gone_or_damaged_is_repaired() {
    let copied = TINY.copy();
    let [gone, damaged] = accepted_files(&copied).try_into().unwrap();
    fs::remove_file(copied.place().join(gone)).unwrap();
    RgbImage::new(64, 64)
        .save(copied.place().join(damaged))
        .unwrap();
    let manifest = copied.manifest();
    assert_eq!(verdicts(&copied.check().unwrap()), [Verdict::Error; 2]);
    assert_eq!(
        accept(&copied.run(), &copied.place(), &[]),
        [ChangeKind::Repair; 2]
    );
    assert_eq!(
        copied.manifest(),
        manifest,
        "what was accepted when and why stays"
    );
    assert_eq!(verdicts(&copied.check().unwrap()), [Verdict::Same; 2]);
    assert_eq!(accept(&copied.run(), &copied.place(), &[]), []);
}

#[test]
fn what_is_not_the_file_that_was_written_is_not_accepted_or_checked() {
    let copied = TINY.copy();
    let run = copied.run();
    let keys: Vec<_> = run.plan.cells.iter().map(|cell| &cell.key).collect();
    let path = |cell: usize| run.folder.join(keys[cell].image_path());
    fs::copy(path(1), path(0)).unwrap();
    let baseline = Baseline::read(&copied.place()).unwrap();
    let error = Acceptance::new(&run, &baseline, Choice::All, None).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("is not the file that was written"),
        "{error}"
    );
    let check = check(&run, &copied.place()).unwrap();
    assert_eq!(verdicts(&check), [Verdict::Error, Verdict::Same]);
}

#[test]
fn accepts_at_the_same_time_lose_nothing() {
    let copied = TINY.copy();
    let place = copied.folder.path().join("both");
    let run = copied.run();
    let keys: Vec<String> = run
        .plan
        .cells
        .iter()
        .map(|cell| cell.key.to_string())
        .collect();
    std::thread::scope(|scope| {
        for key in &keys {
            scope.spawn(|| {
                let _held = Baseline::hold(&place, |_| ()).unwrap();
                accept(&run, &place, std::slice::from_ref(key));
            });
        }
    });
    assert_eq!(verdicts(&check(&run, &place).unwrap()), [Verdict::Same; 2]);
    assert!(!place.join(".lock").exists());
}
