//! Overlapping tiles for images that are too large for the VAE at once: where they are, and how they are blended.
//!
//! Lengths are in latent pixels. Along each axis all tiles have the same length and are evenly spaced, so that none is
//! a sliver; neighbours share about a quarter of it. In the overlap, each pixel is weighted by the square of its
//! distance to the tile's own edge: the tiles fade into each other, and the VAE's errors, which are worst right at an
//! edge, count least.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use super::{Cell, Plan};
use crate::spec::{Numerics, VaeTile};

/// Images with no side longer than this, in pixels, stay whole if the sweep file does not set `vae_tile`.
const AUTO_WHOLE: u32 = 1024;
/// The longest side of a tile, in pixels, if the sweep file does not set `vae_tile`.
const AUTO_TILE: u32 = 768;
/// Shorter tiles would have nothing to share.
const SHORTEST: usize = 4;

/// The tiles of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tiling {
    /// Tiles across the width.
    pub columns: Tiles,
    /// Tiles down the height.
    pub rows: Tiles,
    /// Image pixels per latent pixel along one side.
    vae_factor: u32,
}

impl fmt::Display for Tiling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (width, height) = self.tile();
        write!(
            f,
            "{} x {} tiles of {width} x {height} pixels",
            self.columns.count(),
            self.rows.count()
        )
    }
}

impl Plan {
    /// The sizes (width, height) of cells' images that are tiled, with their tiles.
    pub fn tilings(&self) -> BTreeMap<(u32, u32), Tiling> {
        let tile = self.numerics.vae_tile;
        let tiled = self.cells.iter().filter_map(|cell| {
            let size = (cell.width, cell.height);
            let tiling = Tiling::new(tile, size.0, size.1, self.vae_factor(cell))?;
            Some((size, tiling))
        });
        tiled.collect()
    }

    /// The numerics in effect for a cell: `vae_tile` is dropped if the default makes the same tiles.
    pub fn numerics_of(&self, cell: &Cell) -> Numerics {
        let factor = self.vae_factor(cell);
        let tiling = |tile| Tiling::new(tile, cell.width, cell.height, factor);
        let Numerics { vae_tile, .. } = self.numerics;
        match tiling(vae_tile) == tiling(VaeTile::Auto) {
            true => Numerics {
                vae_tile: VaeTile::Auto,
                ..self.numerics
            },
            false => self.numerics,
        }
    }

    fn vae_factor(&self, cell: &Cell) -> u32 {
        let model = self.model(&cell.parameters.model);
        model.map_or(1, |model| model.vae_factor)
    }
}

/// Tiles along one axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tiles {
    /// Length of the axis.
    length: usize,
    /// Length of each tile.
    side: usize,
    /// Start of each tile.
    starts: Vec<usize>,
}

impl Tiling {
    /// The tiles of an image of `width` x `height` pixels; `None` if it stays whole.
    pub fn new(tile: VaeTile, width: u32, height: u32, vae_factor: u32) -> Option<Self> {
        let longest = match tile {
            VaeTile::Off => return None,
            VaeTile::Auto if width.max(height) <= AUTO_WHOLE => return None,
            VaeTile::Auto => AUTO_TILE,
            VaeTile::Pixels(pixels) => pixels.get(),
        };
        let latents = |pixels: u32| (pixels / vae_factor.max(1)) as usize;
        let tiles = |side: u32| Tiles::new(latents(side), latents(longest));
        let tiling = Self {
            columns: tiles(width),
            rows: tiles(height),
            vae_factor,
        };
        (tiling.count() > 1).then_some(tiling)
    }

    /// The number of tiles.
    pub fn count(&self) -> usize {
        self.columns.count() * self.rows.count()
    }

    /// Width and height of each tile, in pixels.
    pub fn tile(&self) -> (u32, u32) {
        let pixels = |tiles: &Tiles| tiles.side() as u32 * self.vae_factor;
        (pixels(&self.columns), pixels(&self.rows))
    }
}

impl Tiles {
    /// The fewest tiles, none longer than `longest`, that cover a length and share a quarter of their own length.
    fn new(length: usize, longest: usize) -> Self {
        let longest = longest.max(SHORTEST);
        if length <= longest {
            return Self {
                length,
                side: length,
                starts: vec![0],
            };
        }
        // n tiles of side t that share t / 4 cover (3 n + 1) t / 4.
        let count = (4 * length - longest).div_ceil(3 * longest);
        let side = (4 * length).div_ceil(3 * count + 1);
        let (free, gaps) = (length - side, count - 1);
        Self {
            length,
            side,
            starts: (0..count)
                .map(|tile| (tile * free + gaps / 2) / gaps)
                .collect(),
        }
    }

    /// The number of tiles along the axis.
    pub fn count(&self) -> usize {
        self.starts.len()
    }

    /// The length that they cover, in latent pixels.
    pub fn length(&self) -> usize {
        self.length
    }

    /// The length of each, in latent pixels.
    pub fn side(&self) -> usize {
        self.side
    }

    /// The start of each, in latent pixels.
    pub fn starts(&self) -> &[usize] {
        &self.starts
    }

    /// The pixels that a tile covers, with `scale` pixels per latent pixel.
    pub fn span(&self, tile: usize, scale: usize) -> Range<usize> {
        let start = self.starts[tile];
        start * scale..(start + self.side) * scale
    }

    /// The weights of a tile's pixels, with `scale` pixels per latent pixel; at each pixel those of all tiles sum to
    /// one.
    pub fn weights(&self, tile: usize, scale: usize) -> Vec<f32> {
        let weight = |tile: usize, pixel: usize| {
            let span = self.span(tile, scale);
            match span.contains(&pixel) {
                // Measured from the middle of the pixel, so that no weight is zero.
                true => ((pixel - span.start).min(span.end - 1 - pixel) as f32 + 0.5).powi(2),
                false => 0.0,
            }
        };
        let share = |pixel: usize| {
            let all: f32 = (0..self.count()).map(|each| weight(each, pixel)).sum();
            weight(tile, pixel) / all
        };
        self.span(tile, scale).map(share).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    fn every_tiles(check: impl Fn(usize, usize, &Tiles)) {
        for length in (1..200).chain([256, 333, 512, 1000, 1024]) {
            for longest in (4..100).chain([128, 255]) {
                check(length, longest, &Tiles::new(length, longest));
            }
        }
    }

    #[test]
    fn a_length_that_fits_is_one_tile() {
        every_tiles(|length, longest, tiles| {
            assert_eq!(tiles.count() == 1, length <= longest, "{length} {longest}");
            if tiles.count() == 1 {
                assert_eq!((tiles.starts(), tiles.side()), (&[0][..], length));
            }
        });
    }

    #[test]
    fn tiles_cover_the_length_and_share_a_quarter_of_their_side() {
        every_tiles(|length, longest, tiles| {
            let (starts, side) = (tiles.starts(), tiles.side());
            let place = format!("{length} in tiles of {longest}: {tiles:?}");
            assert!(side <= longest, "{place}");
            assert_eq!(starts[0], 0, "{place}");
            assert_eq!(starts[starts.len() - 1] + side, length, "{place}");
            let shared = starts.windows(2).map(|pair| pair[0] + side - pair[1]);
            for shared in shared {
                // A quarter, plus rounding; never half, so that three tiles never meet.
                assert!(4 * shared >= side - 3 && 2 * shared <= side, "{place}");
            }
        });
    }

    #[test]
    fn no_fewer_tiles_would_do() {
        every_tiles(|length, longest, tiles| {
            let fewer = tiles.count() - 1;
            // Fewer tiles of the longest side that share a quarter would not reach the end.
            let reach = (3 * fewer + 1) * longest;
            assert!(fewer == 0 || reach < 4 * length, "{length} {longest}");
        });
    }

    #[test]
    fn weights_sum_to_one_and_fade_towards_the_edges_that_are_shared() {
        for (length, longest, scale) in [(100, 40, 8), (65, 64, 4), (200, 33, 1), (12, 16, 8)] {
            let tiles = Tiles::new(length, longest);
            let mut sums = vec![0.0; length * scale];
            for (tile, &start) in tiles.starts().iter().enumerate() {
                let weights = tiles.weights(tile, scale);
                assert_eq!(weights.len(), tiles.side() * scale);
                assert!(weights.iter().all(|weight| (0.0..=1.0).contains(weight)));
                let (first, last) = (weights[0], weights[weights.len() - 1]);
                assert_eq!(first < 0.5, tile > 0, "{length} {tile}");
                assert_eq!(last < 0.5, tile + 1 < tiles.count(), "{length} {tile}");
                let middle = weights.len() / 2;
                assert!(weights[..middle].is_sorted(), "{length} {tile}");
                assert!(
                    weights[middle..].iter().rev().is_sorted(),
                    "{length} {tile}"
                );
                for (offset, weight) in weights.iter().enumerate() {
                    sums[start * scale + offset] += weight;
                }
            }
            for sum in sums {
                assert!(
                    (sum - 1.0).abs() < 1e-6,
                    "{length} {longest} {scale}: {sum}"
                );
            }
        }
    }

    #[test]
    fn images_are_tiled_above_a_size_or_as_the_sweep_file_says() {
        let tiles = |tile, width, height| {
            let tiling = Tiling::new(tile, width, height, 8)?;
            Some((tiling.columns.count(), tiling.rows.count()))
        };
        let pixels = |pixels| VaeTile::Pixels(NonZeroU32::new(pixels).unwrap());
        assert_eq!(tiles(VaeTile::Auto, 1024, 1024), None);
        assert_eq!(tiles(VaeTile::Auto, 1032, 64), Some((2, 1)));
        assert_eq!(tiles(VaeTile::Auto, 2048, 1536), Some((4, 3)));
        assert_eq!(tiles(VaeTile::Off, 8192, 8192), None);
        assert_eq!(tiles(pixels(512), 512, 512), None);
        assert_eq!(tiles(pixels(512), 520, 512), Some((2, 1)));
        assert_eq!(tiles(pixels(1536), 1536, 1536), None);
    }
}
