use std::collections::{BTreeSet, HashSet};
use std::num::NonZeroU32;

use rust_decimal::Decimal;

use crate::drawing::Rect;
use crate::plan::Plan;
use crate::spec::SheetSpec;
use crate::views::sheet::SheetOptions;
use crate::views::sheet::draw::{SheetItems, cells, inputs};
use crate::views::sheet::layout::{Layout, Page, layout};
use crate::views::sheet::metrics::{LONGEST_SIDE, MOST_PIXELS};
use crate::views::sheet::samples::{plan, sized_plan};
use crate::views::sheet::{SheetSize, sizes};
use crate::vocabulary::{Parameter as P, Scale};

pub(super) const GUIDANCE: (P, &[&str]) = (P::GuidanceScale, &["3.0", "5.0", "7.5"]);
pub(super) const IMAGE_GUIDANCE: (P, &[&str]) = (P::ImageGuidanceScale, &["1.0", "1.5"]);
pub(super) const INSTRUCTIONS: (P, &[&str]) =
    (P::Instruction, &["make it winter", "make it night"]);
pub(super) const IMAGES: (P, &[&str]) = (
    P::Image,
    &["a/lake.png", "b/a_picture_with_a_long_name.jpg"],
);
pub(super) const SEEDS: (P, &[&str]) = (P::Seed, &["1", "2"]);

const HOSTILE: [&str; 9] = [
    "",
    "冬にする",
    "夏にする",
    "אני 🎨 مرحبا",
    "</script>\u{202e}\u{0}\u{1b}[31m\n\t",
    "Pneumonoultramicroscopicsilicovolcanoconiosis/Donaudampfschifffahrtsgesellschaft",
    "e\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}",
    "преврати дом в замок с четырьмя башнями, κάνε το χειμώνα",
    "Turn the small wooden house by the lake into a medieval stone castle with four tall towers, red banners, \
     a drawbridge over a dark moat, a full moon behind thin clouds, torches along the walls, and a knight in \
     shining armour who rides a white horse towards the gate at night while it begins to snow on the hills",
];

pub(super) fn lay_out(
    plan: &Plan,
    cell: u32,
    change: impl Fn(&mut SheetSpec, &mut SheetOptions),
) -> Layout<'static> {
    let mut look = plan.sheet.clone();
    look.cell = NonZeroU32::new(cell).unwrap();
    let mut options = SheetOptions {
        advised: Some(HashSet::new()),
        ..SheetOptions::default()
    };
    change(&mut look, &mut options);
    options.look = Some(look);
    layout(plan, &options, None)
}

fn overlap(a: Rect, b: Rect) -> bool {
    a.x < b.right() && b.x < a.right() && a.y < b.bottom() && b.y < a.bottom()
}

/// Checks that all items are inside the page, that none overlap, and that the page is within the limits.
pub(super) fn assert_sound(page: &Page) {
    let pixels = u64::from(page.width) * u64::from(page.height);
    assert!(
        pixels <= MOST_PIXELS && page.width.max(page.height) <= LONGEST_SIDE,
        "{}",
        page.stem
    );
    let items = &page.items;
    let mut all: Vec<(Rect, String)> = Vec::new();
    let pictures = items.pictures.iter();
    all.extend(pictures.map(|(rect, shown)| (*rect, format!("{shown:?}"))));
    all.extend(items.absent.iter().map(|rect| (*rect, "absent".to_owned())));
    all.extend(
        items
            .texts
            .iter()
            .map(|text| (text.rect, format!("text {:?}", text.text))),
    );
    for (rect, what) in &all {
        let is_inside = rect.right() <= page.width && rect.bottom() <= page.height;
        assert!(
            is_inside,
            "{what} at {rect:?} leaves {} x {}",
            page.width, page.height
        );
    }
    all.sort_by_key(|(rect, _)| rect.x);
    for (index, (a, first)) in all.iter().enumerate() {
        for (b, second) in all[index + 1..].iter().take_while(|(b, _)| b.x < a.right()) {
            assert!(!overlap(*a, *b), "{first} at {a:?} and {second} at {b:?}");
        }
    }
}

pub(super) fn place_of(items: &SheetItems, cell: usize) -> Rect {
    let mut cells = cells(items);
    cells.find(|(_, index)| *index == cell).unwrap().0
}

fn shown_cells(layout: &Layout) -> Vec<usize> {
    let cells = layout.pages.iter().flat_map(|page| cells(&page.items));
    let mut cells: Vec<usize> = cells.map(|(_, cell)| cell).collect();
    cells.sort_unstable();
    cells
}

pub(super) fn texts<'a>(page: &'a Page) -> Vec<&'a str> {
    page.items
        .texts
        .iter()
        .map(|text| text.text.as_str())
        .collect()
}

#[test]
fn every_cell_has_one_place_and_nothing_overlaps_at_any_cell_size() {
    let sweeps: [&[(P, &[&str])]; 9] = [
        &[],
        &[GUIDANCE],
        &[GUIDANCE, IMAGE_GUIDANCE],
        &[INSTRUCTIONS, GUIDANCE, IMAGE_GUIDANCE],
        &[IMAGES, INSTRUCTIONS, GUIDANCE, IMAGE_GUIDANCE],
        &[IMAGES, INSTRUCTIONS],
        &[IMAGES, SEEDS],
        &[(P::Instruction, &HOSTILE), SEEDS],
        &[(P::Instruction, &HOSTILE)],
    ];
    for axes in sweeps {
        for (width, height) in [(512, 512), (512, 256), (192, 512)] {
            for cell in [1, 64, 256, 1024] {
                let plan = sized_plan(axes, width, height);
                let layout = lay_out(&plan, cell, |_, _| {});
                layout.pages.iter().for_each(assert_sound);
                assert_eq!(shown_cells(&layout), Vec::from_iter(0..plan.cells.len()));
            }
        }
    }
}

#[test]
fn hostile_values_on_every_axis_stay_in_their_places() {
    let placements: [fn(&mut SheetSpec, &mut SheetOptions); 6] = [
        |look, _| look.columns = Some(P::Instruction),
        |look, _| look.rows = Some(P::Instruction),
        |look, _| look.super_rows = Some(P::Instruction),
        |look, _| look.super_columns = Some(P::Instruction),
        |look, _| look.merge = Some(P::Instruction),
        |look, _| look.columns = Some(P::Image),
    ];
    for place in placements {
        for cell in [64, 256] {
            let plan = plan(&[IMAGES, (P::Instruction, &HOSTILE), SEEDS, GUIDANCE]);
            let layout = lay_out(&plan, cell, place);
            layout.pages.iter().for_each(assert_sound);
            assert_eq!(shown_cells(&layout).len(), plan.cells.len());
            assert!(
                layout.notes[0].contains("す (U+3059)"),
                "{:?}",
                layout.notes
            );
        }
    }
}

#[test]
fn the_name_of_an_inner_axis_stands_at_each_group_that_is_long_enough() {
    let plan = plan(&[INSTRUCTIONS, IMAGE_GUIDANCE, GUIDANCE]);
    let named = |cell: u32| {
        let layout = lay_out(&plan, cell, |look, _| {
            look.super_rows = Some(P::Instruction);
        });
        assert_sound(&layout.pages[0]);
        let names = texts(&layout.pages[0]).into_iter();
        names.filter(|text| *text == "image_guidance_scale").count()
    };
    assert_eq!((named(256), named(8)), (2, 1));
}

#[test]
fn guidance_scales_are_columns_and_rows_and_instructions_stand_around_them() {
    let plan = plan(&[INSTRUCTIONS, IMAGE_GUIDANCE, GUIDANCE]);
    let layout = lay_out(&plan, 256, |_, _| {});
    let items = &layout.pages[0].items;
    let place = |cell: usize| place_of(items, cell);
    assert_eq!(place(0).y, place(1).y, "guidance_scale grows to the right");
    assert_eq!(
        place(0).x,
        place(3).x,
        "image_guidance_scale grows downwards"
    );
    assert!(place(6).x == place(0).x && place(6).y > place(3).y);
    assert_eq!(inputs(items).count(), 1);
    let shown = texts(&layout.pages[0]);
    for text in [
        "guidance_scale",
        "image_guidance_scale",
        "make it night",
        "7.5",
        "1.5",
        "winter",
    ] {
        assert!(shown.contains(&text), "{text} is not among {shown:?}");
    }
}

#[test]
fn inputs_stand_along_the_side_on_which_the_image_varies() {
    let plan = plan(&[IMAGES, SEEDS]);
    let rows = &lay_out(&plan, 128, |_, _| {}).pages[0].items;
    assert_eq!(inputs(rows).count(), 2);
    for (input, cell) in inputs(rows) {
        let output = place_of(rows, cell);
        assert!(input.y == output.y && input.x < output.x);
    }
    let columns = &lay_out(&plan, 128, |look, _| look.columns = Some(P::Image)).pages[0].items;
    for (input, cell) in inputs(columns) {
        let output = place_of(columns, cell);
        assert!(input.x == output.x && input.y < output.y);
    }
    let none = &lay_out(&plan, 128, |look, _| look.show_input = false).pages[0].items;
    assert!(inputs(none).next().is_none());
}

#[test]
fn labels_too_long_for_their_cells_become_marks_with_a_legend() {
    let plan = sized_plan(&[(P::Instruction, &HOSTILE[7..]), SEEDS], 128, 128);
    let layout = lay_out(&plan, 64, |look, _| look.columns = Some(P::Instruction));
    let shown = texts(&layout.pages[0]);
    assert_eq!(
        shown.iter().filter(|text| **text == "A").count(),
        2,
        "{shown:?}"
    );
    assert!(
        shown.iter().any(|text| text.ends_with("on the hills")),
        "{shown:?}"
    );
}

#[test]
fn one_long_axis_wraps_into_strips() {
    let seeds: Vec<String> = (0..20).map(|seed| seed.to_string()).collect();
    let seeds: Vec<&str> = seeds.iter().map(String::as_str).collect();
    let plan = plan(&[(P::Seed, &seeds)]);
    let page = &lay_out(&plan, 256, |_, _| {}).pages[0];
    let mut tops: Vec<u32> = cells(&page.items).map(|(rect, _)| rect.y).collect();
    tops.dedup();
    assert!((3..=5).contains(&tops.len()), "{tops:?}");
    assert_eq!(inputs(&page.items).count(), 1);
}

#[test]
fn sheets_are_split_before_a_hundred_megapixels_with_labels_on_every_page() {
    let scales: Vec<String> = (10..30)
        .map(|tenth| format!("{}.{}", tenth / 10, tenth % 10))
        .collect();
    let scales: Vec<&str> = scales.iter().map(String::as_str).collect();
    let plan = plan(&[
        (P::ImageGuidanceScale, &scales),
        (P::GuidanceScale, &scales),
    ]);
    let layout = lay_out(&plan, 1024, |_, _| {});
    assert!(layout.pages.len() > 4);
    assert_eq!(shown_cells(&layout), Vec::from_iter(0..400));
    for page in &layout.pages {
        assert_sound(page);
        let shown = texts(page);
        assert!(shown.contains(&"guidance_scale") && shown.contains(&"image_guidance_scale"));
        assert!(
            shown.iter().any(|text| text.ends_with(" of 20")),
            "{shown:?}"
        );
    }
    assert!(
        layout.pages[0].stem.starts_with("sheet-01-"),
        "{}",
        layout.pages[0].stem
    );
}

#[test]
fn many_panels_go_on_several_pages() {
    let seeds: Vec<String> = (0..60).map(|seed| seed.to_string()).collect();
    let seeds: Vec<&str> = seeds.iter().map(String::as_str).collect();
    let plan = plan(&[(P::Seed, &seeds), IMAGE_GUIDANCE, GUIDANCE]);
    let layout = lay_out(&plan, 1024, |_, _| {});
    assert!(layout.pages.len() > 1);
    layout.pages.iter().for_each(assert_sound);
    assert_eq!(shown_cells(&layout).len(), plan.cells.len());
    let sizes: Vec<(u32, u32)> = layout
        .pages
        .iter()
        .map(|page| (page.width, page.height))
        .collect();
    assert!(
        sizes
            .iter()
            .all(|size| u64::from(size.0) * u64::from(size.1) > MOST_PIXELS / 3),
        "{sizes:?}"
    );
}

#[test]
fn excluded_cells_leave_a_gap_and_empty_rows_are_left_out() {
    let mut plan = plan(&[INSTRUCTIONS, IMAGE_GUIDANCE, GUIDANCE]);
    plan.cells.remove(0);
    plan.cells.truncate(8); // the second instruction keeps its first row only
    let layout = lay_out(&plan, 256, |_, _| {});
    assert_eq!(layout.pages[0].items.absent.len(), 1);
    assert_eq!(shown_cells(&layout), Vec::from_iter(0..8));
}

#[test]
fn panels_of_different_proportions_have_boxes_of_their_own() {
    let mut plan = plan(&[IMAGES, IMAGE_GUIDANCE, GUIDANCE]);
    for cell in &mut plan.cells[6..] {
        (cell.width, cell.height) = (256, 512);
    }
    let items = &lay_out(&plan, 256, |_, _| {}).pages[0].items;
    let size = |cell: usize| {
        let rect = place_of(items, cell);
        (rect.width, rect.height)
    };
    assert_eq!((size(0), size(6)), ((256, 256), (128, 256)));
}

#[test]
fn scattered_chosen_cells_stand_in_a_row_and_a_chosen_block_stays_a_grid() {
    let plan = plan(&[IMAGE_GUIDANCE, GUIDANCE]);
    let choose = |cells: &[usize]| {
        let only = cells
            .iter()
            .map(|&index| plan.cells[index].key.clone())
            .collect();
        lay_out(&plan, 256, |_, options| {
            options.only = Some(Clone::clone(&only))
        })
    };
    let block = choose(&[0, 1, 3, 4]);
    assert!(texts(&block.pages[0]).contains(&"image_guidance_scale"));
    let scattered = choose(&[0, 4]);
    assert_eq!(shown_cells(&scattered), [0, 4]);
    let single = choose(&[4]);
    assert!(texts(&single.pages[0]).contains(&"output"));
}

#[test]
fn a_few_chosen_cells_of_several_panels_stand_in_a_row_beside_one_input() {
    let plan = plan(&[INSTRUCTIONS, IMAGE_GUIDANCE, GUIDANCE]);
    let rows_and_inputs = |chosen: &[usize]| {
        let only = chosen
            .iter()
            .map(|&index| plan.cells[index].key.clone())
            .collect();
        let layout = lay_out(&plan, 256, |_, options| {
            options.only = Some(Clone::clone(&only));
        });
        let items = &layout.pages[0].items;
        let rows: BTreeSet<u32> = cells(items).map(|(place, _)| place.y).collect();
        assert_eq!(shown_cells(&layout), chosen);
        (rows.len(), inputs(items).count())
    };
    let second = plan.cells.len() / 2;
    assert_eq!(rows_and_inputs(&[1, 4, second]), (1, 1));
    let blocks = [0, 1, 3, 4, second, second + 1, second + 3, second + 4];
    assert_eq!(rows_and_inputs(&blocks), (2, 1));
}

#[test]
fn what_presets_link_stands_with_the_preset() {
    let mut plan = plan(&[INSTRUCTIONS, (P::Preset, &["subtle", "strong"])]);
    for cell in &mut plan.cells {
        let is_subtle = cell.parameters.preset.as_deref() == Some("subtle");
        let guidance = Decimal::from(if is_subtle { 2 } else { 8 });
        cell.parameters.guidance_scale = Scale::new(guidance);
    }
    let layout = lay_out(&plan, 256, |_, _| {});
    let page = &layout.pages[0];
    assert_sound(page);
    assert_eq!(inputs(&page.items).count(), 1, "one panel");
    let words = texts(page).join(" ");
    assert!(
        words.contains("preset\u{a0}subtle, guidance_scale\u{a0}2.0"),
        "{words}"
    );
    // An axis that the sweep file places stays there.
    let layout = lay_out(&plan, 256, |look, _| look.rows = Some(P::GuidanceScale));
    assert!(texts(&layout.pages[0]).contains(&"subtle"));
}

#[test]
fn merged_cells_stand_without_holes_in_a_box_of_their_shape() {
    let seeds = (P::Seed, ["1", "2", "3"].as_slice());
    let plan = sized_plan(&[GUIDANCE, seeds], 512, 512);
    let items = &lay_out(&plan, 384, |look, _| look.merge = Some(P::Seed)).pages[0].items;
    let of_first: Vec<Rect> = cells(items).take(3).map(|(place, _)| place).collect();
    assert!(
        of_first
            .windows(2)
            .all(|two| two[0].right() <= two[1].x && two[0].y == two[1].y)
    );
    assert!(
        of_first
            .iter()
            .all(|place| place.width.abs_diff(place.height) <= 4),
        "{of_first:?}"
    );
}

#[test]
fn sheets_of_very_many_cells_enlarge_none() {
    let seeds: Vec<String> = (0..67).map(|seed| seed.to_string()).collect();
    let seeds: Vec<&str> = seeds.iter().map(String::as_str).collect();
    for (count, side) in [(66, 256), (67, 64)] {
        let plan = sized_plan(
            &[IMAGE_GUIDANCE, GUIDANCE, (P::Seed, &seeds[..count])],
            64,
            64,
        );
        let layout = lay_out(&plan, 256, |_, _| {});
        assert!(
            cells(&layout.pages[0].items).all(|(place, _)| place.width == side),
            "{count}"
        );
    }
}

#[test]
fn sizes_are_those_of_the_pages() {
    let plan = plan(&[IMAGE_GUIDANCE, GUIDANCE]);
    let [
        SheetSize {
            width,
            height,
            bytes,
        },
    ] = sizes(&plan, false).unwrap()[..]
    else {
        panic!("one sheet");
    };
    // Six cells and an input of 256 x 256 pixels, encoded as photographs.
    assert!((600e3..1200e3).contains(&bytes), "{bytes}");
    assert!(width > 4 * 256 && width < 5 * 256 + 200, "{width}");
    assert!(height > 2 * 256 && height < 3 * 256 + 100, "{height}");
}
