//! Masks compared level by level with diffusers' image processors (`tests/golden/masks`).

use std::fs;

use image::{GrayImage, RgbImage};
use ip2p_sweep::image::{Fit, Mask, MaskEdit, MaskImage, Note, Region, to_tensor};
use safetensors::SafeTensors;
use serde_json::Value;

use crate::common::{golden, golden_json};

struct Golden {
    bytes: Vec<u8>,
    index: Value,
    width: u32,
    height: u32,
}

impl Golden {
    fn read() -> Self {
        let index = golden_json("masks/index.json");
        let side = |key: &str| index[key].as_u64().unwrap() as u32;
        Self {
            bytes: fs::read(golden().join("masks/masks.safetensors")).unwrap(),
            width: side("width"),
            height: side("height"),
            index,
        }
    }

    /// Height and width of an array, and its levels.
    fn levels(&self, name: &str) -> (Vec<usize>, Vec<u8>) {
        let file = SafeTensors::deserialize(&self.bytes).unwrap();
        let tensor = file.tensor(name).unwrap();
        (tensor.shape().to_vec(), tensor.data().to_vec())
    }

    fn rgb(&self, name: &str) -> RgbImage {
        let (shape, levels) = self.levels(name);
        RgbImage::from_raw(shape[1] as u32, shape[0] as u32, levels).unwrap()
    }

    fn grey(&self, name: &str) -> GrayImage {
        let (shape, levels) = self.levels(name);
        GrayImage::from_raw(shape[1] as u32, shape[0] as u32, levels).unwrap()
    }

    fn mask(&self, source: &str) -> MaskImage {
        let path = golden().join("masks/source").join(source);
        MaskImage::read(&path).unwrap().0
    }
}

/// The difference between two sets of levels: how many differ, and by how much at most.
fn difference(ours: &[u8], theirs: &[u8]) -> Option<(usize, u8)> {
    assert_eq!(ours.len(), theirs.len());
    let differences = ours.iter().zip(theirs).map(|(a, b)| a.abs_diff(*b));
    let largest = differences.clone().max().unwrap();
    (largest > 0).then(|| (differences.filter(|&d| d > 0).count(), largest))
}

/// The cases that differ.
#[derive(Default)]
struct Wrong(Vec<String>);

impl Wrong {
    fn check(&mut self, name: &str, ours: &[u8], theirs: &[u8]) {
        if let Some((count, largest)) = difference(ours, theirs) {
            self.0
                .push(format!("{name}: {count} levels, by up to {largest}"));
        }
    }
}

#[test]
fn masks_of_every_mode_and_size_become_those_of_diffusers_to_the_level() {
    let golden = Golden::read();
    let (width, height) = (golden.width, golden.height);
    let (original, made) = (golden.rgb("original"), golden.rgb("made"));
    let mut wrong = Wrong::default();
    let masks = golden.index["masks"].as_array().unwrap();
    assert_eq!(masks.len(), 30);
    for case in masks {
        let source = case["source"].as_str().unwrap();
        // JPEG decoders may differ by some levels; other files test the rest.
        if source.ends_with(".jpg") {
            continue;
        }
        let image = golden.mask(source);
        let mask = image.fit(width, height, Fit::Floor).to_mask();
        let expected = |what: &str| format!("{source}.{what}");
        let name = expected("resized");
        wrong.check(&name, mask.levels(), &golden.grey(&name));
        let fitted = image.fit(width, height, Fit::Crop).to_mask();
        let name = expected("fitted");
        wrong.check(&name, fitted.levels(), &golden.grey(&name));
        let name = expected("latents");
        let latents: Vec<u8> = mask.to_latents(4).iter().map(|&m| m as u8).collect();
        wrong.check(&name, &latents, &golden.levels(&name).1);
        let name = expected("overlay");
        wrong.check(&name, &mask.overlay(&original, &made), &golden.rgb(&name));
        let repainted = case["repainted"].as_f64().unwrap();
        assert!((mask.repainted() - repainted).abs() < 1e-9, "{source}");
        check_regions(&golden, case, &image, &original, &mut wrong);
    }
    assert!(wrong.0.is_empty(), "{:#?}", wrong.0);
}

/// The regions around a mask when only these are repainted.
fn check_regions(
    golden: &Golden,
    case: &Value,
    image: &MaskImage,
    original: &RgbImage,
    wrong: &mut Wrong,
) {
    let source = case["source"].as_str().unwrap();
    let mask = image.to_mask();
    let regions = case["regions"].as_array().cloned().unwrap_or_default();
    for (number, asked) in regions.iter().enumerate() {
        let side = |key: &str| asked[key].as_u64().unwrap() as u32;
        let (width, height) = (side("width"), side("height"));
        let region = Region::around(mask.levels(), side("padding"), width, height).unwrap();
        let ends = [
            region.left,
            region.top,
            region.left + region.width,
            region.top + region.height,
        ];
        let expected: Vec<u64> = serde_json::from_value(asked["region"].clone()).unwrap();
        assert_eq!(ends.map(u64::from)[..], expected, "{source}.{number}");
        let name = format!("{source}.{number}.mask");
        let cut = image.cut(region, width, height);
        wrong.check(&name, cut.levels(), &golden.grey(&name));
        let name = format!("{source}.{number}.image");
        wrong.check(
            &name,
            &region.cut(original, width, height),
            &golden.rgb(&name),
        );
        let name = format!("{source}.{number}.overlay");
        let result = golden.rgb(&format!("result.{width}x{height}"));
        let whole = region.paste(&result, original.width(), original.height());
        wrong.check(&name, &mask.overlay(original, &whole), &golden.rgb(&name));
    }
}

#[test]
fn inverting_growing_and_blurring_are_those_of_pillow_and_scipy() {
    let golden = Golden::read();
    let mut wrong = Wrong::default();
    let edits = golden.index["edits"].as_array().unwrap();
    assert_eq!(edits.len(), 9);
    for (number, edit) in edits.iter().enumerate() {
        let edit = MaskEdit {
            invert: edit["invert"].as_bool().unwrap(),
            grow: edit["grow"].as_u64().unwrap() as u8,
            blur: edit["blur"].as_f64().unwrap() as f32,
        };
        let edited = golden.mask("same_l.png").edited(edit).to_mask();
        let name = format!("edit.{number}");
        wrong.check(&format!("{edit:?}"), edited.levels(), &golden.grey(&name));
    }
    assert!(wrong.0.is_empty(), "{:#?}", wrong.0);
}

#[test]
fn every_level_is_feathered_over_every_other_as_pillow_does() {
    let golden = Golden::read();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("levels.png");
    GrayImage::from_fn(256, 256, |_, y| image::Luma([y as u8]))
        .save(&path)
        .unwrap();
    let mask = MaskImage::read(&path).unwrap().0.to_mask();
    let original = RgbImage::from_fn(256, 256, |x, _| image::Rgb([x as u8; 3]));
    for level in [0, 77, 255] {
        let made = RgbImage::from_pixel(256, 256, image::Rgb([level; 3]));
        let ours: Vec<u8> = mask
            .overlay(&original, &made)
            .pixels()
            .map(|p| p[0])
            .collect();
        let theirs = golden.grey(&format!("every.{level}"));
        assert_eq!(difference(&ours, &theirs), None, "{level}");
    }
}

/// A mask read from a file that holds this image.
fn saved(image: &image::DynamicImage) -> (MaskImage, Vec<Note>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mask.png");
    image.save(&path).unwrap();
    MaskImage::read(&path).unwrap()
}

fn levels(mask: &Mask) -> &[u8] {
    mask.levels().as_raw()
}

#[test]
fn the_transparent_part_of_an_image_is_repainted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut out.png");
    let alphas = [0, 100, 255];
    let cut_out =
        image::RgbaImage::from_fn(3, 1, |x, _| image::Rgba([9, 9, 9, alphas[x as usize]]));
    cut_out.save(&path).unwrap();
    let mask = MaskImage::of_alpha(&path).unwrap().to_mask();
    assert_eq!(levels(&mask), [255, 155, 0]);
    RgbImage::new(2, 1).save(&path).unwrap();
    assert_eq!(
        levels(&MaskImage::of_alpha(&path).unwrap().to_mask()),
        [0, 0]
    );
}

#[test]
fn a_mask_can_be_what_changed_between_two_images() {
    let before = RgbImage::from_pixel(4, 1, image::Rgb([100; 3]));
    let mut after = before.clone();
    after.put_pixel(1, 0, image::Rgb([100, 100, 176]));
    after.put_pixel(2, 0, image::Rgb([100, 100, 177]));
    after.put_pixel(3, 0, image::Rgb([0, 255, 0]));
    // A tenth of three channels is 76.5 levels.
    let mask = MaskImage::changed(&before, &after, 0.1).to_mask();
    assert_eq!(levels(&mask), [0, 0, 255, 255]);
}

#[test]
fn what_is_repainted_is_hidden_as_middle_grey() {
    let grey = GrayImage::from_raw(2, 1, vec![127, 128]).unwrap();
    let (mask, notes) = saved(&grey.into());
    assert_eq!(notes, []);
    let image = RgbImage::from_pixel(2, 1, image::Rgb([255, 0, 255]));
    let hidden = mask.to_mask().hide(to_tensor(&image).view());
    assert_eq!(
        hidden.iter().copied().collect::<Vec<_>>(),
        [1.0, 0.0, -1.0, 0.0, 1.0, 0.0]
    );
    assert_eq!(mask.to_mask().repainted(), 0.5);
}

#[test]
fn an_empty_mask_has_no_region_and_16_bits_are_reduced_with_a_note() {
    let (empty, _) = saved(&GrayImage::new(5, 4).into());
    assert_eq!(Region::around(empty.to_mask().levels(), 3, 8, 8), None);
    assert_eq!(empty.to_mask().repainted(), 0.0);
    let deep = image::ImageBuffer::from_pixel(2, 2, image::Luma([0x8012_u16]));
    let (mask, notes) = saved(&image::DynamicImage::ImageLuma16(deep));
    assert_eq!(notes, [Note::Reduced]);
    assert_eq!(levels(&mask.to_mask()), [128; 4]);
}
