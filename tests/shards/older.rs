//! Run folders written by a version without shards.

use std::fs;
use std::time::SystemTime;

use assert_cmd::assert::OutputAssertExt;
use serde_json::{Value, json};

use crate::merged::{assert_same_run, images, place, run};

#[test]
fn a_run_of_a_version_before_shards_is_gone_on_with_in_shards() {
    let place = place();
    run(&place, &["--out", "whole"]).assert().success();
    run(&place, &["--out", "out", "--shard", "1/3"])
        .assert()
        .success();
    // As that version wrote it: one journal without begin lines, and the environment in plan.json.
    let shards = place.path("out/shards");
    let journal = fs::read_to_string(shards.join("1-of-3.jsonl")).unwrap();
    let (head, records) = journal.split_once('\n').unwrap();
    let head: Value = serde_json::from_str(head).unwrap();
    fs::write(place.path("out/journal.jsonl"), records).unwrap();
    fs::remove_dir_all(&shards).unwrap();
    let plan = place.path("out/plan.json");
    let text = fs::read_to_string(&plan).unwrap();
    let mut older: Value = serde_json::from_str(&text).unwrap();
    older["environment"] = head["begin"]["environment"].clone();
    older["environment"]["threads"] = json!(7);
    fs::write(&plan, older.to_string()).unwrap();
    let written = || {
        let files = fs::read_dir(place.path("out/cells")).unwrap();
        let files = files.map(|file| file.unwrap());
        let mut files: Vec<(_, SystemTime)> = files
            .map(|file| {
                (
                    file.file_name(),
                    file.metadata().unwrap().modified().unwrap(),
                )
            })
            .collect();
        files.sort();
        files
    };
    let before = written();
    assert_eq!(before.len(), 8);
    for shard in ["2/2", "1/2"] {
        run(&place, &["--out", "out", "--shard", shard])
            .assert()
            .success();
    }
    let after = written();
    assert!(
        before.iter().all(|file| after.contains(file)),
        "computed anew"
    );
    place.ip2p(&["merge", "out"]).assert().success();
    assert_eq!(images(&place.path("out")).len(), 24);
    assert_same_run(&place.path("whole"), &place.path("out"));
    let older = fs::read_to_string(place.path("out/journal.jsonl")).unwrap();
    assert!(older.starts_with(records), "its records stay");
}
