//! A cell in the large view.

use fantoccini::key::Key;
use serde_json::json;

use crate::browser::with_page;
use crate::fixture::{Sweep, report};

#[test]
fn the_slider_follows_the_keyboard_and_the_pointer() {
    let (_folder, index) = report(&Sweep::default());
    with_page(&index, "", async |page| {
        page.click(".tile").await;
        page.until("document.querySelector('.picture .before').naturalWidth === 48")
            .await;
        let clip = "return getComputedStyle(document.querySelector('.picture .after')).clipPath";
        assert_eq!(page.script(clip).await, json!("inset(0px 0px 0px 50%)"));
        page.script("document.getElementById('split').focus()")
            .await;
        page.press(&Key::End.to_string()).await;
        assert_eq!(page.script(clip).await, json!("inset(0px 0px 0px 100%)"));
        page.click(".window").await;
        let split = page
            .script("return Number(document.getElementById('split').value)")
            .await;
        assert!(
            (split.as_f64().unwrap() - 50.0).abs() < 1.5,
            "a click in the middle: {split}"
        );
    });
}

#[test]
fn a_cell_is_copied_as_a_sweep_of_its_own() {
    let (_folder, index) = report(&Sweep {
        instructions: vec!["say \"hi\"\\ \u{202e}\n\u{7f}", "make it night"],
        seeds: vec![u64::MAX],
        ..Sweep::default()
    });
    with_page(&index, "", async |page| {
        page.click(".tile").await;
        page.click("#copy-toml").await;
        page.until("document.getElementById('copied').textContent === 'Copied.'")
            .await;
        let text = page
            .script("return document.getElementById('toml').value")
            .await;
        let text = text.as_str().unwrap();
        assert!(!text.contains('\u{202e}'), "marks of direction are escaped");
        let sweep: toml::Table = text.parse().unwrap();
        assert_eq!(sweep["name"].as_str(), Some("winter-000000"));
        assert_eq!(sweep["model"].as_str(), Some("../onnx/demo"));
        let cell = sweep["sweep"].as_table().unwrap();
        assert_eq!(cell["image"].as_str(), Some("photos/lake.png"));
        assert_eq!(
            cell["instruction"].as_str(),
            Some("say \"hi\"\\ \u{202e}\n\u{7f}")
        );
        assert_eq!(cell["guidance_scale"].as_float(), Some(3.0));
        assert_eq!(cell["image_guidance_scale"].as_float(), Some(1.0));
        assert_eq!(cell["seed"].as_str(), Some("18446744073709551615"));
        assert_eq!(cell["num_inference_steps"].as_integer(), Some(20));
        assert_eq!(cell["scheduler"].as_str(), Some("euler_ancestral"));
        assert_eq!(sweep["size"]["fit"].as_str(), Some("crop"));
        assert_eq!(sweep["numerics"]["noise"].as_str(), Some("torch-cpu"));
    });
}

#[test]
fn where_the_browser_refuses_to_copy_the_text_is_selected() {
    let (_folder, index) = report(&Sweep::default());
    with_page(&index, "", async |page| {
        page.script("navigator.clipboard.writeText = () => Promise.reject(new Error('no'))")
            .await;
        page.click(".tile").await;
        page.click("#copy-toml").await;
        page.until("document.activeElement.id === 'toml'").await;
        let selected = "const { value, selectionStart, selectionEnd } = document.activeElement; return selectionEnd - selectionStart === value.length";
        assert_eq!(page.script(selected).await, json!(true));
    });
}

#[test]
fn the_back_button_closes_a_cell() {
    let (_folder, index) = report(&Sweep::default());
    with_page(&index, "", async |page| {
        page.click(".tile").await;
        page.until("document.getElementById('viewer').open").await;
        page.0.back().await.unwrap();
        page.until("!document.getElementById('viewer').open").await;
        assert_eq!(page.hash().await, "");
    });
}

#[test]
fn a_cell_that_is_opened_while_another_closes_stays_open() {
    let (_folder, index) = report(&Sweep::default());
    with_page(&index, "", async |page| {
        page.click(".tile").await;
        page.script(
            "const viewer = document.getElementById('viewer'); \
             viewer.addEventListener('close', () => { window.wasTold = true; }, { once: true }); \
             viewer.close(); document.querySelectorAll('.tile')[1].click();",
        )
        .await;
        page.until("window.wasTold").await;
        page.until("document.getElementById('viewer').open").await;
        page.click("#viewer-close").await;
        page.until("!document.getElementById('viewer').open && !location.hash.includes('cell=')")
            .await;
    });
}

#[test]
fn the_difference_is_drawn_as_heat() {
    let (_folder, index) = report(&Sweep::default());
    with_page(&index, "mode=difference", async |page| {
        page.click(".tile").await;
        page.until("document.querySelector('.picture .after').naturalWidth === 48")
            .await;
        let gain = |value: u32| {
            format!(
                "const gain = document.getElementById('gain'); gain.value = {value};
                 gain.dispatchEvent(new Event('input'))"
            )
        };
        page.script(&gain(1)).await;
        let once = page.pixel_of(".window").await;
        page.script(&gain(4)).await;
        let four_times = page.pixel_of(".window").await;
        let sum = |pixel: [u8; 3]| pixel.iter().map(|&level| u32::from(level)).sum::<u32>();
        assert!(sum(once) > 20, "{once:?}");
        assert!(sum(four_times) > sum(once) + 60, "{once:?}, {four_times:?}");
    });
}

#[test]
fn a_run_of_one_cell_has_a_report_too() {
    let (_folder, index) = report(&Sweep {
        instructions: vec!["make it winter"],
        seeds: vec![1],
        image_guidance: vec!["1.5"],
        guidance: vec!["7.0"],
        ..Sweep::default()
    });
    with_page(&index, "view=plots", async |page| {
        page.click("#tab-table").await;
        page.click("#table tbody button").await;
        assert_eq!(page.texts("#viewer-title").await, ["winter"]);
        assert_eq!(page.texts("#viewer [data-move]:disabled").await.len(), 4);
    });
}

#[test]
fn the_page_keeps_its_place_behind_an_open_cell() {
    let (_folder, index) = report(&Sweep::default());
    with_page(&index, "view=plots&size=240", async |page| {
        let scrolled = "return Math.round(scrollY)";
        page.wheel(700, 450, 100).await;
        page.until("Math.round(scrollY) === 100").await;
        page.script("document.querySelector('.heat-cell').dispatchEvent(new MouseEvent('click'))")
            .await;
        page.until("document.getElementById('viewer').open").await;
        // Over an element that is too short to scroll itself.
        page.wheel(700, 20, 200).await;
        page.script("return new Promise((done) => setTimeout(done, 300))")
            .await;
        assert_eq!(page.script(scrolled).await, json!(100));
        page.script("document.getElementById('viewer').close()")
            .await;
        page.wheel(700, 450, 50).await;
        page.until("Math.round(scrollY) === 150").await;
    });
}
