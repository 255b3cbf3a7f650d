//! The UNet's inputs, written into arrays that are used again at every step.

use ndarray::{Array3, Array4, ArrayView3, ArrayView4, Axis, Slice, Zip, s};

/// Samples (rows, channels + image channels, h, w) and texts (rows, tokens, hidden).
#[derive(Debug, Default)]
pub(super) struct Inputs {
    sample: Array4<f32>,
    text: Array3<f32>,
}

impl Inputs {
    /// Writes one of so many rows: latents divided by their deviation, beside an image's latents or zeros, and a text.
    ///
    /// Rows that are not written keep what stood there: a call that is padded looks at them no further.
    pub fn write(
        &mut self,
        rows: usize,
        row: usize,
        (latents, deviation): (&Array4<f32>, f32),
        image: Option<&Array4<f32>>,
        text: Option<&Array3<f32>>,
    ) {
        let (_, channels, height, width) = latents.dim();
        let (_, of_sample, ..) = self.sample.dim();
        let shape = (rows, 2 * channels, height, width);
        if self.sample.len_of(Axis(0)) < rows
            || (of_sample, self.sample.dim().2, self.sample.dim().3) != (shape.1, height, width)
        {
            self.sample = Array4::zeros(shape);
        }
        let mut beside = self.sample.slice_mut(s![row, channels.., .., ..]);
        match image {
            Some(image) => beside.assign(&image.slice(s![0, .., .., ..])),
            None => beside.fill(0.0),
        }
        Zip::from(self.sample.slice_mut(s![row, ..channels, .., ..]))
            .and(latents.slice(s![0, .., .., ..]))
            .for_each(|sample, &x| *sample = x / deviation);
        if let Some(text) = text {
            let (_, tokens, hidden) = text.dim();
            if self.text.dim().0 < rows
                || (self.text.dim().1, self.text.dim().2) != (tokens, hidden)
            {
                self.text = Array3::zeros((rows, tokens, hidden));
            }
            let mut place = self.text.index_axis_mut(Axis(0), row);
            place.assign(&text.index_axis(Axis(0), 0));
        }
    }

    /// The first rows of both.
    pub fn views(&self, rows: usize) -> (ArrayView4<'_, f32>, ArrayView3<'_, f32>) {
        let rows = Slice::from(..rows);
        (
            self.sample.slice_axis(Axis(0), rows),
            self.text.slice_axis(Axis(0), rows),
        )
    }
}
