//! Merging as an operation: the result does not depend on the order, the repetitions or the grouping of merges.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use assert_cmd::assert::OutputAssertExt;

use crate::common::copy_folder;
use crate::common::place::Place;
use crate::merged::{images, run};

/// 6 cells that are quickly drawn.
const SWEEP: &str = "model = \"model\"\n[sweep]\nimage = \"in.png\"\ninstruction = \"make it winter\"\n\
     guidance_scale = [3.0, 7.0]\nseed = [1, 2, 3]\nnum_inference_steps = 1\n[sheet]\ncell = 32\n[runtime]\nthreads = 1\n";

/// The files by which results of merges are compared.
fn outcome(place: &Place, folder: &str) -> (BTreeMap<PathBuf, Vec<u8>>, [Vec<u8>; 4]) {
    let files = ["plan.json", "journal.jsonl", "cells.csv", "steps.csv"];
    let files = files.map(|file| fs::read(place.path(folder).join(file)).unwrap());
    (images(&place.path(folder)), files)
}

/// Marsaglia's xorshift, which gives the same sequence every time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }

    fn shuffled<'a>(&mut self, folders: &[&'a str]) -> Vec<&'a str> {
        let mut folders = folders.to_vec();
        for last in (1..folders.len()).rev() {
            folders.swap(last, self.below(last + 1));
        }
        folders
    }
}

#[test]
fn merges_of_any_folders_commute_and_change_nothing_when_they_are_repeated() {
    let place = Place::new();
    fs::write(place.path("s.toml"), SWEEP).unwrap();
    for (folder, shard) in [("a", "1/3"), ("b", "2/3"), ("c", "3/3"), ("d", "1/2")] {
        run(&place, &["--out", folder, "--shard", shard])
            .assert()
            .success();
    }
    copy_folder(&place.path("b"), &place.path("copy"));
    // A journal that ends in the middle of a line.
    copy_folder(&place.path("c"), &place.path("cut"));
    let journal = place.path("cut/shards/3-of-3.jsonl");
    let bytes = fs::read(&journal).unwrap();
    fs::write(&journal, &bytes[..bytes.len() - 40]).unwrap();
    let folders = ["a", "b", "c", "d", "copy", "cut"];
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let merge = |out: &str, folders: &[&str]| {
        let merged = place
            .ip2p(&[&["merge", out], folders].concat())
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&merged.stdout).into_owned();
        assert!(matches!(merged.status.code(), Some(0 | 12)), "{told}");
        told
    };
    for round in 0..4 {
        let mut some = random.shuffled(&folders);
        some.truncate(2 + random.below(folders.len() - 1));
        let (one, other) = (format!("one{round}/run"), format!("other{round}/run"));
        merge(&one, &some);
        let twice = [random.shuffled(&some), random.shuffled(&some)].concat();
        merge(&other, &twice);
        let made = outcome(&place, &one);
        assert!(
            made == outcome(&place, &other),
            "{some:?} and {twice:?} differ"
        );
        let told = merge(&one, &random.shuffled(&some)[..1]);
        assert!(!told.contains("merged  "), "nothing is new: {told}");
        assert!(made == outcome(&place, &one), "{some:?}, merged again");
        // Every cell that any of them has must have an image.
        let all = some
            .iter()
            .flat_map(|folder| images(&place.path(folder)).into_keys());
        let journal = String::from_utf8(made.1[1].clone()).unwrap();
        for file in all.filter(|file| journal.contains(file.file_stem().unwrap().to_str().unwrap()))
        {
            assert!(made.0.contains_key(&file), "{some:?}: {}", file.display());
        }
    }
    // One after another, in any order.
    merge("all", &["c"]);
    merge("all", &["a"]);
    assert!(merge("all", &["b"]).contains("done     6 cells"));
}
