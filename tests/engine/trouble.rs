//! Devices that are too small, latents that are not numbers, texts that cannot be encoded, and stops.

use ip2p_sweep::engine::{Ending, Policy};

use crate::fake::Fake;
use crate::fixture::{ONE_BY_ONE, plan, run, spec};

#[test]
fn an_exhausted_device_gets_smaller_batches_then_phases() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(&spec(folder.path()));
    let reference = run(&plan, &mut Fake::default(), ONE_BY_ONE, None);

    let mut small = Fake {
        row_limit: Some(4),
        ..Fake::default()
    };
    let halved = run(
        &plan,
        &mut small,
        Policy {
            phased: false,
            batch: 8,
            unet_rows: 24,
            pad: false,
            probe: false,
        },
        None,
    );
    assert_eq!(halved.images, reference.images);
    assert_eq!(
        halved.notes.first().map(String::as_str),
        Some("out of device memory: going on with batch 4, 12 UNet rows a call, resident memory")
    );

    let mut tight = Fake {
        decoder_needs_all_memory: true,
        ..Fake::default()
    };
    let phased = run(&plan, &mut tight, ONE_BY_ONE, None);
    assert_eq!(phased.images, reference.images);
    assert_eq!(
        phased.notes,
        ["out of device memory: going on with batch 1, 1 UNet rows a call, phased memory"]
    );
    assert_eq!(tight.decoded, 32);
}

#[test]
fn a_device_that_is_too_small_for_anything_fails_the_cells_with_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(&spec(folder.path()));
    let run = run(
        &plan,
        &mut Fake {
            row_limit: Some(0),
            ..Fake::default()
        },
        ONE_BY_ONE,
        None,
    );
    assert_eq!(run.ending, Some(Ending::Complete));
    assert_eq!(run.failures().len(), 32);
    assert!(
        run.failures()[0].1.contains("lower size.resolution"),
        "{:?}",
        run.failures()[0]
    );
}

#[test]
fn nan_latents_fail_one_cell_and_name_the_step() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(&spec(folder.path()));
    // The first cell of the first group has 2 branches: rows 0, 1 are step 1 and rows 2, 3 step 2.
    let mut fake = Fake {
        nan_at_row: Some(2),
        ..Fake::default()
    };
    let run = run(&plan, &mut fake, ONE_BY_ONE, None);
    assert_eq!(
        run.failures(),
        [(0, "NaN or infinite latents at step 2 of 4")]
    );
    assert_eq!(run.images.len(), 31);
}

#[test]
fn a_text_that_cannot_be_encoded_fails_its_cells_only() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(&spec(folder.path()));
    let mut fake = Fake {
        refused_text: Some("make it night"),
        ..Fake::default()
    };
    let run = run(&plan, &mut fake, ONE_BY_ONE, None);
    assert_eq!(run.failures().len(), 16);
    assert!(run.failures().iter().all(|&(cell, reason)| {
        plan.cells[cell].parameters.instruction == "make it night"
            && reason == "this text is refused"
    }));
}

#[test]
fn a_stop_leaves_what_was_handed_over_and_starts_nothing_new() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(&spec(folder.path()));
    let mut fake = Fake::default();
    let run = run(&plan, &mut fake, ONE_BY_ONE, Some(5));
    assert_eq!(run.ending, Some(Ending::Stopped));
    assert_eq!((run.records.len(), fake.decoded), (5, 5));
}
