//! How long the rest of a run will take.

use super::{PhaseName, State};

impl State {
    /// Estimated seconds until all is done, sheets included; `None` if that is unknown, and when only sheets are left.
    pub(super) fn left(&self) -> Option<f64> {
        let steps = self.of.saturating_sub(self.done);
        if steps == 0 && self.cells >= self.of_cells {
            return None;
        }
        let counted = match (steps, self.rate()) {
            (0, _) => Some(self.decoding_left()?),
            // Where cells are finished between steps, the pace counts their decoding.
            (_, Some(rate)) if self.cells > 0 => Some(steps as f64 / rate),
            (_, Some(rate)) => Some(steps as f64 / rate + self.decoding_left().unwrap_or(0.0)),
            (_, None) => None,
        };
        let expected = &self.expected;
        let left = match counted {
            Some(counted) => {
                let before = expected.before_seconds - self.spent_before();
                counted + before.max(0.0) + expected.views_seconds
            }
            None => expected.all_seconds? - self.seconds(),
        };
        (left > 0.0).then_some(left)
    }

    /// Seconds of decoding the cells that are not finished, by those that are, or by earlier runs.
    fn decoding_left(&self) -> Option<f64> {
        let decoded = (self.cells > 0).then(|| {
            let spent = self.spent(|phase| phase == PhaseName::Decoding);
            spent / self.cells as f64
        });
        let cell = decoded.or(self.expected.decode_seconds)?;
        Some(cell * (self.of_cells - self.cells) as f64).filter(|left| *left > 0.0)
    }

    /// Seconds of loading and encoding so far.
    fn spent_before(&self) -> f64 {
        self.spent(|phase| match phase {
            PhaseName::Loading | PhaseName::EncodingText | PhaseName::EncodingImage => true,
            PhaseName::Denoising
            | PhaseName::Decoding
            | PhaseName::MeasuringWithClip
            | PhaseName::Drawing
            | PhaseName::Judging => false,
        })
    }

    /// Seconds in some phases so far.
    fn spent(&self, counts: impl Fn(PhaseName) -> bool) -> f64 {
        let now = self.phase.iter();
        let now = now.map(|(phase, since)| (*phase, since.elapsed()));
        let all = self.took.iter().copied().chain(now);
        let of_these = all.filter(|(phase, _)| counts(*phase));
        of_these.map(|(_, took)| took.as_secs_f64()).sum()
    }
}
