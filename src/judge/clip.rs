//! The measures of the InstructPix2Pix paper, computed from CLIP embeddings.
//!
//! *Image similarity*, the cosine similarity of input and output, tells how much of the input is kept. *Direction
//! similarity* (Gal et al., 2022, [arXiv:2108.00946](https://arxiv.org/abs/2108.00946), eq. 3), the cosine similarity
//! of the change of the image and the change of its caption, tells how well the edit follows. Both are computed as in
//! the repository of [Brooks et al., 2023](https://arxiv.org/abs/2211.09800) (`metrics/clip_similarity.py`), where
//! embeddings are normalised to length 1 before differences are taken.

use ndarray::{Array1, ArrayView1};

/// An embedding of length 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding(Array1<f64>);

impl Embedding {
    /// Normalises an embedding to length 1; `None` if that is impossible because it is zero or not finite.
    pub fn new(values: ArrayView1<f32>) -> Option<Self> {
        unit(values.mapv(f64::from)).map(Self)
    }
}

/// The cosine similarity of two images' embeddings, -1 to 1. Both must come from the same model.
pub fn image_similarity(input: &Embedding, output: &Embedding) -> f64 {
    cosine(&input.0, &output.0)
}

/// The cosine similarity of the change from `images[0]` to `images[1]` and the change from `captions[0]` to
/// `captions[1]`, -1 to 1; `None` if either did not change at all. All must come from the same model.
pub fn direction_similarity(images: [&Embedding; 2], captions: [&Embedding; 2]) -> Option<f64> {
    let change = |[before, after]: [&Embedding; 2]| unit(&after.0 - &before.0);
    Some(cosine(&change(images)?, &change(captions)?))
}

fn unit(values: Array1<f64>) -> Option<Array1<f64>> {
    let length = values.dot(&values).sqrt();
    (length.is_finite() && length > 0.0).then(|| values / length)
}

/// The cosine of two vectors of length 1, clamped because rounding may exceed its range.
fn cosine(one: &Array1<f64>, other: &Array1<f64>) -> f64 {
    one.dot(other).clamp(-1.0, 1.0)
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    fn embedding<const N: usize>(values: [f32; N]) -> Embedding {
        Embedding::new(ArrayView1::from(&values)).unwrap()
    }

    #[test]
    fn similarity_is_the_cosine_whatever_the_lengths() {
        let similarity = image_similarity(&embedding([3.0, 4.0]), &embedding([40.0, 30.0]));
        assert!((similarity - 0.96).abs() < 1e-12, "{similarity}");
        assert_eq!(
            image_similarity(&embedding([0.1, 0.7]), &embedding([0.1, 0.7])),
            1.0
        );
    }

    #[test]
    fn a_change_is_that_of_embeddings_of_length_one() {
        let (right, up) = (embedding([1.0, 0.0]), embedding([0.0, 1.0]));
        // With another length the change would point in another direction.
        let far_up = embedding([0.0, 9.0]);
        let along = direction_similarity([&right, &far_up], [&right, &up]).unwrap();
        assert!((along - 1.0).abs() < 1e-12, "{along}");
        let against = direction_similarity([&right, &up], [&up, &right]).unwrap();
        assert!((against + 1.0).abs() < 1e-12, "{against}");
    }

    #[test]
    fn what_did_not_change_has_no_direction() {
        let (one, other) = (embedding([1.0, 2.0]), embedding([2.0, 1.0]));
        assert_eq!(direction_similarity([&one, &one], [&one, &other]), None);
        assert_eq!(direction_similarity([&one, &other], [&one, &one]), None);
        assert_eq!(Embedding::new(array![0.0_f32, 0.0].view()), None);
        assert_eq!(Embedding::new(array![f32::NAN, 1.0].view()), None);
        assert_eq!(Embedding::new(array![f32::INFINITY, 1.0].view()), None);
    }
}
