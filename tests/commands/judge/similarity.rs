//! Structural similarity against scikit-image.

use ip2p_sweep::judge::measures::measure;

use crate::common::{golden, golden_json};

#[test]
fn structural_similarity_is_that_of_scikit_image() {
    let golden_file = golden_json("ssim.json");
    let cases = golden_file["cases"].as_array().unwrap();
    assert!(cases.len() >= 9);
    for case in cases {
        let image = |name: &str| {
            let path = golden().join("runs").join(case[name].as_str().unwrap());
            image::open(path).unwrap().into_rgb8()
        };
        let found = measure(&image("expected"), &image("actual")).unwrap().ssim;
        let expected = case["ssim"].as_f64().unwrap();
        assert!((found - expected).abs() < 1e-9, "{found} in {case}");
    }
}
