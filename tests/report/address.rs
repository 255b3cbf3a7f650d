//! Addresses that encode what is shown, and still mean the same when the sweep has grown.

use fantoccini::key::Key;
use serde_json::json;

use crate::browser::{COLUMN_LABELS, ROW_LABELS, with_page};
use crate::fixture::{Sweep, report};

const LONG: &str =
    "turn the small house by the lake into a stone castle with four tall towers & red = banners";

#[test]
fn a_deep_link_shows_what_was_sent() {
    let sweep = Sweep::default();
    let (folder, index) = report(&sweep);
    let run = sweep.done(folder.path());
    // A cell outside the panel that the address would otherwise show.
    let cell = run.plan.cells.last().unwrap();
    let address = format!(
        "rows=guidance_scale&columns=image_guidance_scale&size=96&cell={}&mode=difference",
        cell.key
    );
    with_page(&index, &address, async |page| {
        assert_eq!(page.texts(ROW_LABELS).await, ["3.0", "7.0", "9.5"]);
        assert_eq!(
            page.script("return document.getElementById('viewer').open")
                .await,
            json!(true)
        );
        let title = page.texts("#viewer-title").await;
        assert_eq!(
            title,
            [
                "make it night · seed\u{a0}43 · image_guidance_scale\u{a0}2.0 · guidance_scale\u{a0}9.5"
            ]
        );
        assert_eq!(
            page.script("return document.querySelector('.picture').dataset.mode")
                .await,
            json!("difference")
        );
        page.press(&Key::Escape.to_string()).await;
        page.until("!document.getElementById('viewer').open").await;
        assert_eq!(
            page.script("return document.getElementById('at-instruction').value")
                .await,
            json!("1")
        );
        assert_eq!(
            page.script("return document.activeElement.clientWidth")
                .await,
            json!(96)
        );
    });
}

#[test]
fn an_address_that_means_nothing_is_no_error() {
    let (_folder, index) = report(&Sweep::default());
    let address = "rows=guidance_scale&columns=guidance_scale&view=x&cell=none&at.seed=99&at.seed.x=1&at.instruction=%ff&hide.seed=42&hide.seed=43&hide.seed=7&hide.guidance_scale=~&size=1e9&sort=%3Cb%3E";
    with_page(&index, address, async |page| {
        assert_eq!(page.texts(ROW_LABELS).await, ["3.0", "7.0", "9.5"]);
        assert_eq!(
            page.script("return document.querySelectorAll('.tile').length")
                .await,
            json!(3)
        );
    });
}

#[test]
fn an_address_means_the_same_when_the_sweep_has_more_values() {
    let (_folder, index) = report(&Sweep {
        instructions: vec!["make it winter", LONG, "50 % & more = fog"],
        seeds: vec![42, 43],
        ..Sweep::default()
    });
    let (found, address) = std::sync::mpsc::channel();
    with_page(&index, "", async move |page| {
        // Values that come first are kept too.
        page.choose("#at-instruction", "2").await;
        page.choose("#at-seed", "1").await;
        page.choose("#at-seed", "0").await;
        page.click("#values > summary").await;
        for hidden in ["guidance_scale-0", "guidance_scale-2", "instruction-1"] {
            page.click(&format!("#value-{hidden}")).await;
        }
        found.send(page.hash().await).unwrap();
    });
    // Nothing to do without a browser.
    let Ok(address) = address.recv() else { return };
    assert!(address.contains("at.seed=42&"), "{address}");
    assert!(!address.contains("stone"), "{address}");
    let (_folder, index) = report(&Sweep {
        instructions: vec!["make it night", "50 % & more = fog", LONG],
        seeds: vec![7, 42],
        guidance: vec!["1.0", "3.0", "7.0", "8.0", "9.5"],
        ..Sweep::default()
    });
    with_page(&index, &address, async |page| {
        assert_eq!(page.texts(COLUMN_LABELS).await, ["1.0", "7.0", "8.0"]);
        let chosen = "return ['instruction', 'seed'].map((axis) => document.getElementById(`at-${axis}`).selectedOptions[0].text)";
        assert_eq!(
            page.script(chosen).await,
            json!(["50 % & more = fog", "42"])
        );
        let instructions = "return [...document.getElementById('at-instruction').options].map((option) => option.text)";
        assert_eq!(
            page.script(instructions).await,
            json!(["make it night", "50 % & more = fog"])
        );
    });
}
