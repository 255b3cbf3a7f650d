//! Places on a sheet.

/// A rectangle in pixels, from the upper left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rect {
    /// Left edge.
    pub x: u32,
    /// Upper edge.
    pub y: u32,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

impl Rect {
    /// The rectangle of this size at this place.
    pub fn new(x: u32, y: u32, width: u32, height: u32) -> Self {
        Self {
            x,
            y,
            width,
            height,
        }
    }

    /// Just right of it.
    pub fn right(self) -> u32 {
        self.x + self.width
    }

    /// Just below it.
    pub fn bottom(self) -> u32 {
        self.y + self.height
    }

    /// The same without so many pixels on each side.
    pub fn inset(self, pixels: u32) -> Self {
        Self::new(
            self.x + pixels,
            self.y + pixels,
            self.width.saturating_sub(2 * pixels),
            self.height.saturating_sub(2 * pixels),
        )
    }

    /// The largest rectangle of an image's proportions, in the middle of this one.
    pub fn fitted(self, width: u32, height: u32) -> Self {
        let (width, height) = (width.max(1), height.max(1));
        let scale = f64::min(
            f64::from(self.width) / f64::from(width),
            f64::from(self.height) / f64::from(height),
        );
        let side = |pixels: u32, most: u32| {
            ((f64::from(pixels) * scale).round() as u32).clamp(1, most.max(1))
        };
        let (w, h) = (side(width, self.width), side(height, self.height));
        Self::new(
            self.x + self.width.saturating_sub(w) / 2,
            self.y + self.height.saturating_sub(h) / 2,
            w,
            h,
        )
    }

    /// Splits it into `count` boxes in reading order, as square as can be.
    pub fn split(self, count: usize, gap: u32) -> Vec<Self> {
        let columns = (count as f64).sqrt().ceil().max(1.0) as u32;
        let rows = (count as u32).div_ceil(columns).max(1);
        let width = (self.width.saturating_sub(gap * (columns - 1)) / columns).max(1);
        let height = (self.height.saturating_sub(gap * (rows - 1)) / rows).max(1);
        (0..count as u32)
            .map(|i| {
                let (column, row) = (i % columns, i / columns);
                Self::new(
                    self.x + column * (width + gap),
                    self.y + row * (height + gap),
                    width,
                    height,
                )
            })
            .collect()
    }
}
