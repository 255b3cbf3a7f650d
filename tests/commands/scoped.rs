//! Presets and exclusions of chains: keys of a stage, by the stage's name.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;

use ip2p_sweep::plan::{Cell, Plan};
use ip2p_sweep::runner::prepare;

use crate::common::place::Place;

/// Two edits, and a third with its own name.
const CHAIN: &str = "model = \"model\"\n[sweep]\nimage = \"in.png\"\ninstruction = \"make it winter\"\nseed = [1, 2]\n\
    [size]\nfit = \"floor\"\n\
    [[then]]\ninstruction = \"make it night\"\nguidance_scale = [3.0, 7.0]\n\
    [[then]]\nname = \"again\"\ninstruction = \"make it day\"\nnum_inference_steps = [2, 3]\n";

fn planned(text: &str) -> Result<Plan, String> {
    let place = Place::new();
    fs::write(place.path("s.toml"), text).unwrap();
    match prepare(&place.path("s.toml"), Default::default()) {
        Ok(prepared) => Ok(Arc::unwrap_or_clone(prepared.plan)),
        Err(error) => Err(error.to_string()),
    }
}

fn plan(more: &str) -> Plan {
    planned(&format!("{CHAIN}{more}")).unwrap()
}

#[track_caller]
fn refuses(more: &str, told: &str) {
    assert_eq!(planned(&format!("{CHAIN}{more}")).unwrap_err(), told);
}

fn counts(plan: &Plan) -> [usize; 3] {
    [0, 1, 2].map(|stage| plan.cells.iter().filter(|cell| cell.stage == stage).count())
}

fn hashes(plan: &Plan) -> BTreeSet<String> {
    plan.cells
        .iter()
        .map(|cell| cell.key.hash().to_owned())
        .collect()
}

fn path<'a>(plan: &'a Plan, cell: &'a Cell) -> Vec<&'a Cell> {
    let mut path = plan.ancestors(cell);
    path.push(cell);
    path
}

#[test]
fn an_exclusion_of_several_stages_leaves_out_the_last_of_them_and_what_would_follow() {
    let whole = plan("");
    assert_eq!(counts(&whole), [2, 4, 8]);
    let some = plan("[[exclude]]\nedit.seed = 1\nedit-2.guidance_scale = 7.0\n");
    assert_eq!(counts(&some), [2, 3, 6]);
    assert!(hashes(&some).is_subset(&hashes(&whole)));
    let is_out = |plan: &Plan| {
        plan.cells.iter().any(|cell| {
            let path = path(plan, cell);
            let edits = path
                .get(1)
                .map(|second| second.parameters.guidance_scale.to_string());
            path[0].parameters.seed == 1 && edits.as_deref() == Some("7.0")
        })
    };
    assert!(is_out(&whole) && !is_out(&some));
    // Of the first and the last stage.
    let ends = plan("[[exclude]]\nedit.seed = 2\nagain.num_inference_steps = 3\n");
    assert_eq!(counts(&ends), [2, 4, 6]);
    // Only one stage sets these keys, so they need no stage name.
    assert_eq!(counts(&plan("[[exclude]]\nseed = 1\n")), [1, 2, 4]);
    assert_eq!(
        counts(&plan("[[exclude]]\nguidance_scale = 3.0\n")),
        [2, 2, 4]
    );
    assert_eq!(
        counts(&plan("[[exclude]]\nnum_inference_steps = 3\n")),
        [2, 4, 4]
    );
}

#[test]
fn a_preset_links_keys_of_several_stages() {
    let text = CHAIN
        .replace("seed = [1, 2]\n", "")
        .replace("guidance_scale = [3.0, 7.0]\n", "");
    let presets = "[[preset]]\nname = \"soft\"\nedit.seed = 1\nedit-2.guidance_scale = 3.0\n\
        [[preset]]\nname = \"strong\"\nedit.seed = 2\nedit-2.guidance_scale = 7.0\n";
    let linked = planned(&(text.clone() + presets)).unwrap();
    assert_eq!(counts(&linked), [2, 2, 4]);
    let whole = plan("");
    assert!(hashes(&linked).is_subset(&hashes(&whole)));
    for cell in linked.cells.iter().filter(|cell| cell.stage == 2) {
        let path = path(&linked, cell);
        let scale = path[1].parameters.guidance_scale.to_string();
        let expected = match path[0].parameters.preset.as_deref() {
            Some("soft") => (1, "3.0"),
            _ => (2, "7.0"),
        };
        assert_eq!((path[0].parameters.seed, scale.as_str()), expected);
    }
    // In a later stage only, and excluded there by name.
    let later = "[[preset]]\nname = \"soft\"\nagain.image_guidance_scale = 1.2\nnegative_prompt = \"blurry\"\n\
        [[preset]]\nname = \"strong\"\nagain.image_guidance_scale = 1.8\n"
        .replace("negative_prompt", "again.negative_prompt");
    let later = plan(&format!(
        "{later}[[exclude]]\npreset = \"strong\"\nseed = 1\n"
    ));
    assert_eq!(counts(&later), [2, 4, 12]);
    // A prompt that presets give to a stage that has none.
    let bare = text.replace(
        "instruction = \"make it night\"\n",
        "guidance_scale = 3.0\n",
    );
    let prompts = "[[preset]]\nname = \"a\"\nedit-2.prompt = \"make it night\"\n\
        [[preset]]\nname = \"b\"\nedit-2.prompt = \"make it day\"\n";
    assert_eq!(
        counts(&planned(&(bare.clone() + prompts)).unwrap()),
        [1, 2, 4]
    );
    let one = "[[preset]]\nname = \"a\"\nedit-2.prompt = \"make it night\"\n\
        [[preset]]\nname = \"b\"\nedit-2.guidance_scale = 7.0\n";
    let told = planned(&(bare.replace("guidance_scale = 3.0\n", "") + one)).unwrap_err();
    assert!(told.starts_with("instruction is missing: "), "{told}");
}

#[test]
fn keys_that_could_be_of_several_stages_or_of_none_are_told_with_the_stage() {
    refuses(
        "[[exclude]]\ninstruction = \"make it day\"\n",
        "instruction of exclude 1 could belong to several stages: edit, edit-2, again",
    );
    refuses(
        "[[preset]]\nname = \"a\"\nnegative_prompt = \"blurry\"\n",
        "negative_prompt of preset \"a\" could belong to several stages: edit, edit-2, again",
    );
    refuses(
        "[[exclude]]\nedits.seed = 1\n",
        "exclude 1 names edits, which is no stage; the stages are edit, edit-2, again",
    );
    refuses(
        "[[exclude]]\nedit-2.guidance_scale = 5.0\n",
        "exclude 1 never matches: no cell of stage edit-2 has guidance_scale = 5.0",
    );
    refuses(
        "[[preset]]\nname = \"a\"\nedit-2.guidance_scale = 5.0\n",
        "preset \"a\" cannot set guidance_scale of stage edit-2: it has several values there, which makes it an axis of its own",
    );
    refuses(
        "[[preset]]\nname = \"a\"\nedit-2.image = \"in.png\"\n",
        "preset \"a\" cannot set image of stage edit-2: its images are those of the stage before",
    );
    let told = planned(&format!("{CHAIN}[[exclude]]\nedit.seeed = 1\n")).unwrap_err();
    assert!(
        told.starts_with("unknown key \"seeed\" in [[exclude]]"),
        "{told}"
    );
    let named = CHAIN.replace("name = \"again\"", "name = \"seed\"");
    let told = planned(&named).unwrap_err();
    assert!(told.contains("it is a key of stages"), "{told}");
}

#[test]
fn a_sweep_of_one_stage_may_name_it() {
    let text = CHAIN.split("[[then]]").next().unwrap();
    let bare = planned(&format!("{text}[[exclude]]\nseed = 1\n")).unwrap();
    let named = planned(&format!("{text}[[exclude]]\nedit.seed = 1\n")).unwrap();
    assert_eq!(bare.cells, named.cells);
    assert_eq!(bare.cells.len(), 1);
}
