//! Chains: stages that work on the images of the previous stage. Each image is computed once, whatever happens on the
//! way.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use assert_cmd::assert::OutputAssertExt;
use ip2p_sweep::store::Run;
use ip2p_sweep::vocabulary::Status;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use serde_json::Value;

use crate::common::place::Place;

const CHAIN: &str = "model = \"model\"\n[sweep]\nimage = \"in.png\"\ninstruction = \"make it winter\"\nseed = [1, 2]\n\
    num_inference_steps = 2\n[size]\nfit = \"floor\"\n\
    [[then]]\ninstruction = \"make it night\"\nguidance_scale = [3.0, 7.0]\nseed = \"same\"\nnum_inference_steps = 2\n\
    [[then]]\nname = \"again\"\ninstruction = \"make it day\"\nseed = [5, 6, 7]\nnum_inference_steps = 2\n";

fn chain() -> Place {
    let place = Place::new();
    fs::write(place.path("chain.toml"), CHAIN).unwrap();
    place
}

fn run_of(place: &Place) -> Run {
    Run::read(&place.path("results/chain")).unwrap()
}

fn pixels(folder: &Path, file: &str) -> Vec<u8> {
    image::open(folder.join(file)).unwrap().to_rgb8().into_raw()
}

#[test]
fn a_chain_is_its_stages_run_by_hand_and_each_image_is_computed_once() {
    let place = chain();
    place
        .ip2p(&["plan", "chain.toml"])
        .assert()
        .success()
        .stdout(contains("2 edits, 4 edits, 12 edits"));
    place.ip2p(&["run", "chain.toml"]).assert().success();
    let run = run_of(&place);
    assert_eq!(run.plan.cells.len(), 2 + 4 + 12);
    let table = fs::read_to_string(run.folder.join("cells.csv")).unwrap();
    assert_eq!(table.lines().count(), 1 + 2 + 4 + 12);
    // The second stage by hand, on an image of the first.
    let night = run.plan.cells.iter().find(|cell| cell.stage == 1).unwrap();
    let winter = run.plan.input_of(night).unwrap();
    fs::copy(
        run.folder.join(winter.image_path()),
        place.path("winter.png"),
    )
    .unwrap();
    let by_hand = format!(
        "model = \"model\"\n[sweep]\nimage = \"winter.png\"\ninstruction = \"make it night\"\nguidance_scale = {}\n\
         seed = {}\nnum_inference_steps = 2\n[size]\nfit = \"floor\"\n",
        night.parameters.guidance_scale, night.parameters.seed
    );
    fs::write(place.path("hand.toml"), by_hand).unwrap();
    place.ip2p(&["run", "hand.toml"]).assert().success();
    let hand = Run::read(&place.path("results/hand")).unwrap();
    assert_eq!(
        pixels(&hand.folder, &hand.plan.cells[0].key.image_path()),
        pixels(&run.folder, &night.key.image_path()),
    );
    assert_eq!(
        night.parameters.seed, 1,
        "the seed of the cell that it works on"
    );
    // Nothing is left to do.
    place
        .ip2p(&["plan", "chain.toml"])
        .assert()
        .success()
        .stdout(contains("of which 18 are done"));
}

#[test]
fn a_plan_tells_what_each_stage_takes() {
    let place = chain();
    let planned = || -> serde_json::Value {
        let mut command = place.ip2p(&["plan", "chain.toml", "--json"]);
        let output = command.assert().success().get_output().stdout.clone();
        let lines = String::from_utf8(output).unwrap();
        serde_json::from_str(lines.lines().next().unwrap()).unwrap()
    };
    let of_stages = |plan: &serde_json::Value, key: &str| -> Vec<f64> {
        let stages = plan["stages"].as_array().unwrap().iter();
        stages
            .map(|stage| stage.pointer(key).unwrap().as_f64().unwrap())
            .collect()
    };
    let before = planned();
    assert_eq!(of_stages(&before, "/cells_left"), [2.0, 4.0, 12.0]);
    let rows: f64 = of_stages(&before, "/unet_rows/evaluated").iter().sum();
    assert_eq!(Some(rows), before["unet_rows"]["evaluated"].as_f64());
    let peaks = of_stages(&before, "/phased_bytes");
    let highest = peaks.into_iter().fold(0.0, f64::max);
    assert_eq!(Some(highest), before["phased_bytes"].as_f64());

    // The run's timings are known; the images of its last two stages are lost.
    place.ip2p(&["run", "chain.toml"]).assert().success();
    let run = run_of(&place);
    for cell in run.plan.cells.iter().filter(|cell| cell.stage > 0) {
        fs::remove_file(run.folder.join(cell.key.image_path())).unwrap();
    }
    let after = planned();
    assert_eq!(of_stages(&after, "/cells_left"), [0.0, 4.0, 12.0]);
    let seconds = of_stages(&after, "/seconds");
    assert_eq!(seconds[0], 0.0);
    assert!(seconds[1] > 0.0 && seconds[2] > seconds[1], "{seconds:?}");
    place
        .ip2p(&["plan", "chain.toml"])
        .assert()
        .success()
        .stdout(contains("stage   cells left  UNet rows"))
        .stdout(contains("\nedit             0          0"));
}

#[test]
fn a_cell_whose_input_has_other_pixels_is_computed_again_and_what_is_lost_comes_back() {
    let place = chain();
    place.ip2p(&["run", "chain.toml"]).assert().success();
    let run = run_of(&place);
    let night = run.plan.cells.iter().find(|cell| cell.stage == 1).unwrap();
    let image = run
        .folder
        .join(run.plan.input_of(night).unwrap().image_path());
    let before = fs::read(run.folder.join(night.key.image_path())).unwrap();
    // A lost image is computed again, to the same pixels, and nothing else is.
    fs::remove_file(&image).unwrap();
    place.ip2p(&["run", "chain.toml"]).assert().success();
    assert!(image.is_file());
    assert_eq!(
        fs::read(run.folder.join(night.key.image_path())).unwrap(),
        before
    );
    let journal = fs::read_to_string(run.folder.join("journal.jsonl")).unwrap();
    let records = journal.lines().filter(|line| line.contains("\"cell\":"));
    assert_eq!(records.count(), 18 + 1);
}

#[test]
fn a_failed_cell_fails_those_that_work_on_it_with_its_key() {
    let place = Place::new();
    let second = "[[then]]\ninstruction = \"make it night\"\nnum_inference_steps = 2\n";
    let sweep = CHAIN.split("[[then]]").next().unwrap().to_owned() + second;
    fs::write(place.path("chain.toml"), sweep).unwrap();
    // The input image cannot be read when its turn comes.
    let prepared = ip2p_sweep::runner::prepare(&place.path("chain.toml"), Default::default());
    let prepared = prepared.unwrap();
    fs::write(place.path("in.png"), "no picture").unwrap();
    let host = crate::common::host();
    let out = place.path("out");
    let execution = ip2p_sweep::runner::Execution::open(&prepared, &out, host).unwrap();
    let cancel = std::sync::atomic::AtomicBool::new(false);
    let executed = execution.run(&cancel, &mut |_| ()).unwrap();
    let run = executed.run;
    for cell in &run.plan.cells {
        let record = &run.records[&cell.key];
        assert_eq!(record.status, Status::Failed);
        if let Some(input) = run.plan.input_of(cell) {
            let error = record.error.as_deref().unwrap();
            assert_eq!(error, format!("its input {input} failed"));
            assert_eq!(record.unet_evals, 0);
        }
    }
}

/// Keys of the cells in the journal, in its order.
fn finished(run: &Path) -> Vec<String> {
    let journal = fs::read_to_string(run.join("journal.jsonl")).unwrap_or_default();
    let records = journal
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let keys = records.filter_map(|record| Some(record.get("cell")?.as_str()?.to_owned()));
    keys.collect()
}

#[test]
fn a_chain_that_is_killed_inside_each_stage_goes_on_and_computes_nothing_twice() {
    let place = chain();
    let slow = CHAIN.replace("num_inference_steps = 2", "num_inference_steps = 40");
    fs::write(place.path("chain.toml"), slow).unwrap();
    place
        .ip2p(&["run", "chain.toml", "--out", "whole"])
        .assert()
        .success();
    let whole = Run::read(&place.path("whole")).unwrap();
    let killed = place.path("killed");
    // Killed after this many cells, inside the stages of 2, 4 and 12 cells.
    for (stage, (enough, end)) in [(1, 2), (3, 6), (9, 18)].into_iter().enumerate() {
        let mut child = place
            .ip2p(&["run", "chain.toml", "--out", "killed"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        while finished(&killed).len() < enough {
            assert!(
                child.try_wait().unwrap().is_none(),
                "it ended before it was killed"
            );
            sleep(Duration::from_millis(1));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let done = finished(&killed).len();
        assert!(done < end, "{done} cells are done: stage {stage} is over");
    }
    place
        .ip2p(&["run", "chain.toml", "--out", "killed"])
        .assert()
        .success();
    let keys = finished(&killed);
    assert_eq!(keys.len(), 18);
    assert_eq!(
        keys.iter().collect::<HashSet<_>>().len(),
        18,
        "a finished cell was computed again"
    );
    for cell in &whole.plan.cells {
        let file = cell.key.image_path();
        assert_eq!(
            pixels(&killed, &file),
            pixels(&whole.folder, &file),
            "{file}"
        );
    }
}

/// The verdicts that a check prints, with their numbers of cells.
fn checked(place: &Place, code: i32) -> String {
    let assert = place.ip2p(&["check", "chain.toml"]).assert().code(code);
    let output = String::from_utf8_lossy(&assert.get_output().stdout).into_owned();
    let line = output.lines().find(|line| line.starts_with("check"));
    line.unwrap_or_default()
        .trim_start_matches("check")
        .trim()
        .to_owned()
}

#[test]
fn a_regression_is_told_once_and_what_is_made_of_it_follows() {
    let place = chain();
    assert_eq!(checked(&place, 11), "18 new");
    place
        .ip2p(&["accept", "results/chain", "--yes"])
        .assert()
        .success();
    assert_eq!(checked(&place, 0), "18 same");
    // Another axis changes the names of images, but no cell.
    let more = CHAIN.replace(
        "guidance_scale = [3.0, 7.0]",
        "guidance_scale = [3.0, 7.0]\nimage_guidance_scale = [1.5, 1.6]",
    );
    fs::write(place.path("chain.toml"), more).unwrap();
    assert_eq!(checked(&place, 11), "18 same, 16 new");
    fs::write(place.path("chain.toml"), CHAIN).unwrap();
    assert_eq!(checked(&place, 0), "18 same");
    // Another noise schedule changes the images of all cells; the regression is that of the first stage.
    let config = place.path("model/scheduler/scheduler_config.json");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("0.012", "0.02")).unwrap();
    assert_eq!(checked(&place, 10), "16 follows, 2 regression");
    let table = fs::read_to_string(place.path("results/chain/check/cells.csv"));
    let junit = fs::read_to_string(place.path("results/chain/check/junit.xml"));
    let told = format!("{}{}", table.unwrap_or_default(), junit.unwrap_or_default());
    let first = run_of(&place).plan.cells[0].key.to_string();
    assert!(
        told.contains(&format!("its input changed ({first})")),
        "{told}"
    );
    // If only the last stage is checked, earlier ones do not matter.
    let last = format!("{CHAIN}[check]\nstages = [\"again\"]\n");
    fs::write(place.path("chain.toml"), &last).unwrap();
    assert_eq!(checked(&place, 10), "12 regression");
    place
        .ip2p(&["accept", "results/chain", "--yes"])
        .assert()
        .success();
    assert_eq!(checked(&place, 0), "12 same");
    fs::write(place.path("chain.toml"), CHAIN).unwrap();
    assert_eq!(checked(&place, 10), "12 same, 4 follows, 2 regression");
    fs::write(
        place.path("chain.toml"),
        last.replace("[\"again\"]", "[\"agian\"]"),
    )
    .unwrap();
    place
        .ip2p(&["check", "chain.toml"])
        .assert()
        .code(2)
        .stderr(contains(
            "check.stages names agian, which is no stage; the stages are edit, edit-2, again",
        ));
}

#[test]
fn init_writes_a_chain_and_offers_the_models_that_suit_it() {
    let place = Place::new();
    for (model, name) in [
        ("tiny_generate", "a_generates"),
        ("tiny_inpaint", "b_inpaints"),
        ("tiny_eps", "c_edits"),
    ] {
        crate::common::copy_folder(
            &crate::common::golden().join(model),
            &place.path("onnx").join(name),
        );
    }
    place
        .ip2p(&[
            "init",
            "in.png",
            "make it winter",
            "--chain",
            "-o",
            "c.toml",
        ])
        .assert()
        .success();
    let text = fs::read_to_string(place.path("c.toml")).unwrap();
    assert!(
        text.contains("model = \"onnx/c_edits\"") && text.contains("\"onnx/b_inpaints\""),
        "{text}"
    );
    place
        .ip2p(&["plan", "c.toml"])
        .assert()
        .success()
        .stdout(contains("2 edits, 2 edits, 4 repaints"));
    // Without a model that repaints, that stage is commented out.
    fs::remove_dir_all(place.path("onnx/b_inpaints")).unwrap();
    place
        .ip2p(&[
            "init",
            "in.png",
            "make it winter",
            "--chain",
            "-o",
            "d.toml",
        ])
        .assert()
        .success();
    place
        .ip2p(&["plan", "d.toml"])
        .assert()
        .success()
        .stdout(contains("2 edits, 2 edits"));
    // Nor is a sweep of edits started with a model that generates.
    place
        .ip2p(&["init", "in.png", "make it winter", "-o", "e.toml"])
        .assert()
        .success();
    let text = fs::read_to_string(place.path("e.toml")).unwrap();
    assert!(text.contains("model = \"onnx/c_edits\""), "{text}");
}

#[test]
fn two_chains_are_compared_stage_by_stage_whatever_their_models() {
    let place = chain();
    place.ip2p(&["run", "chain.toml"]).assert().success();
    crate::common::copy_folder(&place.path("model"), &place.path("model-2"));
    let config = place.path("model-2/scheduler/scheduler_config.json");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("0.012", "0.02")).unwrap();
    fs::write(
        place.path("other.toml"),
        CHAIN.replace("\"model\"", "\"model-2\""),
    )
    .unwrap();
    place.ip2p(&["run", "other.toml"]).assert().success();
    for (stage, cells) in [(None, 12), (Some("edit-2"), 4), (Some("edit"), 2)] {
        let mut arguments = vec![
            "compare",
            "results/chain",
            "results/other",
            "--out",
            "compared",
        ];
        arguments.extend(stage.iter().flat_map(|stage| ["--stage", *stage]));
        place.ip2p(&arguments).assert().success();
        let table = fs::read_to_string(place.path("compared/compare.csv")).unwrap();
        assert_eq!(table.lines().count(), 1 + cells, "{stage:?}: {table}");
    }
}

#[test]
fn stages_are_shown_by_name() {
    let place = chain();
    place.ip2p(&["run", "chain.toml"]).assert().success();
    for arguments in [
        vec!["sheet", "results/chain"],
        vec!["sheet", "results/chain", "--stage", "edit-2"],
        vec!["report", "results/chain", "--stage", "edit"],
        vec!["sheet", "results/chain", "--chain"],
    ] {
        place.ip2p(&arguments).assert().success();
    }
    // Input and three stages across; 12 paths, and each image appears once.
    let sheet = image::open(place.path("results/chain/sheets/chain.png"))
        .unwrap()
        .to_rgb8();
    let alone = ["sheet", "results/chain", "--chain", "--only"];
    let last = run_of(&place).plan.cells[17].key.to_string();
    let alone = [&alone[..], &[&last, "--name", "one"]].concat();
    place.ip2p(&alone).assert().success();
    let one = image::open(place.path("results/chain/sheets/one.png"))
        .unwrap()
        .to_rgb8();
    assert_eq!(one.width(), sheet.width());
    assert!(
        one.height() * 6 < sheet.height(),
        "{} and {}",
        one.height(),
        sheet.height()
    );
    place
        .ip2p(&["sheet", "results/chain", "--stage", "repaint"])
        .assert()
        .code(2)
        .stderr(contains("has no stage repaint").and(contains("edit, edit-2, again")));
}
