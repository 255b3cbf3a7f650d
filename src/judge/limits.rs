//! The limits beyond which a cell fails a check.

use std::fmt;

use super::difference::Difference;
use crate::spec::CheckSpec;
use crate::vocabulary::LatentStatistics;

/// The limits of a difference.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// The largest mean.
    pub perceptual_mean: f64,
    /// The largest 99th percentile.
    pub perceptual_p99: f64,
    /// The smallest structural similarity.
    pub ssim: f64,
    /// The factor by which the sweep file's tolerances were widened.
    factor: f64,
}

/// One measure beyond its limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Excess {
    /// Its key under `[check]`.
    pub measure: &'static str,
    /// The measured value.
    pub measured: f64,
    /// The limit.
    pub limit: f64,
    /// The tolerance in the sweep file with which it would have passed.
    pub would_pass: f64,
}

impl Limits {
    /// The limits for a baseline of the same environment class.
    pub fn same_class(spec: &CheckSpec) -> Self {
        Self::widened(spec, 1.0)
    }

    /// The wider limits for a baseline of another environment class.
    pub fn other_class(spec: &CheckSpec) -> Self {
        Self::widened(spec, spec.drift)
    }

    fn widened(spec: &CheckSpec, factor: f64) -> Self {
        Self {
            perceptual_mean: spec.perceptual_mean * factor,
            perceptual_p99: spec.perceptual_p99 * factor,
            ssim: 1.0 - (1.0 - spec.ssim) * factor,
            factor,
        }
    }

    /// The measures that exceed their limits.
    pub fn excesses(&self, difference: &Difference) -> Vec<Excess> {
        let measures = self.measures(difference).into_iter();
        measures.filter(Excess::is_beyond).collect()
    }

    /// Every measure with its limit, whether exceeded or not.
    pub fn measures(&self, difference: &Difference) -> [Excess; 3] {
        let most = |measure, measured: f64, limit| Excess {
            measure,
            measured,
            limit,
            would_pass: ceil_to_3_figures(measured / self.factor),
        };
        let lost = 1.0 - difference.ssim;
        [
            most(
                "perceptual_mean",
                difference.perceptual_mean,
                self.perceptual_mean,
            ),
            most(
                "perceptual_p99",
                difference.perceptual_p99,
                self.perceptual_p99,
            ),
            Excess {
                measure: SSIM,
                measured: difference.ssim,
                limit: self.ssim,
                would_pass: six_decimals(1.0 - ceil_to_3_figures(lost / self.factor)),
            },
        ]
    }
}

/// The one measure that must be large rather than small.
const SSIM: &str = "ssim";

impl Excess {
    fn is_beyond(&self) -> bool {
        match self.measure {
            SSIM => self.measured < self.limit,
            _ => self.measured > self.limit,
        }
    }

    /// As short as possible: `17.6 x mean`, `SSIM .977 (>= .999)`.
    pub fn in_brief(&self) -> String {
        match self.measure {
            SSIM => format!("SSIM {:.3} (>= {:.3})", self.measured, self.limit),
            measure => format!(
                "{:.1} x {}",
                self.ratio(),
                measure.trim_start_matches("perceptual_")
            ),
        }
    }

    /// `ssim 0.9013 (limit 0.9990)`.
    pub fn beside_limit(&self) -> String {
        let Self {
            measure,
            measured,
            limit,
            ..
        } = self;
        format!("{measure} {measured:.4} (limit {limit:.4})")
    }

    /// Ratio of the measure to its limit; for the structural similarity, of the losses 1 - SSIM.
    pub fn ratio(&self) -> f64 {
        match self.measure {
            SSIM => (1.0 - self.measured) / (1.0 - self.limit).max(1e-9),
            _ => self.measured / self.limit.max(1e-9),
        }
    }
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            measure,
            measured,
            limit,
            would_pass,
        } = self;
        write!(
            f,
            "{measure} {measured:.4}, limit {limit:.4}, {measure} = {would_pass:?} would have passed"
        )
    }
}

/// Rounded to the six decimal places that a sweep file accepts.
fn six_decimals(value: f64) -> f64 {
    (value * 1e6).floor() / 1e6
}

/// The next larger or equal number with three significant figures and at most six decimal places.
fn ceil_to_3_figures(value: f64) -> f64 {
    if value <= 0.0 {
        return 0.0;
    }
    let unit = 10f64.powi(value.log10().floor() as i32 - 2).max(1e-6);
    let whole = (value / unit).ceil() * unit;
    // Without the remainders of binary fractions.
    format!("{whole:.6}").parse().unwrap_or(whole)
}

/// The largest change of a mean or standard deviation of the latents after the first steps, in standard deviations;
/// `None` if there is nothing to compare.
pub fn latent_change(expected: &[LatentStatistics], actual: &[LatentStatistics]) -> Option<f64> {
    let steps = expected.iter().zip(actual);
    let changes = steps.flat_map(|(expected, actual)| {
        let channels = expected.mean.iter().zip(&expected.deviation);
        let actual = actual.mean.iter().zip(&actual.deviation);
        channels
            .zip(actual)
            .map(|((mean, deviation), (other_mean, other_deviation))| {
                let change = (mean - other_mean)
                    .abs()
                    .max((deviation - other_deviation).abs());
                change / deviation.max(1e-6)
            })
    });
    changes.reduce(f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: CheckSpec = CheckSpec {
        perceptual_mean: 0.1,
        perceptual_p99: 0.5,
        ssim: 0.99,
        latents: 0.001,
        drift: 4.0,
        tolerances: Vec::new(),
        ignored: Vec::new(),
    };

    #[test]
    fn the_tolerance_that_would_have_passed_passes() {
        let difference = Difference {
            perceptual_mean: 0.123_456,
            perceptual_p99: 12.345,
            ssim: 0.912_345_6,
            ..Difference::NONE
        };
        for limits in [Limits::same_class, Limits::other_class] {
            let excesses = limits(&SPEC).excesses(&difference);
            assert!(excesses.iter().all(|excess| excess.ratio() > 1.0));
            let mut wider = SPEC.clone();
            for excess in &excesses {
                match excess.measure {
                    "perceptual_mean" => wider.perceptual_mean = excess.would_pass,
                    "perceptual_p99" => wider.perceptual_p99 = excess.would_pass,
                    _ => wider.ssim = excess.would_pass,
                }
            }
            assert_eq!(limits(&wider).excesses(&difference), [], "{excesses:?}");
        }
        let own = Limits::same_class(&SPEC).excesses(&difference);
        assert_eq!(
            own.iter()
                .map(|excess| excess.would_pass)
                .collect::<Vec<_>>(),
            [0.124, 12.4, 0.9123]
        );
    }

    #[test]
    fn latents_are_compared_in_standard_deviations() {
        let of = |mean: f64, deviation: f64| LatentStatistics {
            mean: [0.0, mean].as_slice().into(),
            deviation: [1.0, deviation].as_slice().into(),
        };
        assert_eq!(latent_change(&[of(1.0, 2.0)], &[of(1.5, 2.0)]), Some(0.25));
        assert_eq!(
            latent_change(&[of(1.0, 2.0)], &[of(1.0, 2.0), of(9.0, 9.0)]),
            Some(0.0)
        );
        assert_eq!(latent_change(&[of(1.0, 2.0)], &[]), None);
    }
}
