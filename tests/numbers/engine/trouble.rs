//! Devices that are too small, latents that are not finite, texts that cannot be encoded, and interruptions.

use std::num::NonZeroU32;

use ip2p_sweep::engine::{Ending, Policy};
use ip2p_sweep::image::Fit;
use ip2p_sweep::plan::Schedule;
use ip2p_sweep::spec::VaeTile;
use ip2p_sweep::vocabulary::Parameter;

use super::fake::Fake;
use super::fixture::{ONE_BY_ONE, Place, keep_first, one_setting, plan, run, run_at, spec};

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
            calls: 1,
            pad: false,
            probe: false,
        },
        None,
    );
    assert_eq!(halved.images, reference.images);
    assert_eq!(
        halved.notes.first().map(String::as_str),
        Some("out of device memory: continuing with batch 4, 12 UNet rows a call, resident memory")
    );

    let mut tight = Fake {
        decoder_needs_all_memory: true,
        ..Fake::default()
    };
    let phased = run(&plan, &mut tight, ONE_BY_ONE, None);
    assert_eq!(phased.images, reference.images);
    assert_eq!(
        phased.notes,
        ["out of device memory: continuing with batch 1, 1 UNet row a call, phased memory"]
    );
    assert_eq!(tight.decoded, 32);
}

#[test]
fn a_device_that_is_too_small_for_anything_fails_the_cells_with_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(&spec(folder.path()));
    let schedule = Schedule::new(&plan, &(0..32).collect::<Vec<_>>());
    let cases = [
        (
            ("cpu", "fp32", 8),
            "raise runtime.memory_limit_mib, which is 8, or lower size.resolution",
        ),
        (
            ("cpu", "fp16", 0),
            "lower size.resolution, or close other programs",
        ),
        (
            ("cuda:0", "fp32", 8),
            "raise runtime.memory_limit_mib, which is 8, lower size.resolution, use an fp16 model, or set device = \"cpu\"",
        ),
        (
            ("cuda:0", "fp16", 0),
            "lower size.resolution, or set device = \"cpu\"",
        ),
    ];
    for ((device, precision, limit), remedy) in cases {
        let mut fake = Fake {
            row_limit: Some(0),
            ..Fake::default()
        };
        let place = Place {
            device: device.parse().unwrap(),
            precision,
            memory_limit_mib: NonZeroU32::new(limit),
        };
        let run = run_at(place, &plan, &schedule, &mut fake, ONE_BY_ONE, None);
        assert_eq!(run.ending, Some(Ending::Complete));
        assert_eq!(run.failures().len(), 32);
        let expected = format!(
            "out of device memory with one cell and one component at a time: out of memory; {remedy}"
        );
        assert_eq!(run.failures()[0].1, expected);
    }
}

#[test]
fn a_decoder_that_is_too_large_for_the_device_is_helped_by_the_tiles_that_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut spec = one_setting(folder.path());
    keep_first(&mut spec, Parameter::ImageGuidanceScale);
    spec.size.fit = Fit::Exact {
        width: 256,
        height: 128,
    };
    let run_with = |tile: VaeTile, longest_decoded| {
        let mut spec = spec.clone();
        spec.numerics.vae_tile = tile;
        let mut fake = Fake {
            longest_decoded,
            ..Fake::default()
        };
        let run = run(&plan(&spec), &mut fake, ONE_BY_ONE, None);
        (run, fake.decoded)
    };
    let (whole, decoded) = run_with(VaeTile::Auto, None);
    assert_eq!((whole.images.len(), decoded), (1, 1));
    let (failed, _) = run_with(VaeTile::Auto, Some(32));
    let [(_, error)] = failed.failures()[..] else {
        panic!("{:?}", failed.failures());
    };
    let remedy = "; or numerics.vae_tile = 128, for smaller tiles";
    assert!(error.ends_with(remedy), "{error}");
    // 3 x 1 tiles; in the fake, pixels do not depend on their neighbours.
    let tile = VaeTile::Pixels(NonZeroU32::new(128).unwrap());
    let (tiled, decoded) = run_with(tile, Some(32));
    assert_eq!(decoded, 3);
    let levels = tiled.images[&0].as_raw().iter();
    let mut levels = levels.zip(whole.images[&0].as_raw());
    assert!(levels.all(|(a, b)| a.abs_diff(*b) <= 1));
}

#[test]
fn nan_latents_fail_one_cell_and_name_the_step() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(&spec(folder.path()));
    // The first cell of the first group has 2 branches: rows 0 and 1 belong to step 1, rows 2 and 3 to step 2.
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
