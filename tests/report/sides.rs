//! The arrangement of the grid: axes within a cell, a single axis in several lines, scores, heights.

use ip2p_sweep::spec::SheetSpec;
use ip2p_sweep::views::report::write_report;
use ip2p_sweep::vocabulary::Parameter;
use serde_json::json;

use crate::browser::{COLUMN_LABELS, with_page};
use crate::fixture::{Sweep, report};

#[test]
fn an_axis_within_a_cell_stands_as_a_small_grid_and_arrows_go_through_it() {
    let (_folder, index) = report(&Sweep {
        seeds: vec![1, 2, 3, 4],
        ..Sweep::default()
    });
    with_page(&index, "", async |page| {
        page.choose("#side-merge", "seed").await;
        assert!(page.hash().await.contains("merge=seed"));
        assert_eq!(page.texts(COLUMN_LABELS).await, ["3.0", "7.0", "9.5"]);
        let counts = "return [document.querySelectorAll('.place').length, document.querySelectorAll('.tile').length]";
        assert_eq!(page.script(counts).await, json!([9, 36]));
        // Two by two, in reading order.
        let places = "const boxes = [...document.querySelector('.place').children].map((tile) => tile.getBoundingClientRect());
            return [boxes[0].top === boxes[1].top, boxes[0].left === boxes[2].left, boxes[2].top >= boxes[0].bottom]";
        assert_eq!(page.script(places).await, json!([true, true, true]));
        page.script("document.querySelector('.tile').focus()").await;
        let mut seeds = Vec::new();
        for key in ["Right", "Down", "Left"] {
            let key = match key {
                "Right" => fantoccini::key::Key::Right,
                "Down" => fantoccini::key::Key::Down,
                _ => fantoccini::key::Key::Left,
            };
            page.press(&key.to_string()).await;
            let label = page
                .script(
                    "return document.activeElement.getAttribute('aria-label').match(/seed (.)/)[1]",
                )
                .await;
            seeds.push(label.as_str().unwrap().to_owned());
        }
        assert_eq!(seeds, ["2", "4", "3"]);
    });
}

#[test]
fn a_page_begins_with_the_sides_and_panels_of_the_sweep_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = Sweep::default().done(folder.path());
    std::sync::Arc::make_mut(&mut run.plan).sheet = SheetSpec {
        rows: Some(Parameter::Instruction),
        super_columns: Some(Parameter::Seed),
        panels: vec![Parameter::GuidanceScale],
        ..SheetSpec::default()
    };
    let index = write_report(&run).unwrap();
    with_page(&index, "", async |page| {
        let sides = "return ['rows', 'columns', 'super-rows', 'super-columns', 'merge']
            .map((side) => document.getElementById(`side-${side.replace(/-./, (part) => part[1].toUpperCase())}`).value)";
        assert_eq!(
            page.script(sides).await,
            json!(["instruction", "image_guidance_scale", "", "seed", ""])
        );
        // The panel is chosen from its values.
        page.choose("#at-guidance_scale", "1").await;
        assert!(page.hash().await.contains("at.guidance_scale=7.0"));
        // What is chosen by hand is kept in the address, an empty side, too.
        page.choose("#side-superColumns", "").await;
        assert!(page.hash().await.contains("superColumns="));
        page.script("location.reload()").await;
        page.until("document.getElementById('side-superColumns')?.value === ''")
            .await;
    });
}

#[test]
fn a_single_long_axis_has_several_lines_of_legible_cells() {
    let (_folder, index) = report(&Sweep {
        instructions: vec!["make it winter"],
        seeds: (1..=30).collect(),
        image_guidance: vec!["1.5"],
        guidance: vec!["7.0"],
        ..Sweep::default()
    });
    with_page(&index, "", async |page| {
        page.size(1280, 800).await;
        page.until("document.getElementById('grid').scrollWidth <= document.getElementById('grid').clientWidth")
            .await;
        let lines = "const tiles = [...document.querySelectorAll('.tile')];
            const tops = new Set(tiles.map((tile) => Math.round(tile.getBoundingClientRect().top)));
            return [tiles.length, tops.size > 2, tiles[0].clientWidth >= 150]";
        page.until("document.querySelector('.tile').clientWidth === 200")
            .await;
        assert_eq!(page.script(lines).await, json!([30, true, true]));
        let labels = page.texts(".place > .label").await;
        assert_eq!(labels.len(), 30);
        assert_eq!((labels[0].as_str(), labels[29].as_str()), ("1", "30"));
        page.click(".tile").await;
        page.press(&fantoccini::key::Key::Down.to_string()).await;
        let title = page.texts("#viewer-title").await;
        assert_ne!(title, ["seed\u{a0}1"], "down is the next line");
    });
}

#[test]
fn a_score_is_a_caption_or_a_tint() {
    let (_folder, index) = report(&Sweep::default());
    with_page(&index, "", async |page| {
        page.choose("#caption", "image_change").await;
        assert_eq!(page.texts(".tile .caption").await.len(), 9);
        assert_eq!(page.texts(".tile .tint").await.len(), 0);
        page.choose("#caption", "tint:image_change").await;
        let shares = "return [...document.querySelectorAll('.tile')].map((tile) => parseInt(tile.style.getPropertyValue('--share')))";
        let shares: Vec<u32> = serde_json::from_value(page.script(shares).await).unwrap();
        assert_eq!(shares.iter().min(), Some(&0));
        assert_eq!(shares.iter().max(), Some(&100));
        // The colours are those of the heat map: the strongest differs from the weakest.
        let colours = "const borders = [...document.querySelectorAll('.tile')].map((tile) => [parseInt(tile.style.getPropertyValue('--share')), getComputedStyle(tile.querySelector('.tint')).borderTopColor]);
            const of = (share) => borders.find((border) => border[0] === share)[1];
            return of(0) !== of(100)";
        assert_eq!(page.script(colours).await, json!(true));
    });
}

#[test]
fn lines_are_as_high_as_the_images_in_them() {
    let folder = tempfile::tempdir().unwrap();
    let sweep = Sweep {
        images: vec!["wide.png", "photos/tall.png"],
        instructions: vec!["make it winter"],
        seeds: vec![1],
        ..Sweep::default()
    };
    let mut run = sweep.done(folder.path());
    for cell in &mut std::sync::Arc::make_mut(&mut run.plan).cells {
        if cell.parameters.image == "photos/tall.png" {
            (cell.width, cell.height) = (32, 48);
        }
    }
    let index = write_report(&run).unwrap();
    with_page(
        &index,
        "rows=image&columns=guidance_scale&size=120",
        async |page| {
            let heights = "return [...document.querySelectorAll('.line:not(.head)')].map((line) => Math.round(line.querySelector('.tile').clientHeight))";
            assert_eq!(page.script(heights).await, json!([80, 180]));
        },
    );
}
