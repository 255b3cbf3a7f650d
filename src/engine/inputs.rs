//! The UNet's inputs, in arrays that are reused at every step.

use ndarray::{Array3, Array4, ArrayView4, Axis, Slice, Zip, s};

use super::Texts;

/// The UNet's samples (rows, latent and conditioning channels, h, w) and text embeddings (rows, tokens, hidden).
#[derive(Debug, Default)]
pub(super) struct Inputs<'a> {
    sample: Array4<f32>,
    text: Array3<f32>,
    /// The text written to each row; `None` if there is none yet.
    texts: Vec<Option<&'a str>>,
    /// The version of the text embeddings as they are ([`Texts::version`]).
    version: u64,
    /// Channels of the UNet's sample.
    channels: usize,
}

impl<'a> Inputs<'a> {
    /// Empty inputs for a UNet whose sample has this many channels.
    pub fn new(channels: usize) -> Self {
        Self {
            channels,
            ..Self::default()
        }
    }

    /// Writes row `row` of a call of `rows` rows: the latents divided by their deviation, the channels beside them or
    /// zeros, and the text's embedding.
    ///
    /// Rows that are not written keep their old content; in a padded call their results are ignored.
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

    /// Writes a text's embedding unless the row already holds it, as it does in most steps.
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

    /// The first `rows` rows of the samples and of the text embeddings.
    pub fn views(&self, rows: usize) -> (ArrayView4<'_, f32>, Texts<'_>) {
        let rows = Slice::from(..rows);
        let texts = Texts {
            values: self.text.slice_axis(Axis(0), rows),
            version: self.version,
        };
        (self.sample.slice_axis(Axis(0), rows), texts)
    }
}
