use std::collections::BTreeSet;
use std::fs;
use std::num::NonZeroU32;

use image::{Rgb, RgbImage};

use crate::drawing::{Format, OtherFont, Rect};
use crate::store::Run;
use crate::views::sheet::draw::{cells, inputs};
use crate::views::sheet::layout::layout;
use crate::views::sheet::samples::{INPUT, fail, plan, run, sized_plan};
use crate::views::sheet::{SheetError, SheetOptions, Sheets};
use crate::views::{View, ViewFiles};
use crate::vocabulary::Parameter as P;

const GUIDANCE: (P, &[&str]) = (P::GuidanceScale, &["3.0", "5.0", "7.5"]);
const IMAGE_GUIDANCE: (P, &[&str]) = (P::ImageGuidanceScale, &["1.0", "1.5"]);

fn write_sheets(run: &Run, options: &SheetOptions) -> Result<ViewFiles, SheetError> {
    let options = options.clone();
    Sheets { run, options }.write()
}

fn small_run(folder: &tempfile::TempDir) -> Run {
    run(
        sized_plan(&[IMAGE_GUIDANCE, GUIDANCE], 64, 64),
        folder.path(),
    )
}

/// The only sheet, and the places of its cells and of the input.
fn drawn(run: &Run, options: &SheetOptions) -> (RgbImage, Vec<(Rect, usize)>, Rect) {
    let sheets = write_sheets(run, options).unwrap();
    let sheet = image::open(&sheets.files[0].path).unwrap().into_rgb8();
    let page = layout(&run.plan, options, None).pages.remove(0);
    assert_eq!(sheet.dimensions(), (page.width, page.height));
    let input = inputs(&page.items).next().unwrap().0;
    (sheet, cells(&page.items).collect(), input)
}

fn at(sheet: &RgbImage, place: Rect, x: f64, y: f64) -> Rgb<u8> {
    let along = |start: u32, side: u32, share: f64| start + (f64::from(side - 1) * share) as u32;
    *sheet.get_pixel(
        along(place.x, place.width, x),
        along(place.y, place.height, y),
    )
}

fn is_near(a: Rgb<u8>, b: Rgb<u8>) -> bool {
    a.0.iter().zip(b.0).all(|(a, b)| a.abs_diff(b) <= 24)
}

#[test]
fn every_image_is_where_the_layout_says() {
    let folder = tempfile::tempdir().unwrap();
    let run = small_run(&folder);
    let (sheet, cells, input) = drawn(&run, &SheetOptions::default());
    assert_eq!(at(&sheet, input, 0.5, 0.5), INPUT);
    assert_eq!(cells.len(), 6);
    for (place, index) in cells {
        let blue = (index * 37 % 256) as u8;
        assert!(
            is_near(at(&sheet, place, 0.02, 0.02), Rgb([0, 0, blue])),
            "cell {index}"
        );
        assert!(
            is_near(at(&sheet, place, 0.98, 0.02), Rgb([250, 0, blue])),
            "cell {index}"
        );
    }
}

#[test]
fn failed_cells_are_crossed_and_missing_ones_are_hatched() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = small_run(&folder);
    fail(&mut run, 1, "the latents became NaN at step 7");
    let key = run.plan.cells[2].key.clone();
    run.records.remove(&key);
    let (sheet, cells, _) = drawn(&run, &SheetOptions::default());
    let reddish = |pixel: Rgb<u8>| pixel.0[0] > 200 && pixel.0[0] > pixel.0[1] && pixel.0[1] < 250;
    for share in [0.0, 0.1, 0.9, 1.0] {
        assert!(reddish(at(&sheet, cells[1].0, share, share)), "{share}");
        assert!(
            reddish(at(&sheet, cells[1].0, share, 1.0 - share)),
            "{share}"
        );
    }
    let place = cells[1].0;
    let inside =
        (place.y..place.bottom()).flat_map(|y| (place.x..place.right()).map(move |x| (x, y)));
    let ink = inside.filter(|&(x, y)| sheet.get_pixel(x, y).0[1] < 100);
    assert!(ink.count() > 100, "the reason is written in it");
    let pale = at(&sheet, cells[2].0, 0.3, 0.3).0;
    assert!(pale.iter().all(|&level| level > 220), "{pale:?}");
}

#[test]
fn unreadable_cells_and_inputs_are_told_and_the_rest_is_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let run = small_run(&folder);
    fs::write(
        folder.path().join(run.plan.cells[0].key.image_path()),
        "no image",
    )
    .unwrap();
    fs::remove_dir_all(folder.path().join("inputs")).unwrap();
    let sheets = write_sheets(&run, &SheetOptions::default()).unwrap();
    assert_eq!(sheets.notes.len(), 2);
    assert!(
        sheets.notes[1].ends_with("; run the sweep again to have the image computed"),
        "{:?}",
        sheets.notes
    );
    assert!(
        sheets.notes[0].starts_with("input photos/lake.png is not shown: "),
        "{:?}",
        sheets.notes
    );
}

#[test]
fn advised_cells_are_outlined() {
    let folder = tempfile::tempdir().unwrap();
    let run = small_run(&folder);
    let options = SheetOptions {
        advised: Some([run.plan.cells[4].key.clone()].into()),
        ..SheetOptions::default()
    };
    let sheets = write_sheets(&run, &options).unwrap();
    let sheet = image::open(&sheets.files[0].path).unwrap().into_rgb8();
    let page = layout(&run.plan, &options, None).pages.remove(0);
    let edge = |index: usize| at(&sheet, cells(&page.items).nth(index).unwrap().0, 0.5, 0.0);
    assert_eq!(edge(4), Rgb([17, 138, 74]));
    assert_ne!(edge(3), edge(4));
    assert!(
        page.items.texts.iter().any(|text| text.text
            == "advised: keeps the image and follows the instruction best, by CLIP")
    );
}

#[test]
fn times_stand_on_images_alone_and_inside_outlines() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = small_run(&folder);
    fail(&mut run, 1, "out of memory");
    let advised = Some([run.plan.cells[4].key.clone()].into());
    let sheet = |seconds: bool| {
        let options = SheetOptions {
            advised: Option::clone(&advised),
            seconds,
            ..SheetOptions::default()
        };
        let (sheet, cells, _) = drawn(&run, &options);
        (sheet, cells)
    };
    let ((plain, cells), (timed, _)) = (sheet(false), sheet(true));
    let changed = |index: usize, x: f64, y: f64| {
        at(&plain, cells[index].0, x, y) != at(&timed, cells[index].0, x, y)
    };
    assert!(changed(0, 1.0, 1.0), "a time in the corner");
    assert!(!changed(1, 0.97, 0.97), "none where a cell failed");
    assert!(
        !changed(4, 1.0, 1.0) && changed(4, 0.96, 0.96),
        "inside the outline"
    );
}

#[test]
fn cells_too_small_for_their_time_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let run = small_run(&folder);
    let notes = |cell: u32, seconds: bool| {
        let mut look = run.plan.sheet.clone();
        look.cell = NonZeroU32::new(cell).unwrap();
        let options = SheetOptions {
            look: Some(look),
            seconds,
            ..SheetOptions::default()
        };
        write_sheets(&run, &options).unwrap().notes
    };
    assert_eq!(notes(64, true), [""; 0]);
    assert_eq!(notes(16, false), [""; 0]);
    assert_eq!(
        notes(16, true),
        ["some cells are too small to show their time; use --cell with more pixels"]
    );
}

#[test]
fn a_font_of_the_users_shows_what_the_embedded_one_lacks() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(
        sized_plan(&[(P::Instruction, &["冬に"]), GUIDANCE], 64, 64),
        folder.path(),
    );
    let options = |font: Option<&str>| {
        let mut look = run.plan.sheet.clone();
        look.font = font.map(Into::into);
        SheetOptions {
            look: Some(look),
            ..SheetOptions::default()
        }
    };
    let notes = |font| write_sheets(&run, &options(font)).unwrap().notes;
    // Whether the system has a font for it is not ours to say; where it has, nothing is to be noted.
    let found = OtherFont::of_system(&BTreeSet::from(['冬', 'に']));
    match found.is_some_and(|font| font.font_for('冬').is_some()) {
        true => assert_eq!(notes(None), [""; 0]),
        false => assert!(notes(None)[0].contains("冬 (U+51AC)")),
    }
    assert_eq!(notes(Some("src/drawing/font/sample.ttf")), [""; 0]);
    let error = write_sheets(&run, &options(Some("Cargo.toml"))).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot use the font Cargo.toml: it is not a TrueType or OpenType font"
    );
}

#[test]
fn each_format_is_written_with_the_parameters_of_the_sheet() {
    let folder = tempfile::tempdir().unwrap();
    let run = small_run(&folder);
    for format in Format::ALL {
        let options = SheetOptions {
            format,
            seconds: true,
            ..SheetOptions::default()
        };
        let file = write_sheets(&run, &options).unwrap().files.remove(0);
        let bytes = fs::read(&file.path).unwrap();
        let kind = image::guess_format(&bytes).unwrap();
        assert!(
            kind.extensions_str().contains(&format.extension()),
            "{kind:?}"
        );
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.contains("\"cells\":[\"c00000\""), "{format:?}");
        let sheet = image::load_from_memory(&bytes).unwrap();
        assert_eq!(Some((sheet.width(), sheet.height())), file.size);
    }
    let png = fs::read(folder.path().join("sheets/sheet.png")).unwrap();
    let reader = png::Decoder::new(std::io::Cursor::new(png))
        .read_info()
        .unwrap();
    let chunk = &reader.info().utf8_text[0];
    let json: serde_json::Value = serde_json::from_str(&chunk.get_text().unwrap()).unwrap();
    assert_eq!(
        (chunk.keyword.as_str(), &json["options"]["look"]["cell"]),
        ("ip2p", &256.into())
    );
}

#[test]
fn a_sheet_too_large_for_a_mail_has_a_preview_that_goes_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(sized_plan(&[GUIDANCE], 1024, 1024), folder.path());
    for (index, cell) in run.plan.cells.iter().enumerate() {
        let noise = RgbImage::from_fn(1024, 1024, |x, y| {
            let mixed = x.wrapping_mul(0x9e37_79b1) ^ (y + index as u32).wrapping_mul(0x85eb_ca6b);
            let mixed = (mixed ^ (mixed >> 15)).wrapping_mul(0x2c1b_3c6d);
            let mixed = (mixed ^ (mixed >> 12)).wrapping_mul(0x297a_2d39);
            Rgb([(mixed >> 24) as u8, (mixed >> 16) as u8, (mixed >> 8) as u8])
        });
        noise.save(run.folder.join(cell.key.image_path())).unwrap();
    }
    let with_cell = |cell: u32| {
        let mut look = run.plan.sheet.clone();
        look.cell = NonZeroU32::new(cell).unwrap();
        let look = Some(look);
        write_sheets(
            &run,
            &SheetOptions {
                look,
                ..SheetOptions::default()
            },
        )
        .unwrap()
    };
    let made = with_cell(1024);
    let preview = made.path("preview").unwrap().to_owned();
    assert_eq!(preview, folder.path().join("sheets/sheet-preview.jpg"));
    assert!(fs::metadata(&preview).unwrap().len() <= 4 << 20);
    assert_eq!(with_cell(64).path("preview"), None);
    assert!(!preview.exists(), "that of the larger sheet is gone");
}

#[test]
fn sheets_go_to_another_folder_and_a_jpeg_takes_a_quality() {
    let folder = tempfile::tempdir().unwrap();
    let run = small_run(&folder);
    let out = folder.path().join("elsewhere");
    let bytes = |quality| {
        let options = SheetOptions {
            format: Format::Jpeg,
            quality,
            folder: Some(out.clone()),
            ..SheetOptions::default()
        };
        let made = write_sheets(&run, &options).unwrap();
        assert_eq!(made.files[0].path, out.join("sheet.jpg"));
        fs::metadata(out.join("sheet.jpg")).unwrap().len()
    };
    assert!(bytes(Some(20)) * 2 < bytes(None));
    assert!(!folder.path().join("sheets").exists());
}

#[test]
fn sheets_of_earlier_calls_go_and_other_files_stay() {
    let folder = tempfile::tempdir().unwrap();
    let run = small_run(&folder);
    let sheets = folder.path().join("sheets");
    fs::create_dir(&sheets).unwrap();
    let (ours, others) = (
        ["sheet-01.png", "sheet-07-make-it-night.png", "sheet-12.png"],
        ["sheet.jpg", "sheet-notes.png", "mine.png", "sheet-1.png"],
    );
    for name in ours.iter().chain(&others) {
        fs::write(sheets.join(name), "").unwrap();
    }
    write_sheets(&run, &SheetOptions::default()).unwrap();
    let mut left: Vec<_> = fs::read_dir(&sheets)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    left.sort();
    assert_eq!(
        left,
        [
            "mine.png",
            "sheet-1.png",
            "sheet-notes.png",
            "sheet.jpg",
            "sheet.png"
        ]
    );
}

#[test]
fn a_name_for_the_files_cannot_leave_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let run = small_run(&folder);
    let options = SheetOptions {
        name: Some("../../Best of".into()),
        ..SheetOptions::default()
    };
    let file = write_sheets(&run, &options).unwrap().files.remove(0);
    assert_eq!(file.path, folder.path().join("sheets/Best of.png"));
}

#[cfg(unix)]
#[test]
fn a_link_in_place_of_the_folder_is_refused() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let run = small_run(&folder);
    std::os::unix::fs::symlink(elsewhere.path(), folder.path().join("sheets")).unwrap();
    let error = write_sheets(&run, &SheetOptions::default()).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("is a symbolic link, which could lead out of the folder")
    );
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}

#[test]
fn unknown_chosen_cells_are_an_error_that_names_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = run(plan(&[]), folder.path());
    let key = run.plan.cells[0].key.clone();
    std::sync::Arc::make_mut(&mut run.plan).cells.clear();
    let options = SheetOptions {
        only: Some([key].into()),
        ..SheetOptions::default()
    };
    let error = write_sheets(&run, &options).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("none of the chosen cells is in {}", folder.path().display())
    );
}
