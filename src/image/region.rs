//! The part of an image around a mask that alone is repainted (`only_masked`; `padding_mask_crop` of diffusers).

use image::{GenericImageView, ImageBuffer, Pixel, RgbImage, imageops};

use super::mask::Mask;
use super::resample::{Area, Filter, Levels, resize, resize_area};

/// A rectangle of whole pixels within an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    /// Pixels from the left.
    pub left: u32,
    /// Pixels from the top.
    pub top: u32,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

impl Region {
    /// What surrounds all of a mask that is not black, with `padding` pixels on each side, widened to the shape of
    /// `width` x `height` as far as the image allows. `None` of a mask that is all black.
    pub fn around(mask: &Mask, padding: u32, width: u32, height: u32) -> Option<Self> {
        let levels = mask.levels();
        let marked = || {
            levels
                .enumerate_pixels()
                .filter(|(_, _, level)| level[0] > 0)
        };
        let (left, right) = (marked().map(|p| p.0).min()?, marked().map(|p| p.0).max()?);
        let (top, bottom) = (marked().map(|p| p.1).min()?, marked().map(|p| p.1).max()?);
        let across = Span::new(left, right, padding, levels.width());
        let down = Span::new(top, bottom, padding, levels.height());
        let ratio = f64::from(width) / f64::from(height);
        let (has_width, has_height) = (across.length() as f64, down.length() as f64);
        let (across, down) = if has_width / has_height > ratio {
            (
                across,
                down.widened((has_width / ratio - has_height) as i64),
            )
        } else {
            (
                across.widened((has_height * ratio - has_width) as i64),
                down,
            )
        };
        Some(Self {
            left: across.from as u32,
            top: down.from as u32,
            width: across.length() as u32,
            height: down.length() as u32,
        })
    }

    /// The region of the image at `width` x `height` pixels; where its shape is another, the edges are drawn out.
    pub fn cut(self, image: &RgbImage, width: u32, height: u32) -> RgbImage {
        fill(&self.of(image), width, height, resize_area)
    }

    /// What was made of the region, in its place in an image of that size that is black elsewhere.
    pub fn paste(self, made: &RgbImage, width: u32, height: u32) -> RgbImage {
        let (ratio, made_ratio) = (
            shape(self.width, self.height),
            shape(made.width(), made.height()),
        );
        let across = match ratio > made_ratio {
            true => self.width,
            false => proportional(made.width(), self.height, made.height()),
        };
        let down = match ratio <= made_ratio {
            true => self.height,
            false => proportional(made.height(), self.width, made.width()),
        };
        let resized = resize(made, across, down, Filter::Lanczos);
        let mut inside = RgbImage::new(self.width, self.height);
        put(&mut inside, &resized);
        let mut whole = RgbImage::new(width, height);
        imageops::replace(&mut whole, &inside, self.left.into(), self.top.into());
        whole
    }

    /// The region's own pixels.
    pub(super) fn of<P: Pixel<Subpixel = u8> + 'static>(self, image: &Levels<P>) -> Levels<P> {
        image
            .view(self.left, self.top, self.width, self.height)
            .to_image()
    }
}

/// A part of a side, which may go beyond it while it is widened.
#[derive(Clone, Copy)]
struct Span {
    from: i64,
    to: i64,
    side: i64,
}

impl Span {
    fn new(first: u32, last: u32, padding: u32, side: u32) -> Self {
        let [first, last, padding, side] = [first, last, padding, side].map(i64::from);
        Self {
            from: (first - padding).max(0),
            to: (last + 1 + padding).min(side),
            side,
        }
    }

    fn length(self) -> i64 {
        self.to - self.from
    }

    /// Longer by so much, half of it on the near side, moved back into the image and cut where it has no room.
    fn widened(mut self, by: i64) -> Self {
        self.from -= by.div_euclid(2);
        self.to += by - by.div_euclid(2);
        let beyond = (self.to - self.side).max(0);
        self.to -= beyond;
        self.from -= beyond;
        if self.from < 0 {
            self.to -= self.from;
            self.from = 0;
        }
        self.to = self.to.min(self.side);
        self
    }
}

fn shape(width: u32, height: u32) -> f64 {
    f64::from(width) / f64::from(height)
}

/// `side * new / old` in whole pixels, one at least.
fn proportional(side: u32, new: u32, old: u32) -> u32 {
    (u64::from(side) * u64::from(new) / u64::from(old.max(1))).max(1) as u32
}

/// Puts an image in the middle of another, as far as it has room there.
fn put<P: Pixel<Subpixel = u8> + 'static>(onto: &mut Levels<P>, image: &Levels<P>) -> (i64, i64) {
    let middle = |outer: u32, inner: u32| i64::from(outer / 2) - i64::from(inner / 2);
    let left = middle(onto.width(), image.width());
    let top = middle(onto.height(), image.height());
    imageops::replace(onto, image, left, top);
    (left, top)
}

/// An image within `width` x `height` pixels, its edges drawn out where its shape is another (`_resize_and_fill`).
pub(super) fn fill<P: Pixel<Subpixel = u8> + 'static>(
    image: &Levels<P>,
    width: u32,
    height: u32,
    resize: impl Fn(&Levels<P>, Area, u32, u32, Filter) -> Levels<P>,
) -> Levels<P> {
    let (ratio, own) = (shape(width, height), shape(image.width(), image.height()));
    let across = match ratio < own {
        true => width,
        false => proportional(image.width(), height, image.height()),
    };
    let down = match ratio >= own {
        true => height,
        false => proportional(image.height(), width, image.width()),
    };
    let whole = Area::whole(image.dimensions());
    let resized = match image.dimensions() == (across, down) {
        true => image.clone(),
        false => resize(image, whole, across, down, Filter::Lanczos),
    };
    let mut filled: Levels<P> = ImageBuffer::new(width, height);
    let (left, top) = put(&mut filled, &resized);
    let whole = Area::whole(resized.dimensions());
    let mut draw_out = |edge: Area, size: (u32, u32), at: (i64, i64)| {
        let drawn = resize(&resized, edge, size.0, size.1, Filter::Bicubic);
        imageops::replace(&mut filled, &drawn, at.0, at.1);
    };
    if ratio < own && top > 0 {
        let size = (width, top as u32);
        let (first, last) = (
            Area {
                bottom: 0.0,
                ..whole
            },
            Area {
                top: whole.bottom,
                ..whole
            },
        );
        draw_out(first, size, (0, 0));
        draw_out(last, size, (0, top + i64::from(down)));
    } else if ratio > own && left > 0 {
        let size = (left as u32, height);
        let (first, last) = (
            Area {
                right: 0.0,
                ..whole
            },
            Area {
                left: whole.right,
                ..whole
            },
        );
        draw_out(first, size, (0, 0));
        draw_out(last, size, (left + i64::from(across), 0));
    }
    filled
}
