//! The UNet's inputs, in arrays that are reused at every step. What a row holds already is not written again.

use std::sync::Arc;

use ndarray::{Array3, Array4, ArrayView4, Axis, Slice, Zip, s};
use rayon::prelude::*;

use super::Texts;

/// The UNet's samples (rows, latent and conditioning channels, h, w) and text embeddings (rows, tokens, hidden).
#[derive(Debug, Default)]
pub(super) struct Inputs<'a> {
    sample: Array4<f32>,
    /// The conditioning channels written to each row; `None` for zeros.
    beside: Vec<Option<Arc<Array4<f32>>>>,
    text: Array3<f32>,
    /// The text written to each row; `None` if there is none yet.
    texts: Vec<Option<&'a str>>,
    /// The version of the text embeddings as they are ([`Texts::version`]).
    version: u64,
    /// Channels of the UNet's sample.
    channels: usize,
}

/// What one row of a call sees.
pub(super) struct RowInput<'e, 'a> {
    /// Latents (1, channels, h, w), and the deviation to divide them by.
    pub latents: (&'e Array4<f32>, f32),
    /// The channels beside the latents; `None` for zeros.
    pub beside: Option<&'e Arc<Array4<f32>>>,
    /// A text with its embedding (1, tokens, hidden).
    pub text: Option<(&'a str, &'e Array3<f32>)>,
}

impl<'a> Inputs<'a> {
    /// Empty inputs for a UNet whose sample has this many channels.
    pub fn new(channels: usize) -> Self {
        Self {
            channels,
            ..Self::default()
        }
    }

    /// Writes the first rows of a call of `rows` rows.
    ///
    /// Rows that are not written keep their old content; in a padded call their results are ignored.
    pub fn write(&mut self, rows: usize, given: &[RowInput<'_, 'a>]) {
        for (row, of_row) in given.iter().enumerate() {
            let (_, channels, height, width) = of_row.latents.0.dim();
            self.make_room(rows, (height, width));
            self.write_beside(row, channels, of_row.beside);
            if let Some((text, embedding)) = of_row.text {
                self.write_text(rows, row, text, embedding);
            }
        }
        let samples: Vec<_> = self.sample.outer_iter_mut().zip(given).collect();
        samples.into_par_iter().for_each(|(mut sample, of_row)| {
            let (latents, deviation) = of_row.latents;
            let channels = latents.len_of(Axis(1));
            Zip::from(sample.slice_mut(s![..channels, .., ..]))
                .and(latents.index_axis(Axis(0), 0))
                .for_each(|sample, &x| *sample = x / deviation);
        });
    }

    /// Makes new samples of zeros unless there are enough of them, of this height and width.
    fn make_room(&mut self, rows: usize, (height, width): (usize, usize)) {
        let (rows_there, _, height_there, width_there) = self.sample.dim();
        if rows_there < rows || (height_there, width_there) != (height, width) {
            self.sample = Array4::zeros((rows, self.channels, height, width));
            self.beside = vec![None; rows];
        }
    }

    /// Writes the channels after the first `channels` unless the row already holds them, as it does in most steps.
    fn write_beside(&mut self, row: usize, channels: usize, beside: Option<&Arc<Array4<f32>>>) {
        let held = self.beside[row].as_ref();
        if held.map(Arc::as_ptr) == beside.map(Arc::as_ptr) {
            return;
        }
        let mut place = self.sample.slice_mut(s![row, channels.., .., ..]);
        match beside {
            Some(beside) => place.assign(&beside.index_axis(Axis(0), 0)),
            None => place.fill(0.0),
        }
        self.beside[row] = beside.cloned();
    }

    /// Writes a text's embedding unless the row already holds it.
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
