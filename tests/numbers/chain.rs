//! A chain compared with diffusers: three of its pipelines run by hand, each on the 8-bit PNGs of the previous one.

use std::fs;
use std::sync::atomic::AtomicBool;

use ip2p_sweep::plan::Cell;
use ip2p_sweep::runner::{Execution, Outcome, prepare};
use serde_json::Value;

use crate::common::{self, golden, golden_json};
use crate::runs::largest_difference;

/// For every pixel of every cell.
const PIXEL_TOLERANCE: u8 = 1;

/// A path as a TOML string.
fn quoted(path: &std::path::Path) -> String {
    Value::from(path.to_str().unwrap()).to_string()
}

/// The sweep file of the golden chain.
fn sweep(index: &Value) -> String {
    let model = |name: &str| quoted(&golden().join(name));
    let mask = golden()
        .join("masks/source")
        .join(index["mask"].as_str().unwrap());
    let (steps, schedulers, prompts) = (&index["steps"], &index["schedulers"], &index["prompts"]);
    format!(
        "model = {}\n[sweep]\nprompt = {}\nseed = {}\nnum_inference_steps = {steps}\nscheduler = {}\n\
         [size]\nfit = \"exact\"\nwidth = {}\nheight = {}\n\
         [[then]]\nmodel = {}\ninstruction = {}\nseed = \"same\"\nnum_inference_steps = {steps}\nscheduler = {}\n\
         [[then]]\nmodel = {}\nprompt = {}\nmask = {}\nstrength = {}\nseed = 3\nnum_inference_steps = {steps}\nscheduler = {}\n",
        model("tiny_generate"),
        prompts["generate"],
        index["seeds"],
        schedulers["generate"],
        index["width"],
        index["height"],
        model("tiny_eps"),
        index["edits"],
        schedulers["edit"],
        model("tiny_inpaint"),
        prompts["inpaint"],
        quoted(&mask),
        index["strengths"],
        schedulers["inpaint"],
    )
}

#[test]
fn a_chain_of_three_stages_is_diffusers_pipelines_run_by_hand() {
    let index = golden_json("chains/index.json");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("chain.toml");
    fs::write(&file, sweep(&index)).unwrap();
    let prepared = prepare(&file, Default::default()).unwrap();
    let out = folder.path().join("out");
    let execution = Execution::open(&prepared, &out, common::host()).unwrap();
    let executed = execution.run(&AtomicBool::new(false), &mut |_| ()).unwrap();
    assert_eq!(
        executed.outcome,
        Outcome::Complete {
            done: 14,
            failed: 0
        }
    );
    let plan = &prepared.plan;
    let mut worst = [0; 3];
    for case in index["cells"].as_array().unwrap() {
        let is_case = |cell: &&Cell| {
            let path = plan.ancestors(cell);
            let first = path.first().copied().unwrap_or(cell);
            let edit = path.get(1).copied().unwrap_or(cell);
            let strength = cell.parameters.strength.map(|strength| strength.to_f64());
            plan.stages[cell.stage].name == case["stage"].as_str().unwrap()
                && first.parameters.seed == case["seed"].as_u64().unwrap()
                && (case["instruction"].is_null()
                    || *edit.parameters.instruction == case["instruction"])
                && strength == case["strength"].as_f64()
        };
        let cells: Vec<&Cell> = plan.cells.iter().filter(is_case).collect();
        let [cell] = cells.as_slice() else {
            panic!("{} cells are {case}", cells.len())
        };
        let name = format!("{}.png", case["name"].as_str().unwrap());
        let expected = ::image::open(golden().join("chains").join(&name))
            .unwrap()
            .to_rgb8();
        let found = ::image::open(out.join(cell.key.image_path()))
            .unwrap()
            .to_rgb8();
        let difference = largest_difference(&found, &expected);
        worst[cell.stage] = difference.max(worst[cell.stage]);
        println!("{name}: {difference}");
    }
    println!("largest differences of the stages: {worst:?}");
    assert!(
        worst
            .iter()
            .all(|difference| *difference <= PIXEL_TOLERANCE),
        "{worst:?}"
    );
}
