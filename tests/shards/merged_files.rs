//! What a merge does with files: it reads an image once, draws where it may, and takes over no links.

use std::fs;
use std::io::Write;
use std::thread::sleep;
use std::time::Duration;

use assert_cmd::assert::OutputAssertExt;
use predicates::prelude::*;
use predicates::str::contains;

use super::merged::{assert_same_run, images, place, run};
use crate::common::files_of;

#[test]
fn a_merge_of_tables_only_draws_nothing_and_leaves_the_rest_to_be_made_later() {
    let place = place();
    run(&place, &["--out", "whole"]).assert().success();
    for shard in ["1/2", "2/2"] {
        run(&place, &["--out", "out", "--shard", shard])
            .assert()
            .success();
    }
    let merge = || place.ip2p(&["merge", "out", "--tables-only"]);
    merge().assert().success().stdout(
        contains("done     24 cells in out\ntable    out/cells.csv\n")
            .and(contains("sheet").not())
            .and(contains("report").not()),
    );
    assert!(!place.path("out/sheets").exists() && !place.path("out/report").exists());
    place.ip2p(&["sheet", "out"]).assert().success();
    place.ip2p(&["report", "out"]).assert().success();
    assert_same_run(&place.path("whole"), &place.path("out"));
    let sheets = |folder: &str| files_of(&place.path(folder).join("sheets"));
    assert!(sheets("whole") == sheets("out"));
}

#[test]
fn an_image_that_changes_after_it_was_verified_is_computed_again_whatever_time_it_is_given() {
    let place = place();
    for shard in ["1/2", "2/2"] {
        run(&place, &["--out", "out", "--shard", shard])
            .assert()
            .success();
    }
    let merge = || place.ip2p(&["merge", "out", "--tables-only"]);
    let kept = || fs::read(place.path("out/verified")).unwrap();
    // What was written a moment ago might change again within one tick of the clock.
    sleep(Duration::from_millis(3100));
    merge().assert().success();
    let first = kept();
    assert_eq!(first.len(), "ip2p verified 1\n".len() + 24 * 16);
    merge().assert().success();
    assert!(kept() == first, "merging again changes something");
    let image = images(&place.path("out")).into_keys().nth(3).unwrap();
    let path = place.path("out/cells").join(image);
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let mut file = fs::File::options().write(true).open(&path).unwrap();
    file.write_all(&bytes).unwrap();
    file.set_modified(modified).unwrap();
    drop(file);
    merge()
        .assert()
        .code(12)
        .stdout(contains("missing  1 cell;"));
    run(&place, &["--out", "out"]).assert().success();
    merge().assert().success();
}

#[cfg(unix)]
#[test]
fn images_that_are_symbolic_links_are_merged_as_files() {
    let place = place();
    for shard in ["1/2", "2/2"] {
        let out = shard.replace('/', "-of-");
        let arguments = ["--shard", shard, "--out", &out];
        run(&place, &arguments).assert().success();
    }
    let (image, bytes) = images(&place.path("1-of-2")).pop_first().unwrap();
    let linked = place.path("1-of-2/cells").join(&image);
    fs::write(place.path("elsewhere.png"), &bytes).unwrap();
    fs::remove_file(&linked).unwrap();
    std::os::unix::fs::symlink(place.path("elsewhere.png"), &linked).unwrap();
    let mut merge = place.ip2p(&["merge", "out", "1-of-2", "2-of-2", "--tables-only"]);
    merge.assert().success();
    let merged = place.path("out/cells").join(&image);
    assert!(fs::symlink_metadata(&merged).unwrap().is_file());
    assert_eq!(fs::read(&merged).unwrap(), bytes);
}
