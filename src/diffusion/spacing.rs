//! Which training timesteps a sampler visits, in numpy's arithmetic.

use super::{SchedulerConfig, SchedulerError};

/// `timestep_spacing`: table 2 of Lin et al. (2023), "Common Diffusion Noise Schedules and Sample Steps are Flawed".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spacing {
    /// Evenly from 0 to the last timestep.
    Linspace,
    /// Multiples of an integer step, from 0 up, plus `steps_offset`.
    Leading,
    /// Evenly from the last timestep down.
    Trailing,
}

impl Spacing {
    pub(super) fn of(config: &SchedulerConfig, default: &str) -> Result<Self, SchedulerError> {
        match config.text("timestep_spacing", default)? {
            "linspace" => Ok(Self::Linspace),
            "leading" => Ok(Self::Leading),
            "trailing" => Ok(Self::Trailing),
            _ => Err(config.invalid("timestep_spacing", "linspace, leading or trailing")),
        }
    }
}

/// Descending timesteps of the k-diffusion family, possibly fractional.
pub(super) fn fractional(
    config: &SchedulerConfig,
    spacing: Spacing,
    steps: u32,
) -> Result<Vec<f32>, SchedulerError> {
    let train = config.num_train_timesteps()?;
    if spacing == Spacing::Linspace {
        let mut timesteps = linspace((train - 1) as f64, steps);
        timesteps.reverse();
        return Ok(timesteps.into_iter().map(|t| t as f32).collect());
    }
    let timesteps = whole(config, spacing, steps)?;
    Ok(timesteps.into_iter().map(|t| t as f32).collect())
}

/// Descending integer timesteps of the DDPM family.
pub(super) fn whole(
    config: &SchedulerConfig,
    spacing: Spacing,
    steps: u32,
) -> Result<Vec<i64>, SchedulerError> {
    let train = config.num_train_timesteps()?;
    Ok(match spacing {
        Spacing::Linspace => rounded_linspace(train, steps).rev().collect(),
        Spacing::Leading => {
            let (ratio, offset) = (train / i64::from(steps), config.steps_offset()?);
            let falling = (0..i64::from(steps)).rev();
            falling.map(|i| i * ratio + offset).collect()
        }
        Spacing::Trailing => trailing(train, train, steps),
    })
}

/// Descending integer timesteps of the multistep solvers, which lay out one more and drop the last.
///
/// `last` is the number of timesteps that `lambda_min_clipped` leaves.
pub(super) fn multistep(
    config: &SchedulerConfig,
    spacing: Spacing,
    last: i64,
    steps: u32,
) -> Result<Vec<i64>, SchedulerError> {
    let train = config.num_train_timesteps()?;
    let count = i64::from(steps) + 1;
    Ok(match spacing {
        Spacing::Linspace => {
            let mut timesteps: Vec<i64> = rounded_linspace(last, steps + 1).rev().collect();
            timesteps.pop();
            timesteps
        }
        Spacing::Leading => {
            let (ratio, offset) = (last / count, config.steps_offset()?);
            (1..count).rev().map(|i| i * ratio + offset).collect()
        }
        Spacing::Trailing => trailing(last, train, steps),
    })
}

fn rounded_linspace(train: i64, count: u32) -> impl DoubleEndedIterator<Item = i64> {
    let values = linspace((train - 1) as f64, count).into_iter();
    values.map(|t| t.round_ties_even() as i64)
}

/// `numpy.linspace(0, end, count)`.
pub(super) fn linspace(end: f64, count: u32) -> Vec<f64> {
    let step = end / f64::from(count.saturating_sub(1).max(1));
    let mut values: Vec<f64> = (0..count).map(|i| f64::from(i) * step).collect();
    if let [_, .., last] = values.as_mut_slice() {
        *last = end;
    }
    values
}

/// `numpy.arange(last, 0, -train / steps).round() - 1`.
///
/// For some numbers of steps (61, 103, ... of 1000) rounding lets the sequence reach almost 0, so that numpy, and hence
/// diffusers, takes one step more, to timestep -1.
fn trailing(last: i64, train: i64, steps: u32) -> Vec<i64> {
    let (start, ratio) = (last as f64, train as f64 / f64::from(steps));
    let count = (start / ratio).ceil() as u32;
    let delta = (start - ratio) - start;
    (0..count)
        .map(|i| (start + f64::from(i) * delta).round_ties_even() as i64 - 1)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spacings_are_those_of_diffusers() {
        let config = SchedulerConfig::parse(r#"{"steps_offset": 1}"#).unwrap();
        let whole = |spacing, steps| whole(&config, spacing, steps).unwrap();
        assert_eq!(whole(Spacing::Leading, 4), [751, 501, 251, 1]);
        assert_eq!(whole(Spacing::Linspace, 4), [999, 666, 333, 0]);
        assert_eq!(whole(Spacing::Trailing, 4), [999, 749, 499, 249]);
        assert_eq!(whole(Spacing::Trailing, 61).last(), Some(&-1));
        assert_eq!(
            fractional(&config, Spacing::Linspace, 3).unwrap(),
            [999.0, 499.5, 0.0]
        );
        assert_eq!(
            multistep(&config, Spacing::Leading, 1000, 3).unwrap(),
            [751, 501, 251]
        );
    }
}
