//! The region of an image around a mask, when only that is repainted (`only_masked`; diffusers' `padding_mask_crop`).

use image::{GenericImageView, GrayImage, ImageBuffer, Pixel, RgbImage, imageops};

use super::resample::{Area, Filter, Levels, resize, resize_area};

/// A rectangle of whole pixels within an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    /// Distance from the left edge in pixels.
    pub left: u32,
    /// Distance from the top edge in pixels.
    pub top: u32,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

impl Region {
    /// The region around all pixels of a mask's levels that are not black, with `padding` pixels on each side, widened to
    /// the aspect ratio of `width` x `height` as far as the image allows. `None` if the mask is all black.
    pub fn around(levels: &GrayImage, padding: u32, width: u32, height: u32) -> Option<Self> {
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

    /// The region of the image scaled to `width` x `height` pixels; if its aspect ratio differs, the edge pixels are
    /// stretched.
    pub fn cut(self, image: &RgbImage, width: u32, height: u32) -> RgbImage {
        fill(&self.of(image), width, height, resize_area)
    }

    /// An image of this size, black except for the result, which is put into the region's place.
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

    /// The region's pixels, unscaled.
    pub(super) fn of<P: Pixel<Subpixel = u8> + 'static>(self, image: &Levels<P>) -> Levels<P> {
        image
            .view(self.left, self.top, self.width, self.height)
            .to_image()
    }
}

/// A range along one side, which may extend beyond it while it is being widened.
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

    /// Widens the range, by half on the near side, and moves it back into the image; what does not fit is cut off.
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

/// `side * new / old` as a whole number, at least one.
fn proportional(side: u32, new: u32, old: u32) -> u32 {
    (u64::from(side) * u64::from(new) / u64::from(old.max(1))).max(1) as u32
}

/// Puts an image into the middle of another, as far as it fits.
fn put<P: Pixel<Subpixel = u8> + 'static>(onto: &mut Levels<P>, image: &Levels<P>) -> (i64, i64) {
    let middle = |outer: u32, inner: u32| i64::from(outer / 2) - i64::from(inner / 2);
    let left = middle(onto.width(), image.width());
    let top = middle(onto.height(), image.height());
    imageops::replace(onto, image, left, top);
    (left, top)
}

/// An image scaled to fit into `width` x `height` pixels; if its aspect ratio differs, its edges are stretched
/// (`_resize_and_fill`).
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
