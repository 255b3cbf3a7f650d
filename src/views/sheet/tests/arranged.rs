//! Tests of the automatic arrangement of axes, of row heights and of type sizes.

use std::collections::BTreeSet;

use super::laid_out::{
    GUIDANCE, IMAGE_GUIDANCE, IMAGES, INSTRUCTIONS, SEEDS, assert_sound, lay_out, place_of, texts,
};
use crate::drawing::Rect;
use crate::spec::SheetSpec;
use crate::views::sheet::SheetOptions;
use crate::views::sheet::draw::{cells, inputs};
use crate::views::sheet::grid::Grid;
use crate::views::sheet::layout::Page;
use crate::views::sheet::samples::{plan, sized_plan};
use crate::vocabulary::Parameter as P;

/// How often a label occurs on a page.
fn count(page: &Page, label: &str) -> usize {
    texts(page).iter().filter(|text| **text == label).count()
}

#[test]
fn three_and_four_axes_stand_in_one_grid_whose_labels_are_there_once() {
    for axes in [
        vec![SEEDS, IMAGE_GUIDANCE, GUIDANCE],
        vec![INSTRUCTIONS, SEEDS, IMAGE_GUIDANCE, GUIDANCE],
        vec![IMAGES, INSTRUCTIONS, IMAGE_GUIDANCE, GUIDANCE],
    ] {
        let plan = plan(&axes);
        let layout = lay_out(&plan, 256, |_, _| {});
        let [page] = &layout.pages[..] else {
            panic!("one page")
        };
        assert_sound(page);
        let columns: BTreeSet<u32> = cells(&page.items).map(|(place, _)| place.x).collect();
        let rows: BTreeSet<u32> = cells(&page.items).map(|(place, _)| place.y).collect();
        assert_eq!(columns.len() * rows.len(), plan.cells.len(), "one grid");
        assert!(
            columns.len() <= 6 && rows.len() <= 6,
            "near to the best proportions"
        );
        // Values around rows and columns appear once, not above each panel.
        let outer = axes[0].1[0].trim_start_matches("a/");
        assert_eq!(count(page, outer), 1, "{:?}", texts(page));
    }
}

#[test]
fn what_is_asked_for_as_panels_is_a_grid_of_its_own_each() {
    let plan = plan(&[INSTRUCTIONS, SEEDS, IMAGE_GUIDANCE, GUIDANCE]);
    let number = |panels: &[P]| {
        let layout = lay_out(&plan, 256, |look, _| look.panels = panels.to_vec());
        let [page] = &layout.pages[..] else {
            panic!("one page")
        };
        assert_sound(page);
        assert_eq!(cells(&page.items).count(), plan.cells.len());
        let look = SheetSpec {
            panels: panels.to_vec(),
            ..plan.sheet.clone()
        };
        let options = SheetOptions {
            look: Some(look),
            ..SheetOptions::default()
        };
        Grid::new(&plan, &options, None).panels.len()
    };
    assert_eq!(number(&[]), 1);
    assert_eq!(number(&[P::Seed]), 2);
    assert_eq!(number(&[P::Seed, P::Instruction]), 4);
    // Numbers, too, which would be the columns.
    assert_eq!(number(&[P::GuidanceScale]), 3);
}

#[test]
fn panels_follow_one_another_as_they_are_named() {
    let plan = plan(&[INSTRUCTIONS, SEEDS, IMAGE_GUIDANCE, GUIDANCE]);
    let second = |panels: [P; 2]| {
        let layout = lay_out(&plan, 256, |look, _| look.panels = panels.to_vec());
        let mut cells: Vec<(Rect, usize)> = cells(&layout.pages[0].items).collect();
        cells.sort_by_key(|(place, _)| (place.y, place.x));
        // The first row of cells goes through the first panels.
        let cell = &plan.cells[cells[GUIDANCE.1.len()].1].parameters;
        (cell.text(P::Instruction), cell.text(P::Seed))
    };
    let (winter, night) = (INSTRUCTIONS.1[0].to_owned(), INSTRUCTIONS.1[1].to_owned());
    assert_eq!(second([P::Instruction, P::Seed]), (winter, "2".to_owned()));
    assert_eq!(second([P::Seed, P::Instruction]), (night, "1".to_owned()));
}

#[test]
fn photographs_of_one_shape_stand_around_the_grid_each_once_and_others_in_panels() {
    let mut plan = plan(&[IMAGES, IMAGE_GUIDANCE, GUIDANCE]);
    let page = &lay_out(&plan, 256, |look, _| look.super_rows = Some(P::Image)).pages[0];
    assert_sound(page);
    let shown: Vec<(Rect, usize)> = inputs(&page.items).collect();
    assert_eq!(shown.len(), 2, "one a photograph, not one a row");
    for (input, cell) in shown {
        assert_eq!(input.y, place_of(&page.items, cell).y);
    }
    let page = &lay_out(&plan, 256, |look, _| look.super_columns = Some(P::Image)).pages[0];
    assert_sound(page);
    assert_eq!(inputs(&page.items).count(), 2);
    for cell in &mut plan.cells[6..] {
        (cell.width, cell.height) = (256, 512);
    }
    let page = &lay_out(&plan, 256, |_, _| {}).pages[0];
    assert_eq!(count(page, "guidance_scale"), 2, "a panel each");
}

#[test]
fn rows_are_as_high_as_their_images() {
    let mut plan = sized_plan(&[IMAGES, SEEDS], 512, 256);
    for cell in &mut plan.cells[2..] {
        (cell.width, cell.height) = (256, 512);
    }
    let page = &lay_out(&plan, 256, |_, _| {}).pages[0];
    assert_sound(page);
    let heights = [0, 2].map(|cell| place_of(&page.items, cell).height);
    assert_eq!(heights, [128, 256]);
}

#[test]
fn on_large_sheets_type_grows_and_both_ends_are_labelled() {
    let scales: Vec<String> = (0..14).map(|scale| format!("{scale}.0")).collect();
    let scales: Vec<&str> = scales.iter().map(String::as_str).collect();
    let size = |count: usize| {
        let plan = plan(&[
            (P::ImageGuidanceScale, &scales[..count]),
            (P::GuidanceScale, &scales[..count]),
        ]);
        let page = lay_out(&plan, 256, |_, _| {}).pages.remove(0);
        assert_sound(&page);
        let label = page
            .items
            .texts
            .iter()
            .find(|text| text.text == "1.0")
            .unwrap();
        (
            count as f32,
            label.style.em,
            texts(&page).iter().filter(|text| **text == "1.0").count(),
        )
    };
    let ((_, small, once), (_, large, twice)) = (size(3), size(14));
    assert_eq!((small, once, twice), (16.0, 2, 4));
    assert!(large > 1.3 * small, "{large}");
}
