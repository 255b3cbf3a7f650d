//! The number of rows a call, when the device's memory determines it.

use std::collections::BTreeSet;

use ip2p_sweep::engine::Policy;
use ip2p_sweep::vocabulary::Parameter;

use super::fake::Fake;
use super::fixture::{ONE_BY_ONE, keep_first, plan, run, spec};

const ON_A_GPU: Policy = Policy {
    phased: false,
    batch: 4,
    unet_rows: 12,
    calls: 1,
    pad: true,
    probe: true,
};

/// A device with room for 40 rows of 1 MiB. The plan's cells have 72 rows, which fill three calls of 24 or more.
fn device() -> Fake {
    Fake {
        room_rows: Some(40),
        ..Fake::default()
    }
}

/// The numbers of rows in calls, without the probes.
fn shapes(fake: &Fake) -> Vec<usize> {
    let probes = BTreeSet::from([3, 6]);
    fake.shapes.difference(&probes).copied().collect()
}

#[test]
fn a_probe_settles_how_many_rows_a_call_has() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(&spec(folder.path()));
    let reference = run(&plan, &mut Fake::default(), ONE_BY_ONE, None);
    for phased in [false, true] {
        let mut fake = device();
        let policy = Policy { phased, ..ON_A_GPU };
        let run = run(&plan, &mut fake, policy, None);
        assert_eq!(run.images, reference.images);
        // 34 rows are free after the probe of 6; four fifths of them may be used.
        assert_eq!(
            run.notes,
            ["up to 27 UNet rows a call: 1 MiB a row, 34 MiB free"]
        );
        let [rows] = shapes(&fake)[..] else {
            panic!("{:?}", fake.shapes)
        };
        assert!((24..=27).contains(&rows), "{rows}");
        let largest = run.records.values().map(|record| record.batch_size).max();
        assert!(largest > Some(4), "{largest:?}");
        if phased {
            assert_eq!(fake.most_loaded, 1, "the probe needs the UNet alone");
        }
    }
}

#[test]
fn a_device_that_has_less_than_it_says_gets_half_the_rows() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(&spec(folder.path()));
    let reference = run(&plan, &mut Fake::default(), ONE_BY_ONE, None);
    let mut fake = Fake {
        row_limit: Some(8),
        ..device()
    };
    let run = run(&plan, &mut fake, ON_A_GPU, None);
    assert_eq!(run.images, reference.images);
    assert_eq!(
        run.notes[1..],
        [
            "out of device memory: continuing with batch 32, 14 UNet rows a call, resident memory",
            "out of device memory: continuing with batch 16, 7 UNet rows a call, resident memory"
        ]
    );
}

#[test]
fn a_device_too_small_for_the_probe_is_probed_once() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(&spec(folder.path()));
    let mut fake = Fake {
        row_limit: Some(4),
        ..device()
    };
    let run = run(&plan, &mut fake, ON_A_GPU, None);
    assert_eq!(run.images.len(), 32);
    assert_eq!(
        run.notes,
        [
            "out of device memory: continuing with batch 2, 6 UNet rows a call, resident memory",
            "out of device memory: continuing with batch 1, 3 UNet rows a call, resident memory"
        ]
    );
}

#[test]
fn nothing_is_probed_where_few_rows_are_needed_or_the_device_says_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut spec = spec(folder.path());
    let all = plan(&spec);
    keep_first(&mut spec, Parameter::Image);
    keep_first(&mut spec, Parameter::Seed);
    keep_first(&mut spec, Parameter::Instruction);
    let few = plan(&spec);
    for (plan, mut fake) in [(few, device()), (all, Fake::default())] {
        let run = run(&plan, &mut fake, ON_A_GPU, None);
        assert_eq!(run.notes, [""; 0]);
        assert!(!fake.shapes.contains(&6), "{:?}", fake.shapes);
    }
}

#[test]
fn a_probe_whose_calls_fail_believes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(&spec(folder.path()));
    let mut fake = Fake {
        unet_fails: true,
        ..device()
    };
    let run = run(&plan, &mut fake, ON_A_GPU, None);
    assert_eq!(run.notes, [""; 0]);
    assert_eq!(run.failures().len(), 32);
    assert!(fake.shapes.last() <= Some(&12), "{:?}", fake.shapes);
}

#[test]
fn no_call_has_more_rows_than_are_right_and_a_size_with_none_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(&spec(folder.path()));
    let reference = run(&plan, &mut Fake::default(), ONE_BY_ONE, None);
    for (right, noted) in [(7, false), (1, false), (0, true)] {
        let mut fake = Fake {
            right_rows: Some(right),
            ..device()
        };
        let run = run(&plan, &mut fake, ON_A_GPU, None);
        assert_eq!(run.images, reference.images);
        let most = fake.shapes.last().copied();
        assert!(most <= Some(right.max(1)), "{right}: {:?}", fake.shapes);
        let told = run
            .notes
            .iter()
            .any(|note| note.contains("fused attention"));
        assert_eq!(told, noted, "{:?}", run.notes);
    }
}

#[test]
fn rows_of_a_step_are_pooled_over_several_calls() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(&spec(folder.path()));
    let mut fake = device();
    let run = run(&plan, &mut fake, ON_A_GPU, None);
    // All 32 cells are one batch of at most 72 rows a step, where one call has 27.
    let sizes: BTreeSet<u32> = run
        .records
        .values()
        .map(|record| record.batch_size)
        .collect();
    assert_eq!(sizes, BTreeSet::from([32]));
}
