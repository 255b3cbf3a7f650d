//! "Copy as TOML" of a cell, run beside its sweep file, gives the same cell with the same pixels.

use std::fs;
use std::sync::mpsc;

use assert_cmd::assert::OutputAssertExt;
use image::{Rgb, RgbImage};
use ip2p_sweep::store::Run;
use ip2p_sweep::vocabulary::{CellKey, Parameter, Parameters};
use serde_json::json;

use crate::browser::with_page;
use crate::common::place::Place;

/// A folder with images of odd sizes, one of them with a name that looks like a pattern.
fn place() -> Place {
    let place = Place::new();
    for folder in ["photos", "sweeps"] {
        fs::create_dir(place.path(folder)).unwrap();
    }
    for (name, width, height) in [("a [1].png", 67, 49), ("wood.png", 90, 74)] {
        let image = RgbImage::from_fn(width, height, |x, y| Rgb([x as u8 * 2, y as u8 * 3, 90]));
        image.save(place.path("photos").join(name)).unwrap();
    }
    place
}

/// Runs a sweep file in the folder `sweeps`, then the copy of each of its cells in its place.
#[track_caller]
fn assert_copies_are_its_cells(place: &Place, cells: usize, text: &str) -> Run {
    let file = "sweeps/whole.toml";
    fs::write(place.path(file), text).unwrap();
    place.ip2p(&["run", file]).assert().success();
    let whole = Run::read(&place.path("results/whole")).unwrap();
    assert_eq!(whole.plan.cells.len(), cells);
    let keys = whole.plan.cells.iter().map(|cell| cell.key.clone());
    for (key, copy) in copies(&whole, "index.html", keys.collect()) {
        let name = copy.parse::<toml::Table>().unwrap()["name"].clone();
        fs::write(place.path("sweeps/copy.toml"), &copy).unwrap();
        let ran = place.ip2p(&["run", "sweeps/copy.toml"]).assert();
        ran.success();
        let alone = Run::read(&place.path("results").join(name.as_str().unwrap())).unwrap();
        let [cell] = &alone.plan.cells[..] else {
            panic!("{} cells of\n{copy}", alone.plan.cells.len())
        };
        let same = pixels(&alone, &cell.key) == pixels(&whole, &key);
        assert!(same, "{key} has other pixels than\n{copy}");
        assert_eq!(hash(&cell.key), hash(&key), "{copy}");
    }
    whole
}

/// The part of a key that identifies the cell, whatever axes there are.
pub fn hash(key: &CellKey) -> &str {
    let hash = key.as_str().rsplit('-').next().unwrap_or_default();
    hash.trim_end_matches('x')
}

/// What the page copies for each cell; empty without a browser.
pub fn copies(run: &Run, page: &str, keys: Vec<CellKey>) -> Vec<(CellKey, String)> {
    let (found, copies) = mpsc::channel();
    let index = run.folder.join("report").join(page);
    with_page(&index, "", async move |page| {
        for key in keys {
            page.script(&format!("location.hash = {}", json!(format!("cell={key}"))))
                .await;
            let heading = json!(format!("# Cell {key} of "));
            page.until(&format!(
                "document.getElementById('toml')?.value.startsWith({heading})"
            ))
            .await;
            let copy = page
                .script("return document.getElementById('toml').value")
                .await;
            found
                .send((key, copy.as_str().unwrap().to_owned()))
                .unwrap();
        }
    });
    copies.into_iter().collect()
}

pub fn pixels(run: &Run, cell: &CellKey) -> RgbImage {
    let path = run.image_path(cell).unwrap();
    image::open(path).unwrap().to_rgb8()
}

#[test]
fn of_a_folder_of_images_with_every_parameter_set_and_large_seeds() {
    let run = assert_copies_are_its_cells(
        &place(),
        4,
        "model = \"../model\"\n[sweep]\nimage = \"../photos/*.png\"\ninstruction = \"make it \\\"winter\\\"\"\n\
         negative_prompt = \"blurry, \\\\ 'low' contrast\"\nguidance_scale = 7.25\nguidance_start = 0.25\n\
         guidance_end = 0.75\nimage_guidance_scale = 1.75\nseed = [3, \"18446744073709551615\"]\nscheduler = \"ddim\"\n\
         [[preset]]\nname = \"short\"\nnum_inference_steps = 4\n[size]\nfit = \"floor\"\n",
    );
    // A new parameter has to be set here too: the copy must have it.
    for parameter in Parameter::DEFINED {
        let value = run.plan.cells[0].parameters.value(parameter);
        let unset = Parameters::default().value(parameter);
        // Edits have neither a strength nor a mask: a sweep that sets one is refused.
        let is_of_other_kinds = matches!(parameter, Parameter::Strength | Parameter::Mask);
        assert_eq!(value == unset, is_of_other_kinds, "{parameter}: {value:?}");
    }
}

#[test]
fn of_presets_of_an_exact_size_in_tiles_with_the_guidance_of_diffusers() {
    assert_copies_are_its_cells(
        &place(),
        3,
        "model = \"../model\"\n[sweep]\nimage = \"../photos/wood.png\"\ninstruction = \"make it winter\"\n\
         num_inference_steps = 2\n[[preset]]\nname = \"subtle\"\nguidance_scale = 5.0\nscheduler = \"ddim\"\n\
         [[preset]]\nname = \"strong\"\nguidance_scale = 9.5\nnegative_prompt = \"washed out\"\n\
         [[preset]]\nname = \"off\"\nguidance_scale = 1.0\nimage_guidance_scale = 0.5\n\
         [size]\nfit = \"exact\"\nwidth = 96\nheight = 80\n\
         [numerics]\nnoise = \"torch-cuda\"\nguidance = \"diffusers\"\nvae_tile = 64\n",
    );
}

#[test]
fn of_crops_and_of_sides_rounded_down_at_a_resolution() {
    for (images, cells, size) in [
        ("*", 2, "resolution = 72"),
        ("wood", 1, "resolution = 82\nfit = \"floor\""),
    ] {
        assert_copies_are_its_cells(
            &place(),
            cells,
            &format!(
                "model = \"../model\"\n[sweep]\nimage = \"../photos/{images}.png\"\n\
                 instruction = \"make it winter\"\nnum_inference_steps = 1\n[size]\n{size}\n\
                 [numerics]\nvae_tile = \"off\"\n"
            ),
        );
    }
}
