//! Structural similarity against scikit-image.

use image::{GrayImage, Luma, RgbImage};
use ip2p_sweep::image::MaskImage;
use ip2p_sweep::judge::measures::{measure, measure_masked};
use serde_json::Value;

use crate::common::{golden, golden_json};

#[test]
fn structural_similarity_is_that_of_scikit_image() {
    let golden_file = golden_json("ssim.json");
    let cases = golden_file["cases"].as_array().unwrap();
    assert!(cases.len() >= 9);
    for case in cases {
        let [expected, actual] = images(case);
        let found = measure(&expected, &actual).unwrap().ssim;
        let expected = case["ssim"].as_f64().unwrap();
        assert!((found - expected).abs() < 1e-9, "{found} in {case}");
    }
}

/// The images of a case.
fn images(case: &Value) -> [RgbImage; 2] {
    ["expected", "actual"].map(|name| {
        let path = golden().join("runs").join(case[name].as_str().unwrap());
        image::open(path).unwrap().into_rgb8()
    })
}

#[test]
fn measures_inside_and_outside_of_a_mask_are_those_of_numpy_and_scikit_image() {
    let golden_file = golden_json("masked.json");
    let cases = golden_file["cases"].as_array().unwrap();
    assert!(cases.len() >= 9);
    let folder = tempfile::tempdir().unwrap();
    for case in cases {
        let [expected, actual] = images(case);
        let (width, height) = expected.dimensions();
        let levels = |x, y| Luma([((x * 5 + y * 3) % 256) as u8]);
        let file = folder.path().join("mask.png");
        GrayImage::from_fn(width, height, levels)
            .save(&file)
            .unwrap();
        let mask = MaskImage::read(&file).unwrap().0.to_mask();
        let found = measure_masked(&expected, &actual, &mask).unwrap();
        for (key, found) in [
            ("change_inside", found.change_inside),
            ("ssim_inside", found.ssim_inside),
            ("change_outside", found.change_outside),
            ("ssim_outside", found.ssim_outside),
        ] {
            let expected = case[key].as_f64().unwrap();
            let found = found.unwrap();
            assert!((found - expected).abs() < 1e-9, "{key}: {found} in {case}");
        }
    }
}
