//! `[[check.ignore]]` and `[[check.tolerance]]`: parts of images that are not judged, and limits of single instructions.

use image::{GrayImage, Luma, Rgb, RgbImage};
use ip2p_sweep::judge::{Conclusion, Verdict};
use ip2p_sweep::spec::{CheckSpec, Ignore, Ignored, NamedPath, Tolerance};

use super::fixture::{Copied, TINY, check_by, verdicts};

/// A red square at 8, 4 in every image.
fn blotted() -> Copied {
    let copied = TINY.copy();
    let blot = |_, mut image: RgbImage| {
        for (x, y) in (0..16).flat_map(|x| (0..16).map(move |y| (x, y))) {
            image.put_pixel(8 + x, 4 + y, Rgb([255, 0, 0]));
        }
        image
    };
    assert_eq!(
        copied.with_images(blot).conclusion(),
        Conclusion::Regression
    );
    copied
}

fn judged(copied: &Copied, spec: CheckSpec) -> Vec<Verdict> {
    verdicts(&check_by(&copied.run(), &copied.place(), spec).unwrap())
}

fn square(instruction: Option<&str>) -> CheckSpec {
    let part = Ignored::Box {
        left: 8,
        top: 4,
        width: 16,
        height: 16,
    };
    let instruction = instruction.map(str::to_owned);
    CheckSpec {
        ignored: vec![Ignore { instruction, part }],
        ..CheckSpec::default()
    }
}

#[test]
fn what_changes_in_a_box_that_is_ignored_is_no_change_and_a_pixel_beside_it_is() {
    let copied = blotted();
    assert_eq!(judged(&copied, square(None)), [Verdict::Same; 2]);
    let beside = |_, mut image: RgbImage| {
        for y in 0..64 {
            image.put_pixel(30, y, Rgb([0, 255, 0]));
        }
        image
    };
    let seen = copied.with_images(beside);
    assert_eq!(seen.conclusion(), Conclusion::Regression);
    assert_eq!(judged(&copied, square(None)), [Verdict::Regression; 2]);
}

#[test]
fn a_box_of_one_instruction_is_judged_in_the_others() {
    let spec = square(Some("make it winter"));
    assert_eq!(
        judged(&blotted(), spec),
        [Verdict::Same, Verdict::Regression]
    );
}

#[test]
fn what_is_white_in_a_mask_of_any_size_is_not_judged() {
    let copied = blotted();
    // Half the size of the images.
    let mask = GrayImage::from_fn(32, 32, |x, y| {
        Luma([if (3..13).contains(&x) && (1..11).contains(&y) {
            255
        } else {
            0
        }])
    });
    let path = copied.folder.path().join("mask.png");
    mask.save(&path).unwrap();
    let of_file = |path| CheckSpec {
        ignored: vec![Ignore {
            instruction: None,
            part: Ignored::Mask(NamedPath {
                name: "mask.png".to_owned(),
                path,
            }),
        }],
        ..CheckSpec::default()
    };
    assert_eq!(judged(&copied, of_file(path)), [Verdict::Same; 2]);
    let missing = copied.folder.path().join("none.png");
    assert_eq!(judged(&copied, of_file(missing)), [Verdict::Error; 2]);
}

#[test]
fn an_image_of_which_nothing_is_judged_is_an_error_of_its_cell() {
    let mut spec = square(None);
    spec.ignored[0].part = Ignored::Box {
        left: 0,
        top: 0,
        width: 8192,
        height: 8192,
    };
    let check = check_by(&blotted().run(), &TINY.copy().place(), spec).unwrap();
    let told = check.cells[0].error.as_deref();
    assert_eq!(told, Some("check.ignore leaves nothing of it to judge"));
}

#[test]
fn an_instruction_has_its_own_limits() {
    let loose = Tolerance {
        instruction: "make it night".to_owned(),
        perceptual_mean: Some(100.0),
        perceptual_p99: Some(100.0),
        ssim: Some(0.0),
    };
    let spec = CheckSpec {
        tolerances: vec![loose],
        ..CheckSpec::default()
    };
    assert_eq!(
        judged(&blotted(), spec),
        [Verdict::Regression, Verdict::Within]
    );
}
