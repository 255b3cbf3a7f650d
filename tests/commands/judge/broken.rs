//! Baselines that cannot be read or written.

use std::fs;

use image::RgbImage;
use ip2p_sweep::judge::{Acceptance, Baseline, Choice, Conclusion, MANIFEST, Verdict};
use miette::Diagnostic;
use serde_json::{Value, json};

use super::fixture::{Copied, TINY, accept, swapped, verdicts};
use crate::common;

#[test]
fn a_broken_baseline_is_an_error_and_stays_as_it_is() {
    let message = |edit: &dyn Fn(&Copied)| {
        let copied = TINY.copy();
        edit(&copied);
        let before = fs::read(copied.place().join(MANIFEST)).unwrap();
        let error = copied.check().unwrap_err();
        assert_eq!(fs::read(copied.place().join(MANIFEST)).unwrap(), before);
        assert!(error.help().is_some());
        let place = copied.place().display().to_string();
        error.to_string().replace(&place, "B")
    };
    let edited = |edit: fn(&mut Value)| message(&move |copied| copied.edit(edit));
    assert_eq!(
        message(&|copied| fs::write(copied.place().join(MANIFEST), "{\"format\": 1,").unwrap()),
        "B/manifest.json cannot be understood: EOF while parsing a value at line 1 column 13"
    );
    assert_eq!(
        edited(|manifest| manifest["format"] = json!(2)),
        "B/manifest.json has format 2, this program reads up to 1"
    );
    assert_eq!(
        edited(|manifest| manifest["format"] = json!("x")),
        "B/manifest.json cannot be understood: it has no format number"
    );
    assert_eq!(
        edited(|manifest| manifest["cells"][1] = manifest["cells"][0].clone()),
        "B/manifest.json cannot be understood: cell 2 is there twice"
    );
    assert_eq!(
        edited(|manifest| manifest["cells"][0]["accepted"][0]["file"] = json!("cells/../../x.png")),
        "B/manifest.json cannot be understood: \"cells/../../x.png\" is not an image of a baseline"
    );
    let unknown = edited(|manifest| manifest["cells"][0]["colour"] = json!(1));
    assert!(
        unknown.starts_with("B/manifest.json cannot be understood: unknown field `colour`"),
        "{unknown}"
    );
}

#[test]
fn a_broken_image_of_the_baseline_is_an_error_of_its_cell_and_the_others_are_judged() {
    let judged = |edit: &dyn Fn(&Copied)| {
        let copied = TINY.copy();
        edit(&copied);
        let check = copied.check().unwrap();
        let verdicts: Vec<Verdict> = check.cells.iter().map(|cell| cell.verdict).collect();
        assert_eq!(verdicts, [Verdict::Error, Verdict::Same]);
        assert_eq!(check.conclusion(), Conclusion::CellsFailed);
        check.cells[0].explanation()
    };
    let first = |copied: &Copied| copied.check().unwrap().cells[0].expected.clone().unwrap();
    let digest = judged(&|copied| {
        copied.edit(|manifest| manifest["cells"][0]["accepted"][0]["pixels_sha256"] = json!("00"));
    });
    assert!(
        digest.ends_with("is not the one that was accepted: its 64x64 pixels have another digest"),
        "{digest}"
    );
    let small = judged(&|copied| RgbImage::new(5, 4).save(first(copied)).unwrap());
    assert!(
        small.ends_with("its 5x4 pixels have another digest"),
        "{small}"
    );
    let gone = judged(&|copied| fs::remove_file(first(copied)).unwrap());
    assert!(gone.contains("cells/make_it_winter-"), "{gone}");
}

#[test]
fn every_broken_image_of_the_baseline_is_told_git_lfs_pointers_among_them() {
    let pointer: (&str, &str) = (
        "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n",
        "is a Git LFS pointer, not the image itself",
    );
    let junk = ("no image", "is not an image that can be read");
    for damages in [[pointer, pointer], [pointer, junk], [junk, junk]] {
        let copied = TINY.copy();
        let images: Vec<_> = (copied.check().unwrap().cells.iter())
            .map(|cell| cell.expected.clone().unwrap())
            .collect();
        for (image, (content, _)) in images.iter().zip(damages) {
            fs::write(image, content).unwrap();
        }
        let check = copied.check().unwrap();
        assert_eq!(check.cells.len(), images.len());
        for ((cell, image), (_, reason)) in check.cells.iter().zip(&images).zip(damages) {
            assert_eq!(cell.verdict, Verdict::Error);
            let told = cell.explanation();
            let name = image.file_name().unwrap().to_str().unwrap();
            assert!(told.contains(name) && told.ends_with(reason), "{told}");
        }
        assert_eq!(check.conclusion(), Conclusion::CellsFailed);
        // Accepting the run repairs both.
        accept(&copied.run(), &copied.place(), &[]);
        let verdicts = verdicts(&copied.check().unwrap());
        assert_eq!(verdicts, [Verdict::Same, Verdict::Same]);
    }
}

#[test]
fn a_baseline_that_cannot_be_written_stays_as_it_is() {
    let copied = TINY.copy();
    copied.with_images(swapped);
    // A file where the folder of images should be has the same effect for every user, root included.
    let place = copied.folder.path().join("blocked");
    fs::create_dir(&place).unwrap();
    fs::write(place.join("cells"), "").unwrap();
    let mut baseline = Baseline::read(&place).unwrap();
    let acceptance = Acceptance::new(&copied.run(), &baseline, Choice::All, None).unwrap();
    let error = acceptance.apply(&mut baseline).unwrap_err();
    assert!(
        error.to_string().starts_with("cannot write the baseline: "),
        "{error}"
    );
    assert!(baseline.is_empty());
    assert!(!place.join(MANIFEST).exists());

    let misspelt = ["make_it_nigth".to_owned()];
    let choice = Choice::of(&misspelt);
    let unknown = Acceptance::new(&copied.run(), &baseline, choice, None).unwrap_err();
    assert!(
        unknown
            .help()
            .unwrap()
            .to_string()
            .contains("did you mean make_it_night-"),
        "{unknown}"
    );
}

#[test]
fn a_result_that_is_damaged_is_named_with_what_to_do() {
    let copied = TINY.copy();
    let run = copied.run();
    let cell = &run.plan.cells[0].key.clone();
    let image = run.folder.join(cell.image_path());
    fs::write(&image, "no image").unwrap();
    common::forget_digests(&run.folder);
    let run = copied.run();
    let baseline = Baseline::read(&copied.folder.path().join("none")).unwrap();
    let error = Acceptance::new(&run, &baseline, Choice::All, None).unwrap_err();
    assert!(
        error.to_string().starts_with(&format!("cell {cell} of ")),
        "{error}"
    );
    let help = error.help().unwrap().to_string();
    assert!(help.starts_with("run the sweep again"), "{help}");
}
