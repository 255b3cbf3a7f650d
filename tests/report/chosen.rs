//! What readers choose: the pinned cell, stars and notes, numbers to search for, a file to send.

use std::fs;

use fantoccini::key::Key;
use ip2p_sweep::views::View;
use ip2p_sweep::views::report::SingleReport;
use serde_json::json;

use crate::browser::with_page;
use crate::fixture::{Sweep, report};

#[test]
fn a_cell_is_compared_with_the_pinned_one() {
    let (_folder, index) = report(&Sweep::default());
    with_page(&index, "", async |page| {
        page.click(".tile").await;
        page.until("document.querySelector('.picture .after').naturalWidth > 0")
            .await;
        let source = |class: &str| {
            format!(
                "return document.querySelector('.pane:last-child .{class}').getAttribute('src')"
            )
        };
        let pinned = page.script(&source("after")).await;
        page.click("#pin").await;
        page.press(&Key::Right.to_string()).await;
        let panes = "return document.querySelectorAll('.pane').length";
        assert_eq!(page.script(panes).await, json!(2), "side by side at first");
        page.script(
            "const against = document.getElementById('against'); against.value = against.options[1].value; \
             against.dispatchEvent(new Event('change'))",
        )
        .await;
        assert_eq!(page.script(panes).await, json!(1));
        assert_eq!(page.script(&source("before")).await, pinned);
        assert_ne!(page.script(&source("after")).await, pinned);
        for mode in ["difference", "blink"] {
            page.click(&format!(".segments [data-mode={mode}]")).await;
            let shown = "return document.querySelector('.picture').dataset.mode";
            assert_eq!(page.script(shown).await, json!(mode));
        }
        page.click("#viewer-close").await;
        let marked = "return document.querySelectorAll('.tile.pinned').length";
        assert_eq!(page.script(marked).await, json!(1));
    });
}

#[test]
fn stars_and_notes_are_kept_and_looked_for() {
    let (_folder, index) = report(&Sweep {
        seeds: vec![7117],
        ..Sweep::default()
    });
    with_page(&index, "", async |page| {
        page.click(".tile").await;
        page.click("#star").await;
        page.click("#note").await;
        page.press("the best of all").await;
        page.click("#viewer-close").await;
        page.script("location.reload()").await;
        page.until("document.body.dataset.ready === 'true' && document.querySelectorAll('.tile.starred').length === 1")
            .await;
        page.click("#tab-table").await;
        page.script(
            "const status = document.getElementById('table-status'); status.value = 'starred'; \
             status.dispatchEvent(new Event('change'))",
        )
        .await;
        page.until("document.getElementById('table-count').textContent === '1 of 18 cells'")
            .await;
        let row = page
            .script("return document.querySelector('#table tbody tr').textContent")
            .await;
        assert!(row.as_str().unwrap().contains("★ the best of all"), "{row}");
        page.script("localStorage.clear()").await;
    });
}

#[test]
fn the_table_finds_by_numbers_and_words() {
    let (_folder, index) = report(&Sweep::default());
    with_page(
        &index,
        "view=table&find=guidance_scale+%3E%3D+7+winter+seed+%3D42",
        async |page| {
            // Two guidance scales, three image guidance scales, one instruction, one seed.
            page.until("document.getElementById('table-count').textContent === '6 of 36 cells'")
                .await;
            let command = "return document.querySelectorAll('#table tbody tr').length";
            assert_eq!(page.script(command).await, json!(6));
        },
    );
}

#[test]
fn the_first_image_stands_near_the_top() {
    let (_folder, index) = report(&Sweep::default());
    with_page(&index, "", async |page| {
        page.size(1280, 800).await;
        let top = "return document.querySelector('.tile img').getBoundingClientRect().top";
        let top = page.script(top).await.as_f64().unwrap();
        assert!(top <= 250.0, "{top}");
    });
}

#[test]
fn a_report_in_one_file_shows_its_images_wherever_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let run = Sweep::default().done(&folder.path().join("run"));
    let out = folder.path().join("winter.html");
    let view = SingleReport {
        run: &run,
        out: out.clone(),
    };
    assert_eq!(view.write().unwrap().path("report"), Some(out.as_path()));
    drop(run);
    fs::remove_dir_all(folder.path().join("run")).unwrap();
    with_page(&out, "", async |page| {
        page.until("document.querySelector('.tile img').naturalWidth === 48")
            .await;
        let outside = "return [...document.querySelectorAll('[src], [href]')].map((node) => node.getAttribute('src') ?? \
                       node.getAttribute('href')).filter((it) => !it.startsWith('data:') && !it.startsWith('#'))";
        assert_eq!(page.script(outside).await, json!([]));
    });
}
