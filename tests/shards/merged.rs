//! Shards in one folder and in several become the run that a single process would have made.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use assert_cmd::assert::OutputAssertExt;
use predicates::prelude::*;
use predicates::str::contains;
use sha2::{Digest, Sha256};

use crate::common::place::Place;
use crate::common::{copy_folder, files_of};

/// 24 cells in 8 groups.
pub const SWEEP: &str = "model = \"model\"\n[sweep]\nimage = \"in.png\"\ninstruction = \"make it winter\"\n\
     guidance_scale = [3.0, 5.0, 7.0]\nseed = { from = 1, count = 8 }\nnum_inference_steps = 2\n[runtime]\nthreads = 1\n";

/// Columns that depend on when and how fast a cell ran, and on what ran before it.
const MEASURED: [&str; 12] = [
    "encode_text_ms",
    "encode_image_ms",
    "denoise_ms",
    "decode_ms",
    "save_ms",
    "total_ms",
    "rss_peak_mib",
    "unet_evals",
    "batch_size",
    "finished",
    "vram_peak_mib",
    "vram_device_mib",
];

pub fn place() -> Place {
    let place = Place::new();
    fs::write(place.path("s.toml"), SWEEP).unwrap();
    place
}

pub fn run(place: &Place, more: &[&str]) -> Command {
    place.ip2p(&[&["run", "s.toml", "-q"], more].concat())
}

fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn images(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    files_of(&folder.join("cells"))
}

/// `cells.csv` without measurements and without the column that names the folder.
fn table(folder: &Path) -> Vec<Vec<String>> {
    let mut reader = csv::Reader::from_path(folder.join("cells.csv")).unwrap();
    let head = reader.headers().unwrap().clone();
    let rows = reader.records().map(|row| {
        let row = row.unwrap();
        let named = head.iter().zip(&row).find(|(name, _)| *name == "run");
        assert_eq!(
            named.unwrap().1,
            folder.file_name().unwrap().to_str().unwrap()
        );
        let kept = head
            .iter()
            .zip(&row)
            .filter(|(name, _)| *name != "run" && !MEASURED.contains(name));
        kept.map(|(_, value)| value.to_owned()).collect()
    });
    rows.collect()
}

/// Asserts that a merged run equals a single run in everything that must not differ.
pub fn assert_same_run(one: &Path, other: &Path) {
    assert_eq!(
        images(one).keys().collect::<Vec<_>>(),
        images(other).keys().collect::<Vec<_>>()
    );
    for (name, bytes) in images(one) {
        assert!(images(other)[&name] == bytes, "{}", name.display());
    }
    let inputs = |folder: &Path| files_of(&folder.join("inputs"));
    assert!(inputs(one) == inputs(other), "images and masks of inputs");
    assert_eq!(table(one), table(other));
    assert!(other.join("sheets/sheet.png").is_file());
    assert!(other.join("report/index.html").is_file());
}

#[test]
fn shards_in_one_folder_are_byte_for_byte_the_run_of_one_process() {
    let place = place();
    run(&place, &["--out", "whole"]).assert().success();
    for shard in ["3/4", "1/4", "4/4", "2/4"] {
        run(&place, &["--out", "out", "--shard", shard])
            .assert()
            .success();
    }
    assert!(
        !place.path("out/cells.csv").exists(),
        "no shard makes tables"
    );
    place
        .ip2p(&["merge", "out"])
        .assert()
        .success()
        .stdout(contains("done     24 cells in out"));
    assert_same_run(&place.path("whole"), &place.path("out"));
    let journals = fs::read_dir(place.path("out/shards")).unwrap();
    let journals =
        journals.filter(|it| it.as_ref().unwrap().path().extension().unwrap() == "jsonl");
    assert_eq!(journals.count(), 4);
    let plan = fs::read_to_string(place.path("out/plan.json")).unwrap();
    assert!(
        !plan.contains("\"environment\""),
        "it stands in the journals"
    );
    // A run of the whole sweep finds nothing to do.
    place
        .ip2p(&["run", "s.toml", "--out", "out"])
        .assert()
        .success()
        .stderr(contains("0 of 24 cells left to do"));
}

#[test]
fn shards_in_folders_of_their_own_are_merged_in_any_order_and_again() {
    let place = place();
    run(&place, &["--out", "whole"]).assert().success();
    for (shard, folder) in [("1/3", "a"), ("2/3", "b"), ("3/3", "c")] {
        run(&place, &["--out", folder, "--shard", shard])
            .assert()
            .success();
    }
    place
        .ip2p(&["merge", "one", "a", "b", "c"])
        .assert()
        .success()
        .stdout(contains("merged   24 cells"));
    place
        .ip2p(&["merge", "other", "c", "a", "b"])
        .assert()
        .success();
    assert_same_run(&place.path("whole"), &place.path("one"));
    let kept = |folder: &str| {
        let files = ["plan.json", "journal.jsonl", "steps.csv"];
        let files = files.map(|file| fs::read(place.path(folder).join(file)).unwrap());
        // The table of cells contains the name of the run.
        (files, table(&place.path(folder)))
    };
    assert!(
        kept("one") == kept("other"),
        "the order of the folders shows"
    );
    let before = kept("one");
    place
        .ip2p(&["merge", "one", "b", "a", "c"])
        .assert()
        .success()
        .stdout(contains("merged").not());
    assert!(kept("one") == before, "merging again changes something");
}

#[test]
fn missing_shards_are_named_with_the_commands_that_run_them() {
    let place = place();
    for shard in ["1/4", "3/4"] {
        run(&place, &["--out", "out", "--shard", shard])
            .assert()
            .success();
    }
    let sweep = place.path("s.toml").canonicalize().unwrap();
    let command = |shard: &str| format!("ip2p run {} --out out --shard {shard}\n", sweep.display());
    place.ip2p(&["merge", "out"]).assert().code(12).stdout(
        contains("missing  12 cells")
            .and(contains(command("2/4")))
            .and(contains(command("4/4")))
            .and(contains(command("1/4")).not()),
    );
    // A plain run completes the rest and merges.
    run(&place, &["--out", "out"]).assert().success();
    place.ip2p(&["merge", "out"]).assert().success();
    run(&place, &["--out", "whole"]).assert().success();
    assert_same_run(&place.path("whole"), &place.path("out"));
}

#[test]
fn folders_of_different_plans_are_not_merged_and_the_first_key_is_named() {
    let place = place();
    run(&place, &["--out", "a", "--shard", "1/2"])
        .assert()
        .success();
    fs::write(
        place.path("t.toml"),
        SWEEP
            .replace("7.0]", "8.0]")
            .replace("model = \"model\"", "name = \"s\"\nmodel = \"model\""),
    )
    .unwrap();
    place
        .ip2p(&["run", "t.toml", "-q", "--out", "b", "--shard", "2/2"])
        .assert()
        .success();
    place
        .ip2p(&["merge", "out", "a", "b"])
        .assert()
        .code(2)
        .stderr(contains("axes.0.values.2 differs").or(contains("axes.1.values.2 differs")));
    assert!(!place.path("out").exists());
    place
        .ip2p(&["merge", "none"])
        .assert()
        .code(2)
        .stderr(contains("not a run folder"));
}

#[test]
fn cells_computed_twice_keep_the_first_image_and_tell_both_environments_where_pixels_differ() {
    let place = place();
    run(&place, &["--out", "a", "--shard", "1/2"])
        .assert()
        .success();
    copy_folder(&place.path("a"), &place.path("same"));
    run(&place, &["--out", "b"]).assert().success();
    place
        .ip2p(&["merge", "out", "a", "same", "b"])
        .assert()
        .success()
        .stdout(contains(
            "repeated 12 cells, computed more than once; 0 with other pixels",
        ));
    // A different image, with a journal line that fits it, as from a device that computes differently.
    let journal = place.path("b/journal.jsonl");
    let text = fs::read_to_string(&journal).unwrap();
    let cell = images(&place.path("a")).into_keys().next().unwrap();
    let path = place.path("b/cells").join(&cell);
    let mut image = image::open(&path).unwrap().into_rgb8();
    image.get_pixel_mut(0, 0).0[0] ^= 8;
    image.save(&path).unwrap();
    let bytes = fs::read(&path).unwrap();
    let key = cell.file_stem().unwrap().to_str().unwrap();
    let lines = text.lines().map(|line| {
        let mut value: serde_json::Value = serde_json::from_str(line).unwrap();
        if value["cell"] == key {
            value["file"]["bytes"] = bytes.len().into();
            value["file"]["sha256"] = sha256(&bytes).into();
        }
        value.to_string() + "\n"
    });
    fs::write(&journal, lines.collect::<String>()).unwrap();
    place.ip2p(&["merge", "again", "b", "a"]).assert().success().stdout(
        contains("repeated 12 cells, computed more than once; 1 with other pixels, of which the first are kept")
            .and(contains(format!("{key}: kept that of "))),
    );
    let kept = fs::read(place.path("again/cells").join(&cell)).unwrap();
    assert!(
        kept == fs::read(place.path("a/cells").join(&cell)).unwrap(),
        "the first is kept"
    );
}

#[test]
fn a_truncated_journal_of_a_shard_loses_only_what_it_lost() {
    let place = place();
    for shard in ["1/2", "2/2"] {
        run(&place, &["--out", "out", "--shard", shard])
            .assert()
            .success();
    }
    let journal = place.path("out/shards/2-of-2.jsonl");
    let bytes = fs::read(&journal).unwrap();
    fs::write(&journal, &bytes[..bytes.len() / 2]).unwrap();
    place
        .ip2p(&["merge", "out"])
        .assert()
        .code(12)
        .stdout(contains("--shard 2/2").and(contains("--shard 1/2").not()));
    // The images exist: the cells are computed again, but no image is replaced.
    let before = images(&place.path("out"));
    run(&place, &["--out", "out", "--shard", "2/2"])
        .assert()
        .success();
    assert!(images(&place.path("out")) == before);
    place.ip2p(&["merge", "out"]).assert().success();
}

#[test]
fn a_shard_says_what_it_is_and_refuses_a_twin_unless_a_scheduler_made_it() {
    let place = place();
    run(&place, &["--out", "out", "--shard", "0/2"])
        .assert()
        .code(2);
    run(&place, &["--out", "out", "--shard", "auto"])
        .env_remove("CI_NODE_INDEX")
        .assert()
        .code(2)
        .stderr(contains("--shard auto finds no array"));
    let task = |index: &str| {
        let mut command = run(&place, &["--out", "out", "--shard", "auto/2"]);
        command.env("JOB_COMPLETION_INDEX", index);
        command
    };
    task("0").assert().success();
    task("0").assert().success();
    task("2")
        .assert()
        .code(2)
        .stderr(contains("none of 2 parts"));
    place
        .ip2p(&["merge", "out"])
        .assert()
        .code(12)
        .stdout(contains("--shard 2/2"));
    task("1").assert().success();
    place.ip2p(&["merge", "out"]).assert().success();
}

#[test]
fn masks_are_merged_with_the_cells_that_they_are_of() {
    let place = place();
    let mask =
        image::GrayImage::from_fn(64, 48, |x, _| image::Luma([if x < 32 { 255 } else { 0 }]));
    mask.save(place.path("left.png")).unwrap();
    let masked = SWEEP.replace("[runtime]", "mask = \"left.png\"\n[runtime]");
    fs::write(place.path("s.toml"), masked).unwrap();
    run(&place, &["--out", "whole"]).assert().success();
    for (folder, shard) in [("a", "1/2"), ("b", "2/2")] {
        run(&place, &["--out", folder, "--shard", shard])
            .assert()
            .success();
    }
    place.ip2p(&["merge", "out", "a", "b"]).assert().success();
    let inputs = files_of(&place.path("out/inputs"));
    assert!(inputs.len() > 1, "{:?}", inputs.keys());
    assert_same_run(&place.path("whole"), &place.path("out"));
}

#[cfg(unix)]
#[test]
fn a_merge_that_was_killed_goes_on_with_the_images_that_it_put_in_place() {
    use std::os::unix::fs::MetadataExt;
    let place = place();
    for (shard, folder) in [("1/2", "a"), ("2/2", "b")] {
        run(&place, &["--out", folder, "--shard", shard])
            .assert()
            .success();
    }
    let merge = || place.ip2p(&["merge", "out", "a", "b", "--tables-only"]);
    merge().assert().success();
    let inodes = || {
        let cells = images(&place.path("out")).into_keys();
        let inode = |cell| {
            fs::metadata(place.path("out/cells").join(cell))
                .unwrap()
                .ino()
        };
        cells.map(inode).collect::<Vec<_>>()
    };
    let (linked, table) = (inodes(), table(&place.path("out")));
    // Images are put in place before the journal says so.
    fs::write(place.path("out/journal.jsonl"), "").unwrap();
    let other = images(&place.path("out")).into_keys().next().unwrap();
    let other = place.path("out/cells").join(other);
    fs::remove_file(&other).unwrap();
    fs::write(&other, "cut off").unwrap();
    merge()
        .assert()
        .success()
        .stdout(contains("merged   24 cells"));
    assert_eq!(inodes()[1..], linked[1..], "they were written again");
    assert_eq!(self::table(&place.path("out")), table);
    assert!(
        fs::read(&other).unwrap().len() > 100,
        "it was not the image"
    );
}
