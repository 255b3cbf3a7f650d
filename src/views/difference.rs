//! The picture of a difference, drawn alike wherever two images are compared: the mean difference of a pixel's three
//! levels in one colour map, whose scale is the same for the whole set of pairs, so that they can be compared.

use image::{Rgb, RgbImage};

/// The level, out of 255, from which a difference is drawn brightest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scale {
    full: u8,
}

impl Scale {
    /// The end of the slider in the report.
    const MOST_GAIN: f32 = 16.0;

    /// The scale for pairs with these 99th percentiles of their differences: the median of those that differ.
    pub fn of(p99s: impl Iterator<Item = u8>) -> Self {
        let mut p99s: Vec<u8> = p99s.filter(|level| *level > 0).collect();
        p99s.sort_unstable();
        let full = p99s.get(p99s.len() / 2).copied();
        Self {
            full: full.unwrap_or(1),
        }
    }

    /// The factor by which differences are amplified, as a whole number within the slider's range.
    pub fn gain(self) -> u32 {
        let gain = f32::from(u8::MAX) / f32::from(self.full);
        gain.round().clamp(1.0, Self::MOST_GAIN) as u32
    }

    /// How to read the picture.
    pub fn legend(self) -> String {
        format!(
            "black is equal, pale yellow a difference of {} levels of 255 or more",
            self.full
        )
    }

    /// The picture of the difference of two images; `None` if their sizes differ.
    pub fn picture(self, a: &RgbImage, b: &RgbImage) -> Option<RgbImage> {
        let mut picture = RgbImage::new(a.width(), a.height());
        let colours: Vec<Rgb<u8>> = (0..=u8::MAX).map(|level| self.colour(level)).collect();
        let pixels = picture.pixels_mut().zip(differences(a, b)?);
        pixels.for_each(|(pixel, level)| *pixel = colours[usize::from(level)]);
        Some(picture)
    }

    fn colour(self, level: u8) -> Rgb<u8> {
        inferno(f32::from(level) / f32::from(self.full))
    }
}

/// The 99th percentile of the difference; 0 for images of different sizes.
pub fn p99(a: &RgbImage, b: &RgbImage) -> u8 {
    let mut counts = [0_usize; 256];
    for level in differences(a, b).into_iter().flatten() {
        counts[usize::from(level)] += 1;
    }
    let all: usize = counts.iter().sum();
    let mut below = 0;
    let level = counts.iter().position(|count| {
        below += count;
        below * 100 >= all * 99
    });
    level.map_or(0, |level| level.min(255) as u8)
}

/// The mean difference of the three levels at each pixel, rounded up so that no difference is drawn as equal.
fn differences<'a>(a: &'a RgbImage, b: &'a RgbImage) -> Option<impl Iterator<Item = u8> + 'a> {
    let level = |(Rgb(a), Rgb(b)): (&Rgb<u8>, &Rgb<u8>)| {
        let sum: u16 = (0..3)
            .map(|channel| u16::from(a[channel].abs_diff(b[channel])))
            .sum();
        sum.div_ceil(3) as u8
    };
    (a.dimensions() == b.dimensions()).then(|| a.pixels().zip(b.pixels()).map(level))
}

/// The colour for a value between 0 and 1, interpolated from matplotlib's "inferno" at every quarter.
fn inferno(value: f32) -> Rgb<u8> {
    const ANCHORS: [[f32; 3]; 5] = [
        [0.0, 0.0, 4.0],
        [87.0, 16.0, 110.0],
        [188.0, 55.0, 84.0],
        [249.0, 142.0, 9.0],
        [252.0, 255.0, 164.0],
    ];
    let place = value.clamp(0.0, 1.0) * 4.0;
    let index = (place as usize).min(3);
    let part = place - index as f32;
    Rgb([0, 1, 2].map(|channel| {
        let (from, to) = (ANCHORS[index][channel], ANCHORS[index + 1][channel]);
        (from + (to - from) * part).round() as u8
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLACK: Rgb<u8> = Rgb([0, 0, 4]);
    const BRIGHTEST: Rgb<u8> = Rgb([252, 255, 164]);

    fn grey(level: u8) -> RgbImage {
        RgbImage::from_pixel(20, 10, Rgb([level; 3]))
    }

    #[test]
    fn equal_is_black_and_the_scale_is_that_of_the_middle_pair() {
        let scale = Scale::of([0, 4, 8, 200].into_iter());
        assert_eq!(scale, Scale { full: 8 });
        assert_eq!(scale.gain(), 16, "as far as the slider goes");
        assert_eq!(Scale { full: 64 }.gain(), 4);
        assert_eq!(Scale { full: 255 }.gain(), 1);
        let equal = scale.picture(&grey(7), &grey(7)).unwrap();
        assert!(equal.pixels().all(|pixel| *pixel == BLACK));
        let far = scale.picture(&grey(7), &grey(15)).unwrap();
        assert!(far.pixels().all(|pixel| *pixel == BRIGHTEST));
        assert_eq!(scale.picture(&grey(7), &RgbImage::new(20, 11)), None);
    }

    #[test]
    fn a_level_of_one_channel_is_seen() {
        let mut other = grey(7);
        other.get_pixel_mut(3, 4).0[2] = 8;
        let picture = Scale::of([].into_iter()).picture(&grey(7), &other).unwrap();
        assert_ne!(*picture.get_pixel(3, 4), BLACK);
        assert_eq!(picture.pixels().filter(|pixel| **pixel != BLACK).count(), 1);
    }

    #[test]
    fn of_a_hundred_pixels_one_may_be_further_off() {
        let mut other = grey(7);
        other.get_pixel_mut(0, 0).0 = [255; 3];
        other.get_pixel_mut(1, 0).0 = [255; 3];
        assert_eq!(p99(&grey(7), &other), 0);
        other.get_pixel_mut(2, 0).0 = [10; 3];
        assert_eq!(p99(&grey(7), &other), 3);
    }
}
