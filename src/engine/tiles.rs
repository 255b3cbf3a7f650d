//! Encoding and decoding images, whole or in tiles.

use std::sync::atomic::{AtomicBool, Ordering};

use ndarray::{Array1, Array4, ArrayView4, Axis, Zip, s};

use super::{Denoiser, DeviceMemory, Engine, Halt};
use crate::plan::{Start, Tiling};
use crate::spec::MIN_TILE;

/// [`Denoiser::encode_image`], tile by tile if there is a tiling; `None` if cancelled between two tiles.
///
/// # Errors
/// Those of the model.
pub fn encode_image<D: Denoiser>(
    model: &mut D,
    pixels: ArrayView4<f32>,
    tiling: Option<&Tiling>,
    cancel: &AtomicBool,
) -> Result<Option<Array4<f32>>, D::Error> {
    tiled(pixels, tiling, cancel, |tile| model.encode_image(tile))
}

/// [`Denoiser::decode`], tile by tile if there is a tiling; `None` if cancelled between two tiles.
///
/// # Errors
/// Those of the model.
pub fn decode<D: Denoiser>(
    model: &mut D,
    latents: ArrayView4<f32>,
    tiling: Option<&Tiling>,
    cancel: &AtomicBool,
) -> Result<Option<Array4<f32>>, D::Error> {
    tiled(latents, tiling, cancel, |tile| model.decode(tile))
}

/// Encodes or decodes every tile and sums the results, weighting each pixel.
fn tiled<E>(
    input: ArrayView4<f32>,
    tiling: Option<&Tiling>,
    cancel: &AtomicBool,
    mut code: impl FnMut(ArrayView4<f32>) -> Result<Array4<f32>, E>,
) -> Result<Option<Array4<f32>>, E> {
    let Some(Tiling { columns, rows, .. }) = tiling else {
        return code(input).map(Some);
    };
    // Input and output are latents or pixels: elements per latent pixel along one side.
    let scale_in = input.dim().2 / rows.length();
    let mut sum: Array4<f32> = Array4::zeros((0, 0, 0, 0));
    for row in 0..rows.count() {
        for column in 0..columns.count() {
            if cancel.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let (down, across) = (rows.span(row, scale_in), columns.span(column, scale_in));
            let coded = code(input.slice(s![.., .., down, across]))?;
            let (images, channels, height, _) = coded.dim();
            let scale_out = height / rows.side();
            if sum.is_empty() {
                let length = |latents: usize| latents * scale_out;
                let shape = (length(rows.length()), length(columns.length()));
                sum = Array4::zeros((images, channels, shape.0, shape.1));
            }
            let (down, across) = (rows.span(row, scale_out), columns.span(column, scale_out));
            let row_weights = rows.weights(row, scale_out);
            let column_weights = Array1::from(columns.weights(column, scale_out));
            let mut place = sum.slice_mut(s![.., .., down, across]);
            Zip::indexed(place.lanes_mut(Axis(3)))
                .and(coded.lanes(Axis(3)))
                .for_each(|(_, _, y), mut sum, coded| {
                    let row_weight = row_weights[y];
                    Zip::from(&mut sum)
                        .and(&coded)
                        .and(&column_weights)
                        .for_each(|sum, &value, &weight| *sum += row_weight * weight * value);
                });
        }
    }
    Ok(Some(sum))
}

impl<D: Denoiser> Engine<'_, '_, D> {
    /// The tiles of a cell's image; `None` if it is coded as a whole.
    pub(super) fn tiling(&self, start: Start) -> Option<Tiling> {
        let tile = self.job.plan.numerics.vae_tile;
        let sampling = start.sampling;
        Tiling::new(tile, sampling.width, sampling.height, self.job.vae_factor)
    }

    /// Like [`Engine::reason`], for an error while encoding or decoding an image, where smaller tiles would need less
    /// memory.
    pub(super) fn coding_reason(
        &self,
        error: D::Error,
        start: Start,
    ) -> Result<String, Halt<D::Error>> {
        let out_of_memory = error.is_out_of_memory();
        let reason = self.reason(error)?;
        let sampling = start.sampling;
        let tiling = self.tiling(start);
        let (width, height) =
            tiling.map_or((sampling.width, sampling.height), |tiling| tiling.tile());
        let smaller = width.max(height) / 2 / MIN_TILE * MIN_TILE;
        Ok(match out_of_memory && smaller >= MIN_TILE {
            true => format!("{reason}; or numerics.vae_tile = {smaller}, for smaller tiles"),
            false => reason,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::num::NonZeroU32;

    use super::*;
    use crate::spec::VaeTile;

    /// 1000 x 400 pixels, 8 per latent pixel: 4 x 2 tiles.
    fn tiling() -> Tiling {
        let tile = VaeTile::Pixels(NonZeroU32::new(320).unwrap());
        Tiling::new(tile, 1000, 400, 8).unwrap()
    }

    fn latents() -> Array4<f32> {
        Array4::from_shape_fn((1, 4, 50, 125), |(_, channel, y, x)| {
            (channel * 7 + y * 3 + x) as f32 / 100.0
        })
    }

    /// Each latent pixel as 8 x 8 pixels: an operation without influence between neighbours.
    fn enlarge(latents: ArrayView4<f32>) -> Array4<f32> {
        let (_, _, height, width) = latents.dim();
        Array4::from_shape_fn((1, 3, 8 * height, 8 * width), |(_, channel, y, x)| {
            latents[(0, channel, y / 8, x / 8)]
        })
    }

    fn largest_difference(one: &Array4<f32>, other: &Array4<f32>) -> f32 {
        assert_eq!(one.dim(), other.dim());
        let pairs = one.iter().zip(other);
        pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn what_no_neighbour_changes_is_the_same_in_tiles_as_whole() {
        let go_on = AtomicBool::new(false);
        let (latents, tiling) = (latents(), tiling());
        let mut tiles = 0;
        let in_tiles = tiled(latents.view(), Some(&tiling), &go_on, |tile| {
            tiles += 1;
            Ok::<_, Infallible>(enlarge(tile))
        });
        let in_tiles = in_tiles.unwrap().unwrap();
        assert_eq!((tiles, tiling.count()), (8, 8));
        let whole = enlarge(latents.view());
        assert!(largest_difference(&in_tiles, &whole) < 1e-6);

        // And back from pixels to latents.
        let reduced = tiled(whole.view(), Some(&tiling), &go_on, |tile| {
            Ok::<_, Infallible>(tile.slice(s![.., .., ..;8, ..;8]).to_owned())
        });
        let channels = latents.select(Axis(1), &[0, 1, 2]);
        assert!(largest_difference(&reduced.unwrap().unwrap(), &channels) < 1e-6);
    }

    #[test]
    fn an_image_without_tiles_is_one_call_of_the_whole() {
        let latents = latents();
        let whole = tiled(latents.view(), None, &AtomicBool::new(true), |tile| {
            assert_eq!(tile.dim(), latents.dim());
            Ok::<_, Infallible>(enlarge(tile))
        });
        assert!(whole.unwrap().is_some());
    }

    #[test]
    fn a_request_ends_it_between_two_tiles_and_an_error_at_once() {
        let cancel = AtomicBool::new(false);
        let (latents, tiling) = (latents(), tiling());
        let mut tiles = 0;
        let stopped = tiled(latents.view(), Some(&tiling), &cancel, |tile| {
            tiles += 1;
            cancel.store(tiles == 3, Ordering::Relaxed);
            Ok::<_, Infallible>(enlarge(tile))
        });
        assert_eq!((stopped.unwrap(), tiles), (None, 3));
        cancel.store(false, Ordering::Relaxed);
        let failed = tiled(latents.view(), Some(&tiling), &cancel, |_| Err("no"));
        assert_eq!(failed.unwrap_err(), "no");
    }
}
