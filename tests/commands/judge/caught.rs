//! Changes that a check must catch, and those that it must not.

use image::{ImageFormat, RgbImage};
use ip2p_sweep::judge::{Conclusion, Verdict};

use super::fixture::{DEMO, Sweep, TINY, check, line, swapped, verdicts};

fn shifted(_: usize, image: RgbImage) -> RgbImage {
    RgbImage::from_fn(image.width(), image.height(), |x, y| {
        *image.get_pixel(x.saturating_sub(1), y)
    })
}

fn black(index: usize, image: RgbImage) -> RgbImage {
    if index == 1 {
        return RgbImage::new(image.width(), image.height());
    }
    image
}

fn through_jpeg(_: usize, image: RgbImage) -> RgbImage {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 90);
    image.write_with_encoder(encoder).unwrap();
    image::load_from_memory_with_format(bytes.get_ref(), ImageFormat::Jpeg)
        .unwrap()
        .into_rgb8()
}

#[test]
fn what_must_be_caught_is_caught() {
    let base = Sweep::demo();
    let others = tempfile::tempdir().unwrap();
    let computed = |name: &str, sweep: Sweep| {
        let run = sweep.run(&others.path().join(name));
        (name.to_owned(), DEMO.copy().with_run(&run))
    };
    let changed = |name: &str, change: fn(usize, RgbImage) -> RgbImage| {
        (name.to_owned(), DEMO.copy().with_images(change))
    };
    let guidance_scale = "7.35";
    let cases = [
        computed(
            "guidance_scale off by 5 %",
            Sweep {
                guidance_scale,
                ..base.clone()
            },
        ),
        computed(
            "another seed",
            Sweep {
                seed: 4,
                ..base.clone()
            },
        ),
        computed(
            "one step fewer",
            Sweep {
                steps: 9,
                ..base.clone()
            },
        ),
        changed("red and blue swapped", swapped),
        changed("shifted by one pixel", shifted),
        changed("one black cell", black),
        changed("JPEG, quality 90", through_jpeg),
    ];
    for (name, check) in &cases {
        println!("{}", line(name, check));
    }
    for (name, check) in &cases {
        let expected = match name.as_str() {
            "one black cell" => vec![Verdict::Same, Verdict::Regression],
            _ => vec![Verdict::Regression; 2],
        };
        assert_eq!(verdicts(check), expected, "{name}");
        assert_eq!(check.conclusion(), Conclusion::Regression, "{name}");
    }
}

#[test]
fn threads_and_repeats_do_not_matter() {
    let repeats = std::env::var("IP2P_TEST_REPEATS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(1);
    let sweeps = [
        ("demo", Sweep::demo(), &*DEMO),
        ("tiny_eps", Sweep::tiny("tiny_eps"), &*TINY),
    ];
    for (name, sweep, accepted) in sweeps {
        for threads in [1, 2] {
            for repeat in 0..repeats {
                let folder = tempfile::tempdir().unwrap();
                let run = Sweep {
                    threads,
                    ..sweep.clone()
                }
                .run(&folder.path().join("again"));
                let check = check(&run, &accepted.folder.path().join("baseline")).unwrap();
                println!(
                    "{}",
                    line(
                        &format!("{name}, {threads} threads, repeat {repeat}"),
                        &check
                    )
                );
                assert_eq!(check.conclusion(), Conclusion::Passed);
                assert!(check.early_warnings().is_empty());
            }
        }
    }
}
