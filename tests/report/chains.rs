//! The report of a chain: a page for each stage, navigation along a path, and copies that contain the whole path.

use std::fs;

use assert_cmd::assert::OutputAssertExt;
use ip2p_sweep::store::Run;
use ip2p_sweep::vocabulary::CellKey;
use serde_json::json;

use crate::browser::with_page;
use crate::common::{copy_folder, golden, place::Place};
use crate::copied::{copies, hash, pixels};

/// Two images, each edited twice, and each edit repainted under three kinds of masks.
fn chain() -> (Place, Run) {
    let place = Place::new();
    for model in ["tiny_generate", "tiny_inpaint"] {
        copy_folder(&golden().join(model), &place.path(model));
    }
    fs::copy(
        golden().join("masks/source/same_l.png"),
        place.path("mask.png"),
    )
    .unwrap();
    let text = "model = \"tiny_generate\"\n[sweep]\nprompt = \"a cottage\"\nseed = [1, 2]\nnum_inference_steps = 4\n\
        [size]\nfit = \"exact\"\nwidth = 48\nheight = 32\n\
        [[then]]\nmodel = \"model\"\ninstruction = \"make it winter\"\nguidance_scale = [3.0, 7.0]\nseed = \"same\"\n\
        num_inference_steps = 2\n\
        [[then]]\nname = \"repaint\"\nmodel = \"tiny_inpaint\"\nprompt = \"a red door\"\nstrength = [1.0, 0.8]\n\
        mask = [\"mask.png\", { file = \"mask.png\", grow = 2 }, { changed = \"edit\", above = 0.2 }]\noutside = \"decoded\"\n\
        num_inference_steps = 2\n";
    fs::write(place.path("chain.toml"), text).unwrap();
    place.ip2p(&["run", "chain.toml"]).assert().success();
    let run = Run::read(&place.path("results/chain")).unwrap();
    (place, run)
}

#[test]
fn copies_of_the_cells_of_each_stage_are_those_cells() {
    let (place, run) = chain();
    for (stage, page) in [
        (0, "stage-generate.html"),
        (1, "stage-edit.html"),
        (2, "index.html"),
    ] {
        let cells = run.plan.cells.iter().filter(|cell| cell.stage == stage);
        // The first, the last, and those between that differ in mask and strength.
        let keys: Vec<CellKey> = cells.map(|cell| cell.key.clone()).take(7).collect();
        for (key, copy) in copies(&run, page, keys) {
            let name = copy.parse::<toml::Table>().unwrap()["name"].clone();
            fs::write(place.path("copy.toml"), &copy).unwrap();
            place.ip2p(&["run", "copy.toml"]).assert().success();
            let alone = Run::read(&place.path("results").join(name.as_str().unwrap())).unwrap();
            assert_eq!(alone.plan.cells.len(), stage + 1, "{copy}");
            let cell = alone.plan.cells.last().unwrap();
            assert_eq!(hash(&cell.key), hash(&key), "{copy}");
            assert!(pixels(&alone, &cell.key) == pixels(&run, &key), "{copy}");
        }
    }
}

#[test]
fn a_path_is_walked_from_stage_to_stage() {
    let (_place, run) = chain();
    let last = run.plan.cells.last().unwrap();
    let edit = run.plan.input_of(last).unwrap().to_string();
    let index = run.folder.join("report/index.html");
    let address = format!("cell={}", last.key);
    with_page(&index, &address, async move |page| {
        let stages = page
            .script("return [...document.querySelectorAll('#stages a')].map((a) => a.textContent).join()")
            .await;
        assert_eq!(stages, json!("generate,edit,repaint"));
        let steps = page
            .script("return document.querySelectorAll('.chain-step img').length")
            .await;
        assert_eq!(steps, json!(3), "the images of the path");
        let of_first = page
            .script("document.getElementById('first').click(); return document.querySelector('.picture .before').src")
            .await;
        let of_stage = page
            .script("document.getElementById('first').click(); return document.querySelector('.picture .before').src")
            .await;
        assert_ne!(of_first, of_stage);
        let mask = page
            .script("document.getElementById('mask').click(); return document.querySelector('.picture .mask').src")
            .await;
        assert!(mask.as_str().unwrap().contains("/inputs/mask-"), "{mask}");
        page.script(
            "document.getElementById('viewer').dispatchEvent(new KeyboardEvent('keydown', \
             { key: 'ArrowLeft', shiftKey: true, bubbles: true }))",
        )
        .await;
        page.until("location.pathname.endsWith('stage-edit.html') && document.body.dataset.ready === 'true'").await;
        let cell = page
            .script("return new URLSearchParams(location.hash.slice(1)).get('cell')")
            .await;
        assert_eq!(cell, json!(edit));
    });
}
