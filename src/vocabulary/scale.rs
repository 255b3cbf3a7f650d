//! Exact decimals for guidance scales and shares of the steps.

use std::fmt;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};

/// A guidance scale or a share of the steps, stored as a decimal so that 1.0 to 1.3 by 0.1 ends exactly at 1.3.
///
/// Displayed as people write it: without trailing zeros, but with at least one decimal place (`7.0`, `1.25`).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Scale(Decimal);

impl Scale {
    /// Wraps a decimal; its range is checked with the sweep file.
    pub fn new(value: Decimal) -> Self {
        Self(value.normalize())
    }

    /// This many tenths, for constants.
    pub const fn tenths(tenths: u32) -> Self {
        // Without trailing zeros, as in `new`.
        Self(match tenths % 10 {
            0 => Decimal::from_parts(tenths / 10, 0, 0, false, 0),
            _ => Decimal::from_parts(tenths, 0, 0, false, 1),
        })
    }

    /// Makes a whole number.
    pub fn whole(number: u32) -> Self {
        Self::new(number.into())
    }

    /// 0: the start of an interval that covers all steps.
    pub fn zero() -> Self {
        Self(Decimal::ZERO)
    }

    /// 1: the end of an interval that covers all steps.
    pub fn one() -> Self {
        Self(Decimal::ONE)
    }

    /// The exact value.
    pub fn decimal(self) -> Decimal {
        self.0
    }

    /// The nearest double, which is what Python reads from the same digits. (`Decimal::to_f64` may be off in the last
    /// bit, which changes the number of steps of 50 at strength 0.58.)
    pub fn to_f64(self) -> f64 {
        self.0.to_string().parse().unwrap_or(f64::NAN)
    }

    /// The nearest float32, which is what the computation uses.
    pub fn to_f32(self) -> f32 {
        self.0.to_f32().unwrap_or(f32::NAN)
    }
}

impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.scale() == 0 {
            write!(f, "{}.0", self.0)
        } else {
            write!(f, "{}", self.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_are_those_of_the_same_digits() {
        for hundredths in 0..=100_u32 {
            let text = format!("{}.{:02}", hundredths / 100, hundredths % 100);
            let scale = Scale::new(text.parse().unwrap());
            assert_eq!(scale.to_f64(), text.parse::<f64>().unwrap(), "{text}");
        }
    }
}
