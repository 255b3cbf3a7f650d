//! What users get who have only a keyboard, a screen reader, or little contrast.

use fantoccini::key::Key;
use ip2p_sweep::views::report::write_report;
use serde_json::json;

use crate::browser::{Page, with_page, with_phone};
use crate::fixture::{Sweep, fail, report};

/// Roles that mean nothing without a name.
const NAMED: [&str; 14] = [
    "button",
    "checkbox",
    "combobox",
    "dialog",
    "grid",
    "image",
    "link",
    "region",
    "searchbox",
    "slider",
    "tab",
    "tablist",
    "tabpanel",
    "textbox",
];

async fn assert_named(page: &Page, view: &str) {
    let told = page.accessibility_tree().await;
    let (named, nameless): (Vec<_>, Vec<_>) = told
        .into_iter()
        .filter(|(role, _)| NAMED.contains(&role.as_str()))
        .partition(|(_, name)| !name.trim().is_empty());
    assert!(named.len() > 3, "{view}: {named:?}");
    assert!(nameless.is_empty(), "{view}: {nameless:?}");
}

#[test]
fn every_control_and_picture_has_a_name() {
    let (_folder, index) = report(&Sweep::default());
    with_page(&index, "superRows=seed", async |page| {
        page.click("#values > summary").await;
        assert_named(&page, "grid").await;
        for view in ["plots", "table", "vote", "about"] {
            page.click(&format!("#tab-{view}")).await;
            assert_named(&page, view).await;
        }
        page.click("#tab-grid").await;
        page.click(".tile").await;
        assert_named(&page, "large view").await;
        page.press("p").await;
        page.press(&Key::Right.to_string()).await;
        page.press("2").await;
        assert_named(&page, "two cells side by side").await;
    });
}

#[test]
fn the_name_of_a_tile_holds_all_that_is_seen_on_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = Sweep::default().done(folder.path());
    fail(&mut run, 0, "NaN in <step> 3");
    let index = write_report(&run).unwrap();
    with_page(&index, "caption=total_ms", async |page| {
        let amiss = "return [...document.querySelectorAll('.tile')].filter((tile) => !tile.getAttribute('aria-label').includes(tile.textContent)).length";
        assert_eq!(page.script(amiss).await, json!(0));
        let texts = page.texts(".tile").await;
        assert_eq!(texts[0], "failed: NaN in <step> 3");
        assert!(texts[1].ends_with(" ms"), "{texts:?}");
    });
}

/// The controls by visible row; a control at the wrong place in the tab order starts a row above the previous one.
const CONTROL_ROWS: &str = "
    const controls = [...document.querySelectorAll('#axes :is(select, input, summary, button)')].filter((control) => control.checkVisibility());
    const rows = [];
    let before;
    for (const control of controls) {
        const box = control.getBoundingClientRect();
        const isBeside = before && Math.abs(box.bottom - before.bottom) < 4 && box.left >= before.right;
        const isBelow = !before || box.top >= before.bottom;
        if (!isBeside) rows.push(isBelow ? 0 : -1000);
        rows[rows.length - 1] += 1;
        before = box;
    }
    return rows;";

#[test]
fn the_tab_key_goes_through_the_controls_as_they_are_seen_and_none_stands_alone() {
    let (_folder, index) = report(&Sweep {
        images: vec!["photos/lake.png", "photos/wood.png"],
        instructions: vec![
            "make it winter",
            "turn the small house into a castle with four towers",
        ],
        ..Sweep::default()
    });
    with_page(&index, "", async |page| {
        for width in [1400, 1000] {
            page.0.set_window_size(width, 900).await.unwrap();
            let rows: Vec<i64> = serde_json::from_value(page.script(CONTROL_ROWS).await).unwrap();
            assert_eq!(rows.iter().sum::<i64>(), 12, "at {width}: {rows:?}");
            assert!(rows.iter().all(|&row| row > 1), "at {width}: {rows:?}");
        }
    });
    with_phone(&index, "", async |page| {
        page.click(".fold").await;
        let rows: Vec<i64> = serde_json::from_value(page.script(CONTROL_ROWS).await).unwrap();
        assert_eq!(rows.iter().sum::<i64>(), 13, "{rows:?}");
    });
}

#[test]
fn each_plot_is_one_stop_of_the_tab_key_and_arrows_go_from_mark_to_mark() {
    let (_folder, index) = report(&Sweep::default());
    with_page(&index, "view=plots", async |page| {
        let stops = "return [...document.querySelectorAll('svg.chart')].map((chart) => chart.querySelectorAll('[tabindex=\"0\"]').length)";
        assert_eq!(page.script(stops).await, json!([1, 1, 1, 1]));
        page.script("document.querySelector('#heatmap [tabindex=\"0\"]').focus()")
            .await;
        let place =
            "return [...document.querySelectorAll('.heat-cell')].indexOf(document.activeElement)";
        for (key, expected) in [
            (Key::Right, 1),
            (Key::Right, 2),
            (Key::Down, 5),
            (Key::Left, 4),
            (Key::Up, 1),
            (Key::Up, 1),
        ] {
            page.press(&key.to_string()).await;
            assert_eq!(page.script(place).await, json!(expected), "{key:?}");
        }
        assert_eq!(page.script(stops).await, json!([1, 1, 1, 1]));
        page.press(&Key::Enter.to_string()).await;
        page.until("document.getElementById('viewer').open").await;
    });
}

/// The least contrast (WCAG 2, section 1.4.3) of the numbers in the heat map, over all shares of the colour ramp.
const LEAST_CONTRAST: &str = "
    const pen = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const luminance = (colour) => {
        pen.fillStyle = colour;
        pen.fillRect(0, 0, 1, 1);
        const [r, g, b] = [...pen.getImageData(0, 0, 1, 1).data].map((level) => {
            const share = level / 255;
            return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const cells = [...document.querySelectorAll('.heat-cell')];
    const shares = cells.map((cell) => parseInt(cell.style.getPropertyValue('--share')));
    const limits = ['strong', 'weak'].map((name) => {
        const own = shares.filter((_, index) => cells[index].classList.contains('strong') === (name === 'strong'));
        return name === 'strong' ? Math.min(...own) : Math.max(...own);
    });
    const contrasts = cells.map((cell) => {
        const [low, high] = ['rect', 'text'].map((part) => luminance(getComputedStyle(cell.querySelector(part)).fill)).sort((one, other) => one - other);
        return (high + 0.05) / (low + 0.05);
    });
    return [Math.min(...contrasts), ...limits];";

#[test]
fn numbers_of_the_heat_map_are_legible_at_any_share_in_light_and_dark() {
    // 12 cells of different strength, some of them near the middle of the ramp.
    let (_folder, index) = report(&Sweep {
        instructions: vec!["make it winter"],
        seeds: vec![42],
        image_guidance: vec!["1.0", "1.1", "1.2", "1.3", "1.4", "1.5"],
        guidance: vec!["3.0", "4.0", "5.0", "6.0", "7.0", "8.0"],
        ..Sweep::default()
    });
    with_page(&index, "view=plots", async |page| {
        for scheme in ["light", "dark"] {
            let found = page.script(LEAST_CONTRAST).await;
            let [least, strong, weak] = [0, 1, 2].map(|index| found[index].as_f64().unwrap());
            assert!(
                strong - weak < 6.0,
                "{scheme}: the middle is looked at: {found}"
            );
            assert!(least >= 4.5, "{scheme}: {found}");
            page.darken().await;
        }
    });
}
