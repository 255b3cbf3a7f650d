//! Nothing is computed twice, and sharing changes no pixel.

use std::collections::BTreeSet;
use std::path::Path;

use ip2p_sweep::diffusion::GuidanceMode;
use ip2p_sweep::engine::{Ending, Policy};
use ip2p_sweep::plan::{Plan, PlanFiles, Schedule};
use ip2p_sweep::spec::{Overrides, SweepSpec};
use ip2p_sweep::vocabulary::{Parameter, Value};

use super::fake::Fake;
use super::fixture::{
    ONE_BY_ONE, STEPS, evaluations_told, keep_first, plan, run, run_schedule, scale, scales, spec,
};

#[test]
fn everything_distinct_is_computed_once() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(&spec(folder.path()));
    let mut fake = Fake::default();
    let run = run(&plan, &mut fake, ONE_BY_ONE, None);

    assert_eq!(run.ending, Some(Ending::Complete));
    assert_eq!(run.images.len(), 32);
    assert_eq!(fake.texts, ["make it winter", "", "make it night"]);
    assert_eq!(fake.images, 2);
    assert_eq!(fake.decoded, 32);
    assert_eq!(fake.loads.len(), 4, "each session is made once");

    // For each instruction a group (image, seed) has the cells (7.5, 1.0), (1.5, 1.0), (7.5, 1.5), (1.5, 1.5). Their
    // branches: text + image, text + image, all three, text + unconditional: 9 rows a step for 4 cells. The first step
    // is shared: 2 texts, 1 image, 1 unconditional: 4 rows a group.
    let groups = 4;
    let later = groups * 2 * 9 * u64::from(STEPS - 1);
    assert_eq!(fake.unet_rows, later + groups * 4);
    let told: u64 = run
        .records
        .values()
        .map(|record| u64::from(record.unet_evals))
        .sum();
    assert_eq!(told, fake.unet_rows, "the records add up");
    let planned = Schedule::new(&plan, &(0..32).collect::<Vec<_>>())
        .unet_rows(|_, _, _| (0..STEPS).collect());
    assert_eq!(
        planned.evaluated, fake.unet_rows,
        "the plan promised as many"
    );
    assert_eq!(planned.plain(), 32 * 3 * u64::from(STEPS));
}

#[test]
fn neither_batches_nor_phases_change_a_pixel() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(&spec(folder.path()));
    let reference = run(&plan, &mut Fake::default(), ONE_BY_ONE, None);
    let policies = [
        Policy {
            phased: true,
            ..ONE_BY_ONE
        },
        Policy {
            phased: false,
            batch: 3,
            unet_rows: 9,
            calls: 1,
            pad: false,
            probe: false,
        },
        Policy {
            phased: true,
            batch: 7,
            unet_rows: 2,
            calls: 1,
            pad: false,
            probe: false,
        },
    ];
    for policy in policies {
        let mut fake = Fake::default();
        let run = run(&plan, &mut fake, policy, None);
        assert_eq!(run.images, reference.images, "{policy}");
        if policy.phased {
            assert_eq!(fake.most_loaded, 1, "one component at a time");
            assert_eq!(fake.loads.len(), 4, "each session is made once");
        }
    }
}

/// 1 image and seed x 2 starts x 3 ends.
fn interval_spec(folder: &Path) -> SweepSpec {
    let mut spec = spec(folder);
    keep_first(&mut spec, Parameter::Image);
    keep_first(&mut spec, Parameter::Seed);
    keep_first(&mut spec, Parameter::Instruction);
    spec.values[Parameter::GuidanceScale] = scales(&["7.5"]);
    spec.values[Parameter::ImageGuidanceScale] = scales(&["1.5"]);
    // Nested so that cells that share work are not neighbours in the plan.
    spec.values[Parameter::GuidanceStart] = scales(&["0.0", "0.25"]);
    spec.values[Parameter::GuidanceEnd] = scales(&["0.5", "1.0", "0.75"]);
    spec
}

#[test]
fn cells_share_their_trajectory_until_they_part() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(&interval_spec(folder.path()));
    // G asks three rows, O one of them. First step: G and O part, 3 rows. Then for each of the two starts: step 2,
    // all G, 3; step 3, the end 0.5 parts, 3; step 4, O after 0.5, 1, and the ends 0.75 and 1.0 part, 3.
    let expected = 3 + 2 * (3 + 3 + 1 + 3);
    for (batch, unet_rows) in [(1, 1), (2, 3), (4, 5), (6, 18)] {
        let policy = Policy {
            batch,
            unet_rows,
            ..ONE_BY_ONE
        };
        let mut fake = Fake::default();
        let run = run(&plan, &mut fake, policy, None);
        assert_eq!(run.images.len(), 6);
        assert_eq!(fake.unet_rows, expected, "{policy}");
        assert_eq!(evaluations_told(&run), expected, "{policy}");
    }
    let pending: Vec<usize> = (0..plan.cells.len()).collect();
    let planned = Schedule::new(&plan, &pending).unet_rows(|_, _, _| (0..STEPS).collect());
    assert_eq!(planned.evaluated, expected);
    assert_eq!(planned.plain(), 6 * 3 * u64::from(STEPS));
}

#[test]
fn shared_trajectories_give_the_pixels_of_cells_that_run_alone() {
    let folder = tempfile::tempdir().unwrap();
    let spec = interval_spec(folder.path());
    let together = run(&plan(&spec), &mut Fake::default(), ONE_BY_ONE, None);
    let plan_of_all = plan(&spec);
    for (cell, all) in plan_of_all.cells.iter().enumerate() {
        let mut alone = spec.clone();
        alone.values[Parameter::GuidanceStart] = vec![all.parameters.guidance_start.into()];
        alone.values[Parameter::GuidanceEnd] = vec![all.parameters.guidance_end.into()];
        let alone = run(&plan(&alone), &mut Fake::default(), ONE_BY_ONE, None);
        assert_eq!(together.images[&cell], alone.images[&0], "{}", all.key);
    }
}

#[test]
fn what_is_promised_is_evaluated_whatever_is_left_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let mut spec = spec(folder.path());
    spec.values[Parameter::GuidanceStart] = scales(&["0.0", "0.5"]);
    spec.values[Parameter::GuidanceEnd] = scales(&["0.75", "1.0"]);
    let plan = plan(&spec);
    let every_third: Vec<usize> = (0..plan.cells.len()).step_by(3).collect();
    for pending in [(0..plan.cells.len()).collect(), every_third] {
        let schedule = Schedule::new(&plan, &pending);
        let planned = schedule.unet_rows(|_, _, _| (0..STEPS).collect());
        for batch in [1, 3, 7, 64] {
            let policy = Policy {
                batch,
                unet_rows: batch,
                ..ONE_BY_ONE
            };
            let mut fake = Fake::default();
            let run = run_schedule(&plan, &schedule, &mut fake, policy, None);
            assert_eq!(run.images.len(), pending.len());
            assert_eq!(fake.unet_rows, planned.evaluated, "{policy}");
            assert_eq!(evaluations_told(&run), planned.evaluated, "{policy}");
        }
    }
}

#[test]
fn padding_shows_the_model_one_shape_and_changes_no_pixel() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(&spec(folder.path()));
    let reference = run(&plan, &mut Fake::default(), ONE_BY_ONE, None);
    let padded = Policy {
        batch: 3,
        unet_rows: 5,
        calls: 1,
        pad: true,
        ..ONE_BY_ONE
    };
    let mut fake = Fake::default();
    let run = run(&plan, &mut fake, padded, None);
    assert_eq!(run.images, reference.images);
    assert_eq!(fake.shapes, BTreeSet::from([5]));
    assert_eq!(evaluations_told(&run), evaluations_told(&reference));
}

#[test]
fn texts_stay_in_their_rows_from_call_to_call() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(&spec(folder.path()));
    let reference = run(&plan, &mut Fake::default(), ONE_BY_ONE, None);
    let pooled = Policy {
        batch: 8,
        unet_rows: 8,
        calls: 12,
        pad: true,
        ..ONE_BY_ONE
    };
    let mut fake = Fake::default();
    let run = run(&plan, &mut fake, pooled, None);
    assert_eq!(run.images, reference.images);
    let (rows, calls) = (*fake.shapes.first().unwrap(), fake.unet_rows);
    let calls = calls as usize / rows;
    // Three texts meet in two rows, each of which changes at most twice a step.
    let changes = fake.versions.len();
    assert!(changes <= 1 + 4 * STEPS as usize, "{changes} of {calls}");
    assert!(calls > 2 * changes, "{changes} of {calls}");
}

#[test]
fn cells_with_the_same_sampling_are_denoised_together_wherever_they_are_in_the_plan() {
    let folder = tempfile::tempdir().unwrap();
    let mut spec = spec(folder.path());
    spec.values[Parameter::NumInferenceSteps] = vec![Value::Whole(3), Value::Whole(4)];
    keep_first(&mut spec, Parameter::Instruction);
    keep_first(&mut spec, Parameter::GuidanceScale);
    keep_first(&mut spec, Parameter::ImageGuidanceScale);
    let plan = plan(&spec);
    let policy = Policy {
        batch: 4,
        unet_rows: 8,
        ..ONE_BY_ONE
    };
    let run = run(&plan, &mut Fake::default(), policy, None);
    let sizes: Vec<u32> = run
        .records
        .values()
        .map(|record| record.batch_size)
        .collect();
    assert_eq!(
        sizes, [4; 8],
        "2 images x 2 seeds, though the images lie apart"
    );
}

#[test]
fn an_interval_without_steps_is_refused_unless_it_is_excluded() {
    let folder = tempfile::tempdir().unwrap();
    let mut spec = interval_spec(folder.path());
    let files = || PlanFiles {
        models: plan(&spec).models,
        images: plan(&spec).images,
        masks: Vec::new(),
    };
    let (first, second) = (files(), files());
    spec.values[Parameter::GuidanceStart].extend(scales(&["0.5"]));
    let refused = Plan::new(&spec, first).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "guidance_start is 0.5 where guidance_end is 0.5: guidance would act at no step"
    );
    let exclude = Overrides::default()
        .with(Parameter::GuidanceStart, scale("0.5"))
        .with(Parameter::GuidanceEnd, scale("0.5"));
    spec.excludes.push(exclude);
    assert_eq!(Plan::new(&spec, second).unwrap().cells.len(), 8);
}

#[test]
fn a_cell_without_an_interval_keeps_the_hash_that_it_had_before_there_were_intervals() {
    let folder = tempfile::tempdir().unwrap();
    let mut spec = spec(folder.path());
    // First 12 digits of the SHA-256 of the JSON that version 0.1 hashed, computed in Python.
    let before = "23dea9f6ba36";
    assert!(plan(&spec).cells[0].key.as_str().ends_with(before));
    spec.values[Parameter::GuidanceEnd] = scales(&["0.5"]);
    assert!(!plan(&spec).cells[0].key.as_str().ends_with(before));
}

#[test]
fn cells_without_guidance_are_computed_once_and_copied() {
    let folder = tempfile::tempdir().unwrap();
    let mut spec = spec(folder.path());
    spec.numerics.guidance = GuidanceMode::Diffusers;
    spec.values[Parameter::GuidanceScale] = scales(&["0.5", "1.0", "7.5"]);
    spec.values[Parameter::ImageGuidanceScale] = scales(&["0.9", "1.5"]);
    let plan = plan(&spec);
    let mut fake = Fake::default();
    let run = run(&plan, &mut fake, ONE_BY_ONE, None);

    // 5 of 6 cells have guidance off: (0.5, *), (1.0, *), (7.5, 0.9).
    let parts = 2 * 2 * 2;
    assert_eq!(run.images.len(), parts * 6);
    assert_eq!(fake.decoded, parts * 2);
    let copies: Vec<usize> = (0..plan.cells.len())
        .filter(|&cell| plan.cells[cell].same_as.is_some())
        .collect();
    assert_eq!(copies.len(), parts * 4);
    for cell in copies {
        let original = plan
            .cells
            .iter()
            .position(|other| Some(&other.key) == plan.cells[cell].same_as.as_ref());
        assert_eq!(run.images[&cell], run.images[&original.unwrap()]);
        assert_eq!(run.records[&cell].unet_evals, 0);
    }
}
