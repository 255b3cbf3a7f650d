//! Numbers, lists of numbers and ranges, in exact decimals.

use std::collections::HashSet;

use rust_decimal::Decimal;
use toml::de::DeValue;

use super::error::SpecProblem;
use super::fault::{Checked, Faults, quoted};
use super::raw::Field;
use super::{suggest, syntax};
use crate::vocabulary::Scale;

/// The most decimal places of a number; more would only make labels long.
pub(super) const MAX_DECIMALS: u32 = 6;
/// The most values of one key.
pub(super) const MAX_VALUES: u64 = 1_000_000;

/// Which numbers a key accepts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    min: Decimal,
    max: Decimal,
    whole: bool,
    /// The remedy for a number below `min`, if there is more to say than the limits.
    below: Option<&'static str>,
    /// Whether a number in quotes, `"123"`, is accepted too.
    text: bool,
}

impl Limits {
    /// Whole numbers from `min` to `max`.
    pub fn whole(min: impl Into<u64>, max: impl Into<u64>) -> Self {
        let (min, max) = (min.into(), max.into());
        Self {
            min: Decimal::from(min),
            max: Decimal::from(max),
            whole: true,
            text: exceeds_toml(max),
            below: None,
        }
    }

    /// Sets another remedy for a number below `min`.
    pub fn with_remedy_below(self, below: Option<&'static str>) -> Self {
        Self { below, ..self }
    }

    /// Any number from `min` to `max`.
    pub fn between(min: u32, max: u32) -> Self {
        Self {
            whole: false,
            ..Self::whole(min, max)
        }
    }

    fn show(self, value: Decimal) -> String {
        if self.whole {
            value.normalize().to_string()
        } else {
            Scale::new(value).to_string()
        }
    }

    fn check(self, field: Field<'_>, value: Decimal) -> Checked<Decimal> {
        if value < self.min || value > self.max {
            return Err(self.outside(field, self.show(value)).at(field.at));
        }
        Ok(value)
    }

    fn outside(self, field: Field<'_>, value: String) -> SpecProblem {
        SpecProblem::OutOfRange {
            key: field.key.to_string(),
            min: self.show(self.min),
            max: self.show(self.max),
            hint: match self.below {
                Some(remedy) if value.starts_with('-') => remedy.to_owned(),
                _ => format!(
                    "give a number from {} to {}",
                    self.show(self.min),
                    self.show(self.max)
                ),
            },
            value,
        }
    }
}

/// Whether numbers up to `max` exceed the integers that TOML guarantees; such numbers are also read from quoted text.
pub(super) fn exceeds_toml(max: u64) -> bool {
    i64::try_from(max).is_err()
}

/// The numbers of a key (one, a list, or a range), without duplicates; each wrong item is a fault.
pub(super) fn numbers(field: Field<'_>, limits: Limits, faults: &mut Faults) -> Vec<Decimal> {
    if let DeValue::Table(_) = field.value {
        return faults.take(range(field, limits)).unwrap_or_default();
    }
    let mut seen = HashSet::new();
    let mut values = Vec::new();
    for item in faults.take(field.items()).unwrap_or_default() {
        if faults.full() {
            break;
        }
        let Some(value) = faults.take(number(item, limits)) else {
            continue;
        };
        if seen.insert(value) {
            values.push(value);
        } else {
            let problem = SpecProblem::Duplicate {
                key: field.key.to_string(),
                value: limits.show(value),
            };
            faults.push(problem.at(item.at));
        }
    }
    values
}

/// One number within the limits.
pub(super) fn number(field: Field<'_>, limits: Limits) -> Checked<Decimal> {
    limits.check(field, decimal(field, limits)?)
}

/// One number, without checking limits.
fn decimal(field: Field<'_>, limits: Limits) -> Checked<Decimal> {
    let key = || field.key.to_string();
    let value = match field.value {
        DeValue::Integer(integer) => i128::from_str_radix(integer.as_str(), integer.radix())
            .ok()
            .and_then(|value| Decimal::try_from_i128_with_scale(value, 0).ok())
            .ok_or_else(|| limits.outside(field, integer.to_string())),
        DeValue::String(text) if limits.text && is_digits(text) => {
            Decimal::from_str_exact(text).map_err(|_| limits.outside(field, text.to_string()))
        }
        DeValue::Float(float) => match float.as_str().parse::<f64>() {
            // The shortest text of a float is the number that was written, however it was written.
            Ok(value) if value.is_finite() && !limits.whole => from_float(value).ok_or_else(|| {
                if value.abs() < 1e9 {
                    SpecProblem::TooPrecise {
                        key: key(),
                        value: float.to_string(),
                        max: MAX_DECIMALS,
                    }
                } else {
                    limits.outside(field, float.to_string())
                }
            }),
            Ok(value) if value.is_finite() => Err(SpecProblem::NotWhole {
                key: key(),
                value: float.to_string(),
            }),
            _ => Err(SpecProblem::NotFinite {
                key: key(),
                value: float.to_string(),
            }),
        },
        _ => Err(not_a_number(field, limits)),
    };
    value
        .map(|value| value.normalize())
        .map_err(|problem| problem.at(field.at))
}

/// The fault of a value that is no number; text may be a range in another tool's notation, or a number in quotes.
fn not_a_number(field: Field<'_>, limits: Limits) -> SpecProblem {
    let expected = if limits.whole {
        "a whole number"
    } else {
        "a number"
    };
    let name = field.key.entry.name();
    let meant = match field.value {
        DeValue::String(text) => syntax::range(text)
            .map(|range| format!("write the range as {name} = {range}"))
            .or_else(|| {
                let number = text.trim().replace(',', ".");
                let plain = number.parse::<f64>().is_ok_and(f64::is_finite);
                plain.then(|| format!("write it without quotes: {name} = {number}"))
            }),
        _ => None,
    };
    let mut problem = field.wrong_type(expected);
    if let (Some(meant), SpecProblem::WrongType { hint, .. }) = (meant, &mut problem) {
        *hint = meant;
    }
    problem
}

/// If the steps of a range do not reach its end: the last value and the end.
pub(super) fn missed_end(field: Field<'_>, limits: Limits, last: Decimal) -> Option<[String; 2]> {
    let typed = read_range(field).ok()?;
    typed.step?;
    let to = decimal(typed.to?, limits).ok()?;
    (last < to).then(|| [last, to].map(|value| limits.show(value)))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn from_float(value: f64) -> Option<Decimal> {
    Decimal::from_str_exact(&value.to_string())
        .ok()
        .filter(|decimal| decimal.normalize().scale() <= MAX_DECIMALS)
}

/// The keys of a range as written.
#[derive(Default)]
struct Range<'t> {
    from: Option<Field<'t>>,
    to: Option<Field<'t>>,
    step: Option<Field<'t>>,
    count: Option<Field<'t>>,
}

/// The values of `{ from, to, step }`, `{ from, to, count }` or, for whole numbers, `{ from, count }`.
///
/// With `step`, the values do not exceed `to`, and include it if the steps reach it. With `to` and `count`, both ends
/// are values, and those between are rounded to [`MAX_DECIMALS`].
fn range(field: Field<'_>, limits: Limits) -> Checked<Vec<Decimal>> {
    let typed = read_range(field)?;
    let bad = |fault: &str, hint: &str| {
        SpecProblem::Range {
            key: field.key.to_string(),
            fault: fault.to_owned(),
            hint: hint.to_owned(),
        }
        .at(field.at)
    };
    let forms = if limits.whole {
        "write { from = 10, to = 50, step = 10 }, { from = 10, to = 50, count = 5 } or { from = 10, count = 5 }"
    } else {
        "write { from = 3.0, to = 9.0, step = 1.5 } or { from = 3.0, to = 9.0, count = 5 }"
    };
    let Some(from) = typed.from else {
        return Err(bad("has no from", forms));
    };
    let from = number(from, limits)?;
    let to = typed.to.map(|to| number(to, limits)).transpose()?;
    if to.is_some_and(|to| to < from) {
        return Err(bad(
            "ends below its start",
            "from is the smaller end, to the larger",
        ));
    }
    match (to, typed.step, typed.count) {
        (Some(to), Some(step), None) => stepped(field, limits, from, to, step),
        (Some(to), None, Some(count)) => spaced(field, limits, from, to, count),
        (None, None, Some(count)) if limits.whole => consecutive(field, limits, from, count),
        (Some(_), Some(_), Some(_)) => Err(bad("has both step and count", forms)),
        (Some(_), None, None) => Err(bad("has neither step nor count", forms)),
        (None, _, _) => Err(bad("has no to", forms)),
    }
}

fn read_range(field: Field<'_>) -> Checked<Range<'_>> {
    let mut range = Range::default();
    let DeValue::Table(entries) = field.value else {
        return Ok(range);
    };
    for (name, value) in entries {
        let part = Some(Field {
            value: value.get_ref(),
            at: value.span().start,
            ..field
        });
        let typed: &str = name.get_ref();
        match typed {
            "from" => range.from = part,
            "to" => range.to = part,
            "step" => range.step = part,
            "count" => range.count = part,
            _ => {
                let problem = SpecProblem::UnknownKey {
                    key: quoted(typed),
                    place: format!("in the range of {}", field.key),
                    hint: suggest::hint(typed, "known keys", &["from", "to", "step", "count"]),
                };
                return Err(problem.at(name.span().start));
            }
        }
    }
    Ok(range)
}

fn stepped(
    field: Field<'_>,
    limits: Limits,
    from: Decimal,
    to: Decimal,
    step: Field<'_>,
) -> Checked<Vec<Decimal>> {
    let step_at = step.at;
    let step = decimal(step, limits)?;
    if step <= Decimal::ZERO {
        let problem = SpecProblem::Range {
            key: field.key.to_string(),
            fault: format!("has the step {}", limits.show(step)),
            hint: "the step is larger than 0".to_owned(),
        };
        return Err(problem.at(step_at));
    }
    // Both ends are below 2^64 and have at most six decimal places, and all values lie between them: nothing can
    // overflow.
    let last = ((to - from) / step).floor();
    limit(field, last + Decimal::ONE)?;
    Ok(count_up(last)
        .map(|index| (from + step * index).normalize())
        .collect())
}

fn spaced(
    field: Field<'_>,
    limits: Limits,
    from: Decimal,
    to: Decimal,
    count: Field<'_>,
) -> Checked<Vec<Decimal>> {
    let count = counted(field, count)?;
    let gaps = count - Decimal::ONE;
    let bad = |fault: String, hint: &str| {
        SpecProblem::Range {
            key: field.key.to_string(),
            fault,
            hint: hint.to_owned(),
        }
        .at(field.at)
    };
    if gaps.is_zero() && from == to {
        return Ok(vec![from]);
    }
    let (first, last) = (limits.show(from), limits.show(to));
    if gaps.is_zero() {
        return Err(bad(
            format!("has one value for the two ends {first} and {last}"),
            "take a count of 2 or more, or write the value alone",
        ));
    }
    let width = to - from;
    let finest = if limits.whole {
        Decimal::ONE
    } else {
        Decimal::new(1, MAX_DECIMALS)
    };
    let uneven = limits.whole && !(width % gaps).is_zero();
    if width < gaps * finest || uneven {
        return Err(bad(
            format!("has no {count} evenly spaced values from {first} to {last}"),
            "take another count, or from, to and step",
        ));
    }
    Ok(count_up(gaps)
        .map(|index| {
            // Dividing first would lose digits, and multiplying first may overflow; only seeds divide exactly.
            let offset = if limits.whole {
                width / gaps * index
            } else {
                width * index / gaps
            };
            (from + offset).round_dp(MAX_DECIMALS).normalize()
        })
        .collect())
}

fn consecutive(
    field: Field<'_>,
    limits: Limits,
    from: Decimal,
    count: Field<'_>,
) -> Checked<Vec<Decimal>> {
    let last = counted(field, count)? - Decimal::ONE;
    limits.check(field, from + last)?;
    Ok(count_up(last).map(|index| from + index).collect())
}

/// A `count` within its limits.
fn counted(field: Field<'_>, count: Field<'_>) -> Checked<Decimal> {
    let value = decimal(count, Limits::whole(1u32, u32::MAX))?;
    if value < Decimal::ONE {
        let problem = SpecProblem::Range {
            key: field.key.to_string(),
            fault: format!("has the count {value}"),
            hint: "the count is 1 or more".to_owned(),
        };
        return Err(problem.at(count.at));
    }
    limit(field, value)?;
    Ok(value)
}

/// Refuses ranges with too many values, before anything is allocated for them.
fn limit(field: Field<'_>, count: Decimal) -> Checked<()> {
    if count <= Decimal::from(MAX_VALUES) {
        return Ok(());
    }
    let problem = SpecProblem::TooManyValues {
        key: field.key.to_string(),
        count: count.normalize().to_string(),
        max: MAX_VALUES,
    };
    Err(problem.at(field.at))
}

/// The numbers from 0 to `last`.
fn count_up(last: Decimal) -> impl Iterator<Item = Decimal> {
    std::iter::successors(Some(Decimal::ZERO), |index| Some(index + Decimal::ONE))
        .take_while(move |index| *index <= last)
}
