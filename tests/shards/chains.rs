//! Chains in shards: they are cut between their first images, and together give the run of a single process.

use std::collections::HashSet;
use std::fs;
use std::num::NonZeroUsize;

use assert_cmd::assert::OutputAssertExt;
use ip2p_sweep::plan::{Cut, Plan};
use ip2p_sweep::runner::{PartWork, Prepared, part_forecasts, prepare};
use ip2p_sweep::spec::RuntimeOverrides;
use predicates::prelude::*;
use predicates::str::contains;

use crate::common::files_of;
use crate::common::place::Place;
use crate::merged::{assert_same_run, images};

/// A chain with this many first images, each edited four times, and each edit once more.
fn chain(first: usize) -> String {
    format!(
        "model = \"model\"\n[sweep]\nimage = \"in.png\"\ninstruction = \"make it winter\"\n\
         seed = {{ from = 1, count = {first} }}\nnum_inference_steps = 2\n[size]\nfit = \"floor\"\n\
         [[then]]\ninstruction = \"make it night\"\nguidance_scale = [3.0, 4.0, 5.0, 7.0]\nnum_inference_steps = 2\n\
         [[then]]\nname = \"again\"\ninstruction = \"make it day\"\nnum_inference_steps = 1\n[runtime]\nthreads = 1\n"
    )
}

fn prepared(place: &Place, first: usize) -> Prepared {
    fs::write(place.path("s.toml"), chain(first)).unwrap();
    prepare(&place.path("s.toml"), RuntimeOverrides::default()).unwrap()
}

fn parts(plan: &Plan, count: usize, limit: f64) -> Vec<Vec<usize>> {
    let cut = Cut::new(plan, NonZeroUsize::new(count).unwrap());
    let most = (0..count).map(|part| cut.load(part)).fold(0.0, f64::max);
    assert!(most <= limit, "{most} of the mean");
    (0..count).map(|part| cut.cells(part)).collect()
}

/// The cells of a part whose inputs are in another part.
fn without_input(plan: &Plan, part: &[usize]) -> usize {
    let keys: HashSet<&str> = part
        .iter()
        .map(|&cell| plan.cells[cell].key.as_str())
        .collect();
    let inputs = part
        .iter()
        .filter_map(|&cell| plan.input_of(&plan.cells[cell]));
    inputs
        .filter(|input| !keys.contains(input.as_str()))
        .count()
}

#[test]
fn all_that_is_made_of_a_first_image_lies_in_one_part() {
    let place = Place::new();
    let prepared = prepared(&place, 40);
    let plan = &prepared.plan;
    for count in [2, 3, 8] {
        let parts = parts(plan, count, 1.1);
        let mut all = parts.concat();
        all.sort_unstable();
        assert_eq!(all, (0..plan.cells.len()).collect::<Vec<_>>());
        assert!(
            parts.iter().all(|part| without_input(plan, part) == 0),
            "{count}"
        );
        let parts = NonZeroUsize::new(count).unwrap();
        let repeated = PartWork::repeated(&prepared, &part_forecasts(&prepared, parts));
        assert_eq!(repeated.rows, 0, "in {count}");
    }
}

#[test]
fn a_chain_of_few_first_images_is_cut_between_later_ones_and_the_plan_tells_what_is_repeated() {
    let place = Place::new();
    let prepared = prepared(&place, 2);
    let plan = &prepared.plan;
    // An edit needs fewer new rows if another edit of its image comes before it.
    let cells = parts(plan, 8, 1.2);
    let mut all = cells.concat();
    all.sort_unstable();
    assert_eq!(all, (0..plan.cells.len()).collect::<Vec<_>>());
    assert!(cells.iter().all(|part| !part.is_empty()));
    // Each part has an edit and what is made from it; the first images are computed by all four parts that need them.
    assert_eq!(
        cells
            .iter()
            .map(|part| without_input(plan, part))
            .sum::<usize>(),
        6
    );
    let eight = NonZeroUsize::new(8).unwrap();
    let forecasts = part_forecasts(&prepared, eight);
    let alone = part_forecasts(&prepared, NonZeroUsize::MIN)[0].work.rows;
    let rows: u64 = forecasts.iter().map(|part| part.work.rows).sum();
    assert!(rows > alone);
    assert_eq!(PartWork::repeated(&prepared, &forecasts).rows, rows - alone);
    place
        .ip2p(&["plan", "s.toml", "--shards", "8"])
        .assert()
        .success()
        .stdout(contains(format!("repeated  {} UNet rows", rows - alone)));
}

#[test]
fn chains_in_shards_are_the_run_of_one_process_and_checked_in_shards() {
    for first in [3, 1] {
        let place = Place::new();
        fs::write(place.path("s.toml"), chain(first)).unwrap();
        place
            .ip2p(&["run", "s.toml", "-q", "--out", "whole"])
            .assert()
            .success();
        for shard in ["2/3", "3/3", "1/3"] {
            place
                .ip2p(&["run", "s.toml", "-q", "--out", "out", "--shard", shard])
                .assert()
                .success();
        }
        place.ip2p(&["merge", "out"]).assert().success();
        assert_eq!(images(&place.path("out")).len(), first * 9);
        assert_same_run(&place.path("whole"), &place.path("out"));
        place
            .ip2p(&["accept", "whole", "--baseline", "base", "-y"])
            .assert()
            .success();
        for shard in ["1/3", "2/3", "3/3"] {
            let out = format!("check-{}", &shard[..1]);
            let arguments = [
                "check",
                "s.toml",
                "-q",
                "--out",
                &out,
                "--baseline",
                "base",
                "--shard",
                shard,
            ];
            place
                .ip2p(&arguments)
                .assert()
                .success()
                .stderr(contains("error").not());
        }
    }
}

#[test]
fn a_merged_chain_shows_its_last_stage_as_a_run_does() {
    let place = Place::new();
    fs::write(place.path("s.toml"), chain(2)).unwrap();
    let run = |more: &[&str]| {
        let all = [&["run", "s.toml", "-q", "--out"], more].concat();
        place.ip2p(&all).assert().success();
    };
    run(&["whole"]);
    for shard in ["1/2", "2/2"] {
        run(&["together", "--shard", shard]);
        run(&[&format!("apart-{}", &shard[..1]), "--shard", shard]);
    }
    let draw = |stage: &str| {
        let all = ["sheet", "whole", "--stage", stage, "--out", stage];
        place.ip2p(&all).assert().success();
        files_of(&place.path(stage))
    };
    let shown = |folder: &str| files_of(&place.path(folder).join("sheets"));
    let last = shown("whole");
    assert!(last == draw("again") && last != draw("edit"));
    let apart: &[&str] = &["merge", "merged", "apart-1", "apart-2"];
    // The second time, what there is is found.
    for merge in [&["merge", "together"], apart, &["merge", "together"], apart] {
        place.ip2p(merge).assert().success();
        assert!(shown(merge[1]) == last, "{merge:?}");
        let report = |page: &str| {
            let page = place.path(merge[1]).join("report").join(page);
            fs::read_to_string(page).unwrap()
        };
        assert!(report("index.html").contains(r#""stage":"again""#));
        assert!(report("stage-edit.html").contains(r#""stage":"edit""#));
    }
}
