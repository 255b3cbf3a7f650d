//! The cut of a plan: every cell in exactly one part, the same parts on every machine, of equal cost.

use std::collections::BTreeSet;
use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;

use ip2p_sweep::plan::{Cut, Plan, Schedule, Shard};
use ip2p_sweep::runner::{Prepared, prepare};
use ip2p_sweep::spec::RuntimeOverrides;

use crate::common::place::Place;

/// Sweeps of all kinds, as text for `[sweep]` and below; with miniature models, because only the plan matters.
const SWEEPS: [(&str, &str); 6] = [
    (
        "seeds",
        "instruction = \"make it winter\"\nseed = { from = 0, count = 500 }",
    ),
    (
        "scales",
        "instruction = [\"make it winter\", \"make it night\"]\nguidance_scale = { from = 1.0, to = 10.0, step = 0.5 }\n\
         image_guidance_scale = [1.0, 1.2, 1.5, 2.0]\nseed = { from = 0, count = 40 }",
    ),
    (
        "schedulers",
        "instruction = \"make it winter\"\nscheduler = [\"euler\", \"heun\", \"lms\", \"unipc\"]\n\
         num_inference_steps = [5, 20, 100]\nseed = { from = 0, count = 30 }",
    ),
    (
        "intervals",
        "instruction = [\"a\", \"b\", \"c\"]\nguidance_start = [0.0, 0.2]\nguidance_end = [0.5, 0.8, 1.0]\n\
         seed = { from = 0, count = 50 }",
    ),
    (
        "presets",
        "instruction = \"a\"\nseed = { from = 0, count = 90 }\n[[preset]]\nname = \"quick\"\nnum_inference_steps = 4\n\
         [[preset]]\nname = \"fine\"\nnum_inference_steps = 60\nscheduler = \"heun\"\n[[preset]]\nname = \"off\"\n\
         guidance_scale = 1.0\n[[preset]]\nname = \"off too\"\nguidance_scale = 0.5\n[numerics]\n\
         guidance = \"diffusers\"",
    ),
    (
        "one group",
        "instruction = \"a\"\nguidance_scale = { from = 1.0, to = 9.0, count = 300 }",
    ),
];

fn prepared(place: &Place, sweep: &str) -> Prepared {
    let text = format!("model = \"model\"\n[sweep]\nimage = \"in.png\"\n{sweep}\n");
    fs::write(place.path("s.toml"), text).unwrap();
    prepare(&place.path("s.toml"), RuntimeOverrides::default()).unwrap()
}

fn parts(plan: &Plan, count: usize) -> Vec<Vec<usize>> {
    let cut = Cut::new(plan, NonZeroUsize::new(count).unwrap());
    (0..count).map(|part| cut.cells(part)).collect()
}

#[test]
fn every_cell_lies_in_one_part_and_copies_lie_with_their_original() {
    let place = Place::new();
    for (name, sweep) in SWEEPS {
        let plan = prepared(&place, sweep).plan;
        for count in [1, 2, 3, 7, 16, plan.cells.len(), plan.cells.len() + 5] {
            let parts = parts(&plan, count);
            let first: Shard = format!("1/{count}").parse().unwrap();
            assert_eq!(first.cells(&plan), parts[0]);
            let mut cells = parts.concat();
            cells.sort_unstable();
            let all: Vec<usize> = (0..plan.cells.len()).collect();
            assert_eq!(cells, all, "{name} in {count}");
            for part in &parts {
                let keys: BTreeSet<&str> = part
                    .iter()
                    .map(|&cell| plan.cells[cell].key.as_str())
                    .collect();
                let originals = part
                    .iter()
                    .filter_map(|&cell| plan.cells[cell].same_as.as_ref());
                assert!(
                    originals
                        .clone()
                        .all(|original| keys.contains(original.as_str()))
                );
            }
        }
    }
}

#[test]
fn the_cut_follows_from_the_plan_alone_wherever_its_files_lie() {
    let (one, other) = (Place::new(), Place::new());
    for (_, sweep) in SWEEPS {
        let [one, other] = [&one, &other].map(|place| prepared(place, sweep).plan);
        assert_ne!(one.models[0].path, other.models[0].path);
        assert_eq!(parts(&one, 8), parts(&other, 8));
        let text = serde_json::to_string(&*one).unwrap();
        let read: Plan = serde_json::from_str(&text).unwrap();
        assert_eq!(
            parts(&read, 8),
            parts(&one, 8),
            "as it is read from plan.json"
        );
    }
}

/// The cost of each part when it runs alone (UNet rows and decodings, times pixels), divided by the mean.
fn loads(prepared: &Prepared, count: usize) -> Vec<f64> {
    let plan = &prepared.plan;
    let costs = parts(plan, count).into_iter().map(|cells| {
        let schedule = Schedule::new(plan, &cells);
        let rows = schedule.unet_rows(prepared.evaluation_steps()).evaluated;
        let computed = schedule.models.iter().flat_map(|work| &work.groups);
        let decoded: usize = computed.map(|group| group.cells.len()).sum();
        rows as f64 + 3.0 * decoded as f64
    });
    let costs: Vec<f64> = costs.collect();
    let mean = costs.iter().sum::<f64>() / count as f64;
    costs.into_iter().map(|cost| cost / mean).collect()
}

#[test]
fn no_part_takes_more_than_a_tenth_above_the_mean() {
    let place = Place::new();
    for (name, sweep) in SWEEPS {
        let prepared = prepared(&place, sweep);
        for count in [2, 4, 8] {
            let most = loads(&prepared, count).into_iter().fold(0.0, f64::max);
            println!("{name} in {count}: {most:.3} of the mean");
            assert!(most <= 1.1, "{name} in {count}: {most}");
        }
    }
}

#[test]
fn parts_are_cut_at_the_border_of_a_group_where_one_is_near() {
    let place = Place::new();
    // 40 groups of 152 cells.
    let plan = prepared(&place, SWEEPS[1].1).plan;
    let groups = |cells: &[usize]| {
        let seeds = cells.iter().map(|&cell| plan.cells[cell].parameters.seed);
        seeds.collect::<BTreeSet<_>>().len()
    };
    let parts = parts(&plan, 8);
    assert_eq!(
        parts.iter().map(|part| groups(part)).collect::<Vec<_>>(),
        [5; 8]
    );
    let cut = Cut::new(&plan, NonZeroUsize::new(8).unwrap());
    assert!((0..8).all(|part| (cut.load(part) - 1.0).abs() < 1e-9));
}

#[test]
fn real_sweeps_are_cut_evenly() {
    let sweeps = Path::new(env!("CARGO_MANIFEST_DIR")).join("sweeps");
    for name in [
        "folder",
        "guidance_interval",
        "presets",
        "schedulers",
        "seeds",
    ] {
        let sweep = sweeps.join(name).with_extension("toml");
        let prepared = prepare(&sweep, RuntimeOverrides::default()).unwrap();
        let cells = prepared.plan.cells.len();
        for count in [2, 4] {
            let loads = loads(&prepared, count);
            let most = loads.iter().copied().fold(0.0, f64::max);
            println!("{name} ({cells} cells) in {count}: {most:.3} of the mean");
            // These have few cells: no cut can do better than half a cell of a share, plus a first step that is
            // computed again.
            let grain = count as f64 / cells as f64;
            assert!(most <= 1.1 + grain, "{name} in {count}: {loads:?}");
        }
    }
}
