//! The grid: its axes, values and labels, in the address and by the keyboard.

use fantoccini::key::Key;
use ip2p_sweep::views::report::write_report;
use serde_json::json;

use crate::browser::{COLUMN_LABELS, ROW_LABELS, with_page, with_phone};
use crate::fixture::{Sweep, finish, report};

#[test]
fn the_grid_starts_with_the_scales_and_shows_every_image() {
    let (_folder, index) = report(&Sweep::default());
    with_page(&index, "", async |page| {
        assert_eq!(page.texts(ROW_LABELS).await, ["1.0", "1.5", "2.0"]);
        assert_eq!(page.texts(COLUMN_LABELS).await, ["3.0", "7.0", "9.5"]);
        page.until("document.querySelectorAll('.tile img').length === 9")
            .await;
        page.until("[...document.querySelectorAll('.tile img')].every((image) => image.naturalWidth === 48)").await;
    });
}

#[test]
fn axes_change_sides_and_the_address_says_so() {
    let (_folder, index) = report(&Sweep::default());
    with_page(&index, "", async |page| {
        page.choose("#side-rows", "seed").await;
        assert_eq!(page.texts(ROW_LABELS).await, ["42", "43"]);
        page.choose("#side-superRows", "instruction").await;
        assert_eq!(
            page.texts(".band").await,
            ["instruction make it winter", "instruction make it night"]
        );
        assert_eq!(page.texts(ROW_LABELS).await, ["42", "43", "42", "43"]);
        // An axis moved to where another is changes places with it.
        page.choose("#side-columns", "seed").await;
        assert_eq!(page.texts(COLUMN_LABELS).await, ["42", "43"]);
        assert_eq!(
            page.texts(ROW_LABELS).await,
            ["3.0", "7.0", "9.5", "3.0", "7.0", "9.5"]
        );
        assert_eq!(
            page.hash().await,
            "rows=guidance_scale&columns=seed&superRows=instruction"
        );
        page.choose("#at-image_guidance_scale", "2").await;
        assert!(page.hash().await.ends_with("&at.image_guidance_scale=2.0"));
    });
}

#[test]
fn three_axes_have_all_sides_to_choose_from_and_two_only_two() {
    for (instructions, sides) in [
        (
            vec!["make it winter", "make it night"],
            vec![
                "Rows",
                "Columns",
                "Super-rows",
                "Super-columns",
                "Within a cell",
            ],
        ),
        (vec!["make it winter"], vec!["Rows", "Columns"]),
    ] {
        let (_folder, index) = report(&Sweep {
            instructions,
            seeds: vec![42],
            ..Sweep::default()
        });
        with_page(&index, "", async move |page| {
            let labels = page.texts("label:has([id^=side-]) > span").await;
            assert_eq!(labels, sides);
        });
    }
}

#[test]
fn values_are_hidden_and_shown_again() {
    let (_folder, index) = report(&Sweep::default());
    with_page(&index, "", async |page| {
        page.click("#values summary").await;
        page.click("#value-guidance_scale-1").await;
        assert_eq!(page.texts(COLUMN_LABELS).await, ["3.0", "9.5"]);
        assert_eq!(page.hash().await, "hide.guidance_scale=7.0");
        page.click("#value-guidance_scale-0").await;
        assert_eq!(
            page.script("return document.getElementById('value-guidance_scale-2').disabled")
                .await,
            json!(true)
        );
        page.click("#value-guidance_scale-1").await;
        assert_eq!(page.texts(COLUMN_LABELS).await, ["7.0", "9.5"]);
    });
}

#[test]
fn the_keyboard_alone_finds_opens_pins_and_leaves_cells() {
    let (_folder, index) = report(&Sweep::default());
    with_page(&index, "", async |page| {
        page.script("document.getElementById('save-view').focus()")
            .await;
        page.press(&Key::Tab.to_string()).await;
        for key in [Key::Right, Key::Down, Key::Down, Key::Down] {
            page.press(&key.to_string()).await;
        }
        let focused = "return document.activeElement.getAttribute('aria-label')";
        let name =
            "instruction make it winter, seed 42, image_guidance_scale 2.0, guidance_scale 7.0";
        assert_eq!(page.script(focused).await, json!(name));
        page.press(&Key::Enter.to_string()).await;
        page.until("document.getElementById('viewer').open").await;
        page.press("p").await;
        page.press(&Key::Right.to_string()).await;
        assert_eq!(
            page.texts(".pane figcaption").await,
            ["pinned: guidance_scale 7.0", "guidance_scale 9.5"]
        );
        page.press("+").await;
        let zooms = page.script("return [...document.querySelectorAll('.picture')].map((picture) => new DOMMatrix(getComputedStyle(picture).transform).a)").await;
        assert_eq!(zooms, json!([1.5, 1.5]));
        page.press("2").await;
        assert!(page.hash().await.contains("mode=difference"));
        page.press(&Key::Escape.to_string()).await;
        // The browser reports the closing later, and only then does the page move the focus.
        let last = json!(name.replace("scale 7.0", "scale 9.5"));
        page.until(&format!(
            "document.activeElement.getAttribute('aria-label') === {last}"
        ))
        .await;
    });
}

#[test]
fn an_open_page_shows_more_when_it_is_refreshed() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = Sweep::default().started(folder.path());
    let index = write_report(&run).unwrap();
    with_page(&index, "rows=seed", async move |page| {
        assert_eq!(
            page.script("return document.querySelectorAll('.tile.waiting').length")
                .await,
            json!(6)
        );
        (0..36).for_each(|cell| finish(&mut run, cell));
        write_report(&run).unwrap();
        page.click("#reload").await;
        page.until("document.querySelectorAll('.tile.done').length === 6")
            .await;
        assert_eq!(page.hash().await, "rows=seed");
        assert_eq!(page.texts("#reload").await, [""; 0]);
    });
}

#[test]
fn an_open_page_follows_a_run_by_itself_and_tells_what_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = Sweep::default().started(folder.path());
    (0..12).for_each(|cell| finish(&mut run, cell));
    let now = jiff::Timestamp::now().as_second();
    for (record, seconds) in run.records.values_mut().zip(0..) {
        record.finished = jiff::Timestamp::from_second(now - 12 + seconds).unwrap();
    }
    let index = write_report(&run).unwrap();
    with_page(&index, "rows=seed", async move |page| {
        // Eleven seconds between the first cell and the twelfth; 24 cells to go.
        assert_eq!(page.texts("#time-left").await, ["about 24 s left"]);
        let progress =
            "const bar = document.querySelector('progress'); return [bar.value, bar.max]";
        assert_eq!(page.script(progress).await, json!([12, 36]));
        (12..36).for_each(|cell| finish(&mut run, cell));
        write_report(&run).unwrap();
        // The page updates by itself.
        page.until("document.querySelectorAll('.tile.done').length === 6 && !document.getElementById('follow')")
            .await;
        assert_eq!(page.hash().await, "rows=seed");
    });
}

#[test]
fn a_phone_needs_no_sideways_scrolling() {
    let (_folder, index) = report(&Sweep::default());
    with_phone(&index, "", async |page| {
        for view in ["grid", "plots", "table", "vote", "about"] {
            page.click(&format!("#tab-{view}")).await;
            let room = page
                .script("return [document.documentElement.scrollWidth, innerWidth]")
                .await;
            assert_eq!(room, json!([390, 390]), "{view}");
        }
        page.click("#tab-grid").await;
        page.click(".tile").await;
        let picture = page.script("const box = document.querySelector('.picture').getBoundingClientRect(); return [box.left >= 0, box.right <= 390, box.width > 300]").await;
        assert_eq!(picture, json!([true, true, true]));
        assert_eq!(
            page.script("return document.getElementById('viewer').scrollWidth")
                .await,
            json!(390)
        );
        page.click(".segments [data-mode=difference]").await;
        page.click("#pin").await;
        page.click("[data-move=right]").await;
        let stage = "return document.querySelector('.stage-column').scrollWidth";
        assert_eq!(page.script(stage).await, json!(390));
    });
}

#[test]
fn two_thousand_cells_load_only_the_images_in_sight() {
    let scale = |from: f64, step: f64, count: u32| -> Vec<&'static str> {
        let value = |index| format!("{:.2}", from + step * f64::from(index));
        (0..count).map(|index| &*value(index).leak()).collect()
    };
    let (_folder, index) = report(&Sweep {
        seeds: vec![1],
        instructions: vec!["make it winter"],
        image_guidance: scale(1.0, 0.05, 40),
        guidance: scale(1.0, 0.25, 50),
        size: (24, 16),
        ..Sweep::default()
    });
    with_page(&index, "size=96", async |page| {
        assert_eq!(
            page.script("return document.querySelectorAll('.tile').length")
                .await,
            json!(2000)
        );
        let painted = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime";
        page.until(&format!("{painted} > 0")).await;
        let painted = page.script(&format!("return {painted}")).await;
        assert!(
            painted.as_f64() < Some(1000.0),
            "the first view takes {painted} ms"
        );
        let loaded = "[...document.querySelectorAll('.tile img')].filter((image) => image.naturalWidth > 0).length";
        page.until(&format!("{loaded} > 50")).await;
        assert!(page.script(&format!("return {loaded}")).await.as_u64() < Some(1800));
        let last = "[...document.querySelectorAll('.tile img')].at(-1)";
        page.script(&format!("{last}.scrollIntoView()")).await;
        page.until(&format!("{last}.naturalWidth > 0")).await;
        // Style and layout of a scrolled frame, without painting, which is slow without a GPU.
        let step = "const grid = document.getElementById('grid'); const times = [];
            for (let index = 0; index < 61; index++) {
                const start = performance.now();
                grid.scrollTop -= 60;
                grid.querySelector('.tile').getBoundingClientRect();
                times.push(performance.now() - start);
            }
            return times.sort((one, other) => one - other)[30];";
        let median = page.script(step).await.as_f64().unwrap();
        assert!(median < 8.0, "layout while scrolling takes {median} ms");
    });
}

#[test]
fn labels_of_rows_pass_behind_the_label_of_their_super_row() {
    let (_folder, index) = report(&Sweep {
        image_guidance: vec!["1.0", "1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "1.7"],
        ..Sweep::default()
    });
    with_page(&index, "superRows=instruction&size=160", async |page| {
        page.until("document.querySelector('.corner img').naturalWidth > 0")
            .await;
        for scrolled in [60, 120, 180] {
            let hidden = format!(
                "document.getElementById('grid').scrollTop = {scrolled};
                 const box = document.querySelector('.band-label').getBoundingClientRect();
                 const xs = [...Array(20).keys()].map((step) => box.left + 2 + step * (box.width - 4) / 19);
                 return xs.filter((x) => !document.elementFromPoint(x, box.top + box.height / 2)?.closest('.band')).length"
            );
            assert_eq!(page.script(&hidden).await, json!(0), "at {scrolled}");
        }
    });
}

#[test]
fn long_labels_wrap_and_those_that_are_cut_stand_whole_among_the_values() {
    let long = "turn the small wooden house by the lake into a medieval stone castle with four tall towers, red banners, \
        a drawbridge over a dark moat, and a full moon behind thin clouds";
    let (_folder, index) = report(&Sweep {
        instructions: vec!["make it winter", long],
        ..Sweep::default()
    });
    let cut =
        "return [...document.querySelectorAll('.grid .label bdi, .chip bdi')].filter((words) =>
        words.scrollHeight > words.clientHeight + 1)
        .map((words) => [words.closest('.chip') ? 'value' : 'label', words.textContent])";
    with_page(&index, "columns=instruction&size=240", async move |page| {
        assert_eq!(page.script(cut).await, json!([]));
        page.script("location.hash = 'columns=instruction&size=96'")
            .await;
        page.until("document.querySelector('.tile').clientWidth === 96")
            .await;
        page.click("#values > summary").await;
        assert_eq!(page.script(cut).await, json!([["label", long]]));
        let wide = "return [...document.querySelectorAll('.chip bdi')].filter((words) => words.scrollWidth > words.clientWidth).length";
        assert_eq!(page.script(wide).await, json!(0));
    });
}
