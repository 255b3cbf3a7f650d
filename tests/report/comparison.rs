//! The page of a comparison of two runs.

use std::path::{Path, PathBuf};

use fantoccini::key::Key;
use image::{Rgb, RgbImage};
use ip2p_sweep::store::Run;
use ip2p_sweep::views::View;
use ip2p_sweep::views::compare::{Compared, compare};
use ip2p_sweep::vocabulary::SchedulerKind;
use serde_json::json;
use tempfile::TempDir;

use crate::browser::{with_page, with_phone};
use crate::fixture::Sweep;

const HOSTILE: &str =
    "</figcaption></script><img src=x onerror=\"window.hacked=1\">'\"<!-- \u{202e}gnp.exe {{ a }}";
const LONG: &str = "turn the small wooden house by the lake into a medieval stone castle with four tall towers, red banners, \
    a drawbridge over a dark moat, a full moon behind thin clouds, torches along the walls, and a knight in shining \
    armour who rides a white horse towards the gate at night while it begins to snow on the hills";
const RED: [u8; 3] = [255, 0, 0];

fn page_of(runs: [&Run; 2], out: &Path) -> PathBuf {
    let comparison = &compare(runs).unwrap();
    let out = out.to_owned();
    let view = Compared {
        runs,
        comparison,
        out,
    };
    view.write().unwrap().path("page").unwrap().to_owned()
}

/// Two runs with four cells in common, the third of which is red in the second run, and four cells of their own each.
pub fn comparison() -> (TempDir, PathBuf) {
    let root = tempfile::tempdir().unwrap();
    let run = |name: &str, seeds: Vec<u64>| {
        let sweep = Sweep {
            instructions: vec!["make it winter", HOSTILE],
            seeds,
            image_guidance: vec!["1.5"],
            guidance: vec!["3.0", "7.0"],
            ..Sweep::default()
        };
        sweep.done(&root.path().join(name))
    };
    let (a, b) = (run("a", vec![42, 43]), run("b", vec![42, 44]));
    let third = &b.plan.cells[4];
    RgbImage::from_pixel(third.width, third.height, Rgb(RED))
        .save(b.folder.join(third.key.image_path()))
        .unwrap();
    let page = page_of([&a, &b], &root.path().join("out"));
    (root, page)
}

#[test]
fn the_slider_shows_one_run_or_the_other() {
    let (_folder, index) = comparison();
    with_page(&index, "", async |page| {
        let third = "figure:nth-child(3) .stage";
        page.script(&format!(
            "document.querySelector('{third}').scrollIntoView({{ block: 'center' }})"
        ))
        .await;
        page.until(&format!(
            "[...document.querySelectorAll('{third} img')].every((image) => image.naturalWidth === 48)"
        ))
        .await;
        let split = |figure: u32| {
            format!(
                "return document.querySelector('figure:nth-child({figure}) .stage').style.getPropertyValue('--split')"
            )
        };
        assert_eq!(page.script(&split(3)).await, json!("50%"));
        // A click in the middle focuses the slider; keys move it.
        page.click(&format!("{third} input")).await;
        page.press(&Key::Home.to_string()).await;
        assert_eq!(page.script(&split(3)).await, json!("0%"));
        assert_eq!(
            page.pixel_of(third).await,
            RED,
            "all of it is the second run's"
        );
        page.press(&Key::End.to_string()).await;
        assert_eq!(page.script(&split(3)).await, json!("100%"));
        assert_ne!(
            page.pixel_of(third).await,
            RED,
            "all of it is the first run's"
        );
        assert_eq!(page.script(&split(2)).await, json!("50%"));
    });
}

#[test]
fn the_keyboard_alone_orders_and_moves_all_sliders() {
    let (_folder, index) = comparison();
    with_page(&index, "", async |page| {
        let first = "return document.querySelector('main figcaption').textContent";
        let planned = page.script(first).await;
        page.script("document.getElementById('order').focus()")
            .await;
        page.press(&Key::Down.to_string()).await;
        page.until(
            "document.getElementById('pairs').firstElementChild.textContent.includes('onerror')",
        )
        .await;
        page.press(&Key::Up.to_string()).await;
        page.until(
            "!document.getElementById('pairs').firstElementChild.textContent.includes('onerror')",
        )
        .await;
        assert_eq!(page.script(first).await, planned);
        page.press(&Key::Tab.to_string()).await;
        page.press(" ").await;
        page.press(&Key::Tab.to_string()).await;
        let label = "return document.activeElement.getAttribute('aria-label')";
        assert_eq!(
            page.script(label).await,
            json!(
                "guidance_scale 3.0, instruction make it winter: share of the picture that shows A, percent"
            )
        );
        page.press(&Key::End.to_string()).await;
        let splits = "return [...document.querySelectorAll('.stage')].map((stage) => stage.style.getPropertyValue('--split'))";
        assert_eq!(
            page.script(splits).await,
            json!(["100%", "100%", "100%", "100%"])
        );
    });
}

#[test]
fn hostile_text_is_shown_as_text_and_cells_of_one_run_are_listed() {
    let (_folder, index) = comparison();
    with_page(&index, "", async |page| {
        let labels = page.texts("main figcaption bdi").await;
        assert_eq!(
            labels[2],
            format!("guidance_scale 3.0, instruction {HOSTILE}")
        );
        assert_eq!(page.texts("section h2").await, ["Only in A", "Only in B"]);
        let alone = page.texts("section li").await;
        assert_eq!(alone.len(), 8);
        assert_eq!(
            alone[0],
            "guidance_scale 3.0, seed 43, instruction make it winter"
        );
        assert_eq!(
            alone[7],
            format!("guidance_scale 7.0, seed 44, instruction {HOSTILE}")
        );
        assert_eq!(
            page.script("return window.hacked ?? document.querySelectorAll('[onerror]').length")
                .await,
            json!(0)
        );
    });
}

#[test]
fn long_captions_are_cut_and_shown_whole_by_a_button() {
    let root = tempfile::tempdir().unwrap();
    let run = |name: &str| {
        let sweep = Sweep {
            instructions: vec!["make it winter", LONG],
            seeds: vec![42],
            image_guidance: vec!["1.5"],
            guidance: vec!["3.0"],
            ..Sweep::default()
        };
        sweep.done(&root.path().join(name))
    };
    let (a, b) = (run("a"), run("b"));
    let out = root.path().join("out");
    let index = page_of([&a, &b], &out);
    with_page(&index, "", async |page| {
        let buttons = "[...document.querySelectorAll('figcaption button')]";
        page.until(&format!("!{buttons}[1].hidden")).await;
        let hidden = format!("return {buttons}.map((button) => button.hidden)");
        assert_eq!(page.script(&hidden).await, json!([true, false]));
        let lines = "const words = document.querySelectorAll('figcaption bdi')[1];
             return Math.round(words.clientHeight / parseFloat(getComputedStyle(words).lineHeight))";
        assert_eq!(page.script(lines).await, json!(2));
        page.script(&format!("{buttons}[1].focus()")).await;
        page.press(" ").await;
        let whole = "const words = document.querySelectorAll('figcaption bdi')[1]; return words.scrollHeight === words.clientHeight";
        assert_eq!(page.script(whole).await, json!(true));
        page.press(" ").await;
        assert_eq!(page.script(lines).await, json!(2));
    });
}

#[test]
fn a_phone_shows_the_pictures_below_each_other_and_breaks_no_words() {
    let root = tempfile::tempdir().unwrap();
    let run = |name: &str| Sweep::default().done(&root.path().join(name));
    let (a, mut b) = (run("a"), run("b"));
    for cell in &mut std::sync::Arc::make_mut(&mut b.plan).cells {
        cell.parameters.scheduler = SchedulerKind::Ddim;
        cell.parameters.model =
            "../exported/with/a/long/path/onnx/instruct-pix2pix-00-22000".into();
    }
    let out = root.path().join("out");
    let index = page_of([&a, &b], &out);
    with_phone(&index, "", async |page| {
        let room = "return [document.documentElement.scrollWidth, innerWidth]";
        assert_eq!(page.script(room).await, json!([390, 390]));
        let pictures = "const [slider, difference] = document.querySelector('.views').children;
            const [above, below] = [slider, difference].map((node) => node.getBoundingClientRect());
            return [above.bottom <= below.top, above.left === below.left, above.width > 300, below.width > 300]";
        assert_eq!(page.script(pictures).await, json!([true, true, true, true]));
        assert_eq!(
            page.texts(".settings th").await[3..],
            ["model", "scheduler"]
        );
        let lines = "return [...document.querySelectorAll('.settings tr:last-child bdi')].map((words) => [words.textContent, words.getClientRects().length])";
        assert_eq!(
            page.script(lines).await,
            json!([["euler_ancestral", 1], ["ddim", 1]])
        );
    });
}
