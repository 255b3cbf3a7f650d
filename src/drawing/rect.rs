//! Rectangles on a sheet.

/// A rectangle in pixels; the origin is the upper left corner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rect {
    /// Left edge.
    pub x: u32,
    /// Upper edge.
    pub y: u32,
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
}

impl Rect {
    /// The rectangle with this place and size.
    pub fn new(x: u32, y: u32, width: u32, height: u32) -> Self {
        Self {
            x,
            y,
            width,
            height,
        }
    }

    /// The first x to the right of it.
    pub fn right(self) -> u32 {
        self.x + self.width
    }

    /// The first y below it.
    pub fn bottom(self) -> u32 {
        self.y + self.height
    }

    /// The rectangle reduced by this many pixels on each side.
    pub fn inset(self, pixels: u32) -> Self {
        Self::new(
            self.x + pixels,
            self.y + pixels,
            self.width.saturating_sub(2 * pixels),
            self.height.saturating_sub(2 * pixels),
        )
    }

    /// The largest rectangle with an image's aspect ratio, centred in this one.
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

    /// Splits it into `count` boxes in reading order, in the arrangement of [`shape`].
    pub fn split(self, count: usize, gap: u32) -> Vec<Self> {
        let (columns, rows) = shape(count);
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

/// Columns and rows for this many pictures: as square as possible without holes, and wider than high; if that would be
/// longer than three to one, as square as possible with few holes.
pub fn shape(count: usize) -> (u32, u32) {
    let count = u32::try_from(count).unwrap_or(u32::MAX).max(1);
    let root = f64::from(count).sqrt() as u32;
    let rows = (1..=root)
        .rev()
        .find(|rows| count.is_multiple_of(*rows))
        .unwrap_or(1);
    if count / rows <= 3 * rows {
        return (count / rows, rows);
    }
    let columns = f64::from(count).sqrt().ceil() as u32;
    (columns, count.div_ceil(columns))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_stand_without_holes_unless_that_makes_a_long_strip() {
        let shapes = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12].map(shape);
        let expected = [
            (1, 1),
            (2, 1),
            (3, 1),
            (2, 2),
            (3, 2),
            (3, 2),
            (3, 3),
            (4, 2),
            (3, 3),
            (5, 2),
            (4, 3),
        ];
        assert_eq!(shapes, expected);
        for count in 1..200 {
            let (columns, rows) = shape(count);
            assert!((columns * rows) as usize >= count);
        }
    }
}
