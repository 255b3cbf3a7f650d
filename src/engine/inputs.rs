//! The UNet's inputs, written into arrays that are used again at every step.

use ndarray::{Array3, Array4, ArrayView4, Axis, Slice, Zip, s};

use super::Texts;

/// Samples (rows, channels of latents and of what stands beside them, h, w) and texts (rows, tokens, hidden).
#[derive(Debug, Default)]
pub(super) struct Inputs<'a> {
    sample: Array4<f32>,
    text: Array3<f32>,
    /// The text of each row that was written.
    texts: Vec<Option<&'a str>>,
    /// Of the texts as they are.
    version: u64,
    /// Channels of the UNet's sample.
    channels: usize,
}

impl<'a> Inputs<'a> {
    /// Of a UNet whose sample has so many channels.
    pub fn new(channels: usize) -> Self {
        Self {
            channels,
            ..Self::default()
        }
    }

    /// Writes one of so many rows: latents divided by their deviation, beside what stands there or zeros, and a text.
    ///
    /// Rows that are not written keep what stood there: a call that is padded looks at them no further.
    pub fn write(
        &mut self,
        rows: usize,
        row: usize,
        (latents, deviation): (&Array4<f32>, f32),
        beside: Option<&Array4<f32>>,
        text: Option<(&'a str, &Array3<f32>)>,
    ) {
        let (_, channels, height, width) = latents.dim();
        let (_, of_sample, ..) = self.sample.dim();
        let shape = (rows, self.channels, height, width);
        if self.sample.len_of(Axis(0)) < rows
            || (of_sample, self.sample.dim().2, self.sample.dim().3) != (shape.1, height, width)
        {
            self.sample = Array4::zeros(shape);
        }
        let mut place = self.sample.slice_mut(s![row, channels.., .., ..]);
        match beside {
            Some(beside) => place.assign(&beside.slice(s![0, .., .., ..])),
            None => place.fill(0.0),
        }
        Zip::from(self.sample.slice_mut(s![row, ..channels, .., ..]))
            .and(latents.slice(s![0, .., .., ..]))
            .for_each(|sample, &x| *sample = x / deviation);
        if let Some((text, embedding)) = text {
            self.write_text(rows, row, text, embedding);
        }
    }

    /// Writes a text's embedding, unless it stands there: in most steps each row has the text that it had before.
    fn write_text(&mut self, rows: usize, row: usize, text: &'a str, embedding: &Array3<f32>) {
        let (_, tokens, hidden) = embedding.dim();
        let (rows_there, tokens_there, hidden_there) = self.text.dim();
        if rows_there < rows || (tokens_there, hidden_there) != (tokens, hidden) {
            self.text = Array3::zeros((rows, tokens, hidden));
            self.texts = vec![None; rows];
        }
        if self.texts[row] != Some(text) {
            let mut place = self.text.index_axis_mut(Axis(0), row);
            place.assign(&embedding.index_axis(Axis(0), 0));
            self.texts[row] = Some(text);
            self.version = Texts::new_version();
        }
    }

    /// The first rows of both.
    pub fn views(&self, rows: usize) -> (ArrayView4<'_, f32>, Texts<'_>) {
        let rows = Slice::from(..rows);
        let texts = Texts {
            values: self.text.slice_axis(Axis(0), rows),
            version: self.version,
        };
        (self.sample.slice_axis(Axis(0), rows), texts)
    }
}
