//! The life of baselines: accepted, replaced, outdated, and shared among devices.

use std::fs;

use image::{Rgb, RgbImage};
use ip2p_sweep::judge::{Baseline, Cause, ChangeKind, Check, Conclusion, Verdict, latent_change};
use ip2p_sweep::spec::CheckSpec;
use serde_json::json;

use super::fixture::{TINY, accept, check, line, swapped, verdicts};

#[test]
fn a_baseline_is_accepted_kept_and_cleaned() {
    let copied = TINY.copy();
    let check = copied.check().unwrap();
    assert_eq!(verdicts(&check), [Verdict::Same; 2]);
    assert_eq!(check.conclusion(), Conclusion::Passed);
    assert!(check.causes().is_empty());
    assert_eq!(accept(&copied.run(), &copied.place(), &[]), []);

    let keys: Vec<String> = copied
        .run()
        .plan
        .cells
        .iter()
        .map(|cell| cell.key.to_string())
        .collect();
    assert_eq!(
        copied.with_images(swapped).conclusion(),
        Conclusion::Regression
    );
    assert_eq!(
        accept(&copied.run(), &copied.place(), &keys[1..]),
        [ChangeKind::Replace]
    );
    assert_eq!(
        verdicts(&copied.check().unwrap()),
        [Verdict::Regression, Verdict::Same]
    );
    assert_eq!(
        accept(&copied.run(), &copied.place(), &[]),
        [ChangeKind::Replace]
    );
    assert_eq!(copied.check().unwrap().conclusion(), Conclusion::Passed);
    // Images that are no longer named are removed.
    assert_eq!(
        fs::read_dir(copied.place().join("cells")).unwrap().count(),
        2
    );
    assert_eq!(
        copied.manifest()["cells"][0]["accepted"][0]["reason"],
        "a test"
    );
}

#[test]
fn new_missing_and_failed_cells_are_told() {
    let copied = TINY.copy();
    let empty = copied.folder.path().join("none");
    let none = check(&copied.run(), &empty).unwrap();
    assert_eq!(
        (verdicts(&none), none.conclusion()),
        (vec![Verdict::New; 2], Conclusion::ToAccept)
    );

    copied.edit(|manifest| manifest["cells"][0]["parameters"]["seed"] = json!(77));
    let changed = copied.check().unwrap();
    assert_eq!(verdicts(&changed), [Verdict::New, Verdict::Same]);
    assert_eq!(changed.conclusion(), Conclusion::ToAccept);
    assert_eq!(changed.cells[0].explanation(), "was seed 77");
    assert!(changed.cells[0].expected.is_some());
    copied.edit(|manifest| manifest["cells"][0]["parameters"]["num_inference_steps"] = json!(9));
    let other = copied.check().unwrap();
    assert_eq!(
        verdicts(&other),
        [Verdict::New, Verdict::Same, Verdict::Missing]
    );
    assert_eq!(other.conclusion(), Conclusion::ToAccept);
    let kinds = accept(&copied.run(), &copied.place(), &[]);
    assert_eq!(kinds, [ChangeKind::Add, ChangeKind::Remove]);
    assert_eq!(copied.check().unwrap().conclusion(), Conclusion::Passed);

    let run = copied.run();
    fs::remove_file(run.folder.join(run.plan.cells[0].key.image_path())).unwrap();
    let lost = copied.check().unwrap();
    assert_eq!(
        (verdicts(&lost), lost.conclusion()),
        (vec![Verdict::Error, Verdict::Same], Conclusion::CellsFailed)
    );
}

#[test]
fn another_input_or_size_is_stale_and_another_model_beyond_the_tolerances_a_regression() {
    let copied = TINY.copy();
    copied.edit(|manifest| manifest["cells"][0]["subject"]["image_sha256"] = json!("00"));
    copied.edit(|manifest| manifest["cells"][1]["subject"]["width"] = json!(32));
    let stale = copied.check().unwrap();
    assert_eq!(
        (verdicts(&stale), stale.conclusion()),
        (vec![Verdict::Stale; 2], Conclusion::ToAccept)
    );
    assert_eq!(stale.cells[0].causes, [Cause::Parameters("input image")]);
    assert_eq!(stale.cells[1].causes, [Cause::Parameters("size")]);

    let copied = TINY.copy();
    copied.edit(|manifest| manifest["cells"][0]["accepted"][0]["model_sha256"] = json!("00"));
    let same = copied.check().unwrap();
    assert_eq!(verdicts(&same), [Verdict::Same; 2]);
    assert!(matches!(&same.causes()[..], [(Cause::Model(then, ..), 1)] if then == "00"));
    let worse = copied.with_images(swapped);
    assert_eq!(verdicts(&worse), [Verdict::Regression; 2]);
    assert!(
        worse.cells[0]
            .explanation()
            .starts_with("the model files changed (their digest 00 became ")
    );
    assert_eq!(worse.conclusion(), Conclusion::Regression);
    assert_eq!(
        worse.cells[1].explanation(),
        "nothing known changed since the baseline"
    );
}

#[test]
fn another_device_has_wider_tolerances_and_a_baseline_of_its_own() {
    let copied = TINY.copy();
    copied.edit(|manifest| {
        for cell in manifest["cells"].as_array_mut().unwrap() {
            cell["accepted"][0]["class"]["device"] = json!("another");
        }
    });
    let brighter = |_: usize, mut image: RgbImage| {
        let pixels = image.enumerate_pixels_mut();
        let some = pixels.filter(|(x, y, _)| x / 8 % 2 == y / 8 % 2);
        some.for_each(|(_, _, Rgb([red, _, _]))| *red = red.saturating_add(1));
        image
    };
    let check = copied.with_images(brighter);
    println!("{}", line("half of red brighter by 1", &check));
    assert_eq!(verdicts(&check), [Verdict::Drift; 2]);
    assert_eq!(check.conclusion(), Conclusion::Passed);
    assert!(matches!(check.causes()[..], [(Cause::Device(..), 2)]));
    assert_eq!(
        accept(&copied.run(), &copied.place(), &[]),
        [ChangeKind::AddClass; 2]
    );
    assert_eq!(verdicts(&copied.check().unwrap()), [Verdict::Same; 2]);
    assert_eq!(
        fs::read_dir(copied.place().join("cells")).unwrap().count(),
        4
    );

    // Equal pixels of two classes share a file.
    let copied = TINY.copy();
    copied.edit(|manifest| {
        for cell in manifest["cells"].as_array_mut().unwrap() {
            cell["accepted"][0]["class"]["onnxruntime"] = json!("1.31");
        }
    });
    assert_eq!(
        accept(&copied.run(), &copied.place(), &[]),
        [ChangeKind::AddClass; 2]
    );
    assert_eq!(
        fs::read_dir(copied.place().join("cells")).unwrap().count(),
        2
    );
}

#[test]
fn shards_judge_their_own_cells() {
    let copied = TINY.copy();
    copied.with_images(swapped);
    let baseline = Baseline::read(&copied.place()).unwrap();
    let of = |shard: &str| {
        Check::new(
            &copied.run(),
            &baseline,
            CheckSpec::default(),
            shard.parse().unwrap(),
        )
        .unwrap()
    };
    let whole = of("1/1");
    for shards in [&["1/2", "2/2"][..], &["1/3", "2/3", "3/3"]] {
        let parts = shards.iter().flat_map(|shard| of(shard).cells);
        assert_eq!(parts.collect::<Vec<_>>(), whole.cells, "{shards:?}");
    }
}

#[test]
fn the_first_latents_are_kept_with_every_cell() {
    let copied = TINY.copy();
    let run = copied.run();
    for cell in &run.plan.cells {
        let latents = &run.records[&cell.key].first_latents;
        assert_eq!(latents.len(), 2);
        assert_eq!(latents[0].mean.len(), 4);
        assert_eq!(latent_change(latents, latents), Some(0.0));
    }
}
