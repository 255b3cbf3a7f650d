//! Masks made by a sweep file: from an adjusted file, from transparency, from the changes of an earlier stage.

use std::fs;

use assert_cmd::assert::OutputAssertExt;
use image::{GrayImage, Luma, Rgb, RgbImage, Rgba, RgbaImage};
use ip2p_sweep::image::{MaskEdit, MaskImage};
use ip2p_sweep::plan::Cell;
use ip2p_sweep::store::Run;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;

use crate::common::place::Place;

/// A sweep of one edit of `in.png`, which is 64 x 48 pixels.
fn sweep(more: &str) -> String {
    format!(
        "model = \"model\"\n[sweep]\nimage = \"in.png\"\ninstruction = \"make it winter\"\nnum_inference_steps = 2\n\
         {more}\n[size]\nfit = \"floor\"\n"
    )
}

/// A disk in the middle.
fn disk() -> GrayImage {
    GrayImage::from_fn(64, 48, |x, y| {
        let distance = (f64::from(x) - 32.0).hypot(f64::from(y) - 24.0);
        Luma([if distance < 12.0 { 255 } else { 0 }])
    })
}

fn run(place: &Place, name: &str, text: &str) -> Run {
    let file = format!("{name}.toml");
    fs::write(place.path(&file), text).unwrap();
    place.ip2p(&["run", &file]).assert().success();
    Run::read(&place.path("results").join(name)).unwrap()
}

fn pixels(run: &Run, cell: &Cell) -> RgbImage {
    let path = run.folder.join(cell.key.image_path());
    image::open(path).unwrap().to_rgb8()
}

#[test]
fn a_file_that_is_inverted_grown_and_blurred_is_the_mask_that_one_would_make_by_hand() {
    let place = Place::new();
    disk().save(place.path("mask.png")).unwrap();
    let edit = MaskEdit {
        invert: true,
        grow: 3,
        blur: 1.5,
    };
    let (mask, _) = MaskImage::read(&place.path("mask.png")).unwrap();
    let by_hand = mask.edited(edit).to_mask();
    by_hand.levels().save(place.path("hand.png")).unwrap();
    let table = "{ file = \"mask.png\", invert = true, grow = 3, blur = 1.5 }";
    let made = run(
        &place,
        "made",
        &sweep(&format!("mask = [\"mask.png\", {table}, \"hand.png\"]")),
    );
    let [plain, edited, hand] = &made.plan.cells[..] else {
        panic!("{} cells", made.plan.cells.len())
    };
    assert_eq!(edited.parameters.mask, table);
    assert_eq!(pixels(&made, edited), pixels(&made, hand));
    assert_ne!(edited.key.hash(), hand.key.hash());
    // Outside the disk the input is kept exactly.
    let (input, output) = (
        image::open(place.path("in.png")).unwrap().to_rgb8(),
        pixels(&made, plain),
    );
    let differs = |kept: bool| {
        disk().enumerate_pixels().any(|(x, y, level)| {
            (level[0] == 0) == kept && input.get_pixel(x, y) != output.get_pixel(x, y)
        })
    };
    assert!(!differs(true) && differs(false));
    // A table with a file and no adjustments is the file itself.
    let plain_table = run(&place, "plain", &sweep("mask = { file = \"mask.png\" }"));
    assert_eq!(plain_table.plan.cells[0].key.hash(), plain.key.hash());
    // The mask is stored beside the inputs.
    let fitted = made.plan.mask_of(edited).unwrap();
    let kept = made.folder.join(made.inputs().find_mask(fitted).unwrap());
    assert_eq!(image::open(kept).unwrap().to_luma8(), *by_hand.levels());
}

#[test]
fn what_an_earlier_stage_changed_is_what_a_later_one_works_on() {
    let place = Place::new();
    let first = run(&place, "first", &sweep("seed = [1, 2]"));
    let chain = run(
        &place,
        "chain",
        &(sweep("seed = [1, 2]")
            + "[[then]]\ninstruction = \"make it night\"\nnum_inference_steps = 2\n\
               mask = { changed = \"edit\", above = 0.3 }\n"),
    );
    let input = image::open(place.path("in.png")).unwrap().to_rgb8();
    let later: Vec<&Cell> = chain
        .plan
        .cells
        .iter()
        .filter(|cell| cell.stage == 1)
        .collect();
    for (before, cell) in first.plan.cells.iter().zip(later) {
        let edit = pixels(&first, before);
        let changed = |x, y| {
            let (Rgb(one), Rgb(other)) = (input.get_pixel(x, y), edit.get_pixel(x, y));
            let sum: f64 = one
                .iter()
                .zip(other)
                .map(|(a, b)| f64::from(a.abs_diff(*b)))
                .sum();
            Luma([if sum / 3.0 / 255.0 > 0.3 { 255 } else { 0 }])
        };
        let mask = GrayImage::from_fn(64, 48, changed);
        let white = mask.pixels().filter(|level| level[0] > 0).count();
        assert!(white > 0 && white < 64 * 48, "{white} pixels");
        edit.save(place.path("edit.png")).unwrap();
        mask.save(place.path("mask.png")).unwrap();
        let text = sweep("mask = \"mask.png\"")
            .replace("in.png", "edit.png")
            .replace("winter", "night");
        let name = format!("hand-{}", cell.key.hash());
        let hand = run(&place, &name, &text);
        assert_eq!(pixels(&hand, &hand.plan.cells[0]), pixels(&chain, cell));
    }
}

#[test]
fn what_is_transparent_is_what_an_edit_may_change() {
    let place = Place::new();
    let input = image::open(place.path("in.png")).unwrap().to_rgb8();
    let transparent = |x: u32| x >= 40;
    let image = RgbaImage::from_fn(64, 48, |x, y| {
        let Rgb([r, g, b]) = *input.get_pixel(x, y);
        Rgba([r, g, b, if transparent(x) { 0 } else { 255 }])
    });
    image.save(place.path("in.png")).unwrap();
    let made = run(
        &place,
        "alpha",
        &(sweep("mask = { alpha = true }")
            + "[[then]]\ninstruction = \"make it night\"\nnum_inference_steps = 2\nmask = { alpha = true, invert = true }\n"),
    );
    let [first, second] = &made.plan.cells[..] else {
        panic!("{} cells", made.plan.cells.len())
    };
    let (first, second) = (pixels(&made, first), pixels(&made, second));
    let same = |one: &RgbImage, other: &RgbImage, right: bool| {
        let mut there = one
            .enumerate_pixels()
            .filter(|(x, ..)| transparent(*x) == right);
        there.all(|(x, y, pixel)| other.get_pixel(x, y) == pixel)
    };
    assert!(same(&first, &input, false) && !same(&first, &input, true));
    assert!(same(&second, &first, true) && !same(&second, &first, false));
}

#[test]
fn masks_that_are_empty_full_or_of_another_shape_are_told_before_anything_runs() {
    let place = Place::new();
    GrayImage::new(64, 48)
        .save(place.path("black.png"))
        .unwrap();
    GrayImage::from_pixel(64, 48, Luma([255]))
        .save(place.path("white.png"))
        .unwrap();
    let strip = GrayImage::from_fn(96, 24, |x, _| Luma([if x < 48 { 255 } else { 0 }]));
    strip.save(place.path("strip.png")).unwrap();
    let plan = |mask: &str| {
        fs::write(place.path("s.toml"), sweep(&format!("mask = {mask}"))).unwrap();
        place.ip2p(&["plan", "s.toml"]).assert()
    };
    plan("\"black.png\"").code(2).stderr(
        contains("mask black.png is empty: nothing would be repainted")
            .and(contains("invert = true")),
    );
    plan("{ file = \"white.png\", invert = true }").code(2);
    plan("{ file = \"black.png\", invert = true }")
        .success()
        .stderr(contains("is white all over: nothing of the image is kept"));
    plan("\"strip.png\"").success().stderr(contains(
        "mask strip.png (96x24) has another shape than image in.png (64x48)",
    ));
    plan("{ alpha = true }")
        .code(2)
        .stderr(contains("mask { alpha = true } of image in.png is empty"));
    plan("{ changed = \"edit\" }")
        .code(2)
        .stderr(contains("no stage comes before"));
    let chain = sweep("seed = 1")
        + "[[then]]\ninstruction = \"make it night\"\nmask = { changed = \"edits\" }\n";
    fs::write(place.path("s.toml"), chain).unwrap();
    place
        .ip2p(&["plan", "s.toml"])
        .assert()
        .code(2)
        .stderr(contains(
            "no stage before it is called edits: there is edit",
        ));
}

#[test]
fn a_cell_of_which_the_earlier_stage_changed_nothing_fails_and_says_what_to_change() {
    let place = Place::new();
    let chain = sweep("seed = 1")
        + "[[then]]\ninstruction = \"make it night\"\nnum_inference_steps = 2\nmask = { changed = \"edit\", above = 1 }\n";
    fs::write(place.path("s.toml"), chain).unwrap();
    place
        .ip2p(&["run", "s.toml"])
        .assert()
        .code(12)
        .stderr(contains("its mask is empty").and(contains("lower above")));
}

#[test]
fn an_image_tells_the_masks_of_its_whole_path() {
    let place = Place::new();
    let folder = place.path("masks");
    fs::create_dir(&folder).unwrap();
    disk().save(folder.join("disk.png")).unwrap();
    let mask = format!(
        "mask = {{ file = '{}/disk.png', grow = 2 }}",
        folder.display()
    );
    let chain = run(
        &place,
        "chain",
        &(sweep(&mask)
            + "[[then]]\ninstruction = \"make it night\"\nnum_inference_steps = 2\nmask = { changed = \"edit\" }\n\
               [[then]]\ninstruction = \"make it a sketch\"\nnum_inference_steps = 2\n"),
    );
    let last = chain.plan.cells.iter().max_by_key(|cell| cell.stage);
    let file = fs::File::open(chain.folder.join(last.unwrap().key.image_path())).unwrap();
    let reader = png::Decoder::new(std::io::BufReader::new(file))
        .read_info()
        .unwrap();
    let texts = &reader.info().utf8_text;
    let own = texts.iter().find(|chunk| chunk.keyword == "ip2p").unwrap();
    let own: serde_json::Value = serde_json::from_str(&own.get_text().unwrap()).unwrap();
    assert_eq!(own["mask"], serde_json::Value::Null);
    let [first, second] = own["path"].as_array().unwrap().as_slice() else {
        panic!("{own}");
    };
    // Its location on this machine is left out.
    assert_eq!(first["mask"]["recipe"]["source"]["file"], "disk.png");
    assert_eq!(first["mask"]["recipe"]["grow"], 2);
    let source = &second["mask"]["recipe"]["source"];
    assert_eq!(source["changed"]["stage"], "edit");
    let folder = folder.display().to_string();
    assert!(!own.to_string().contains(&folder), "{own}");
}
