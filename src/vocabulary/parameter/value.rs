//! A value of any parameter, and how the fields of [`Parameters`](super::Parameters) store it.

use std::fmt;

use super::super::{Scale, SchedulerKind, Word};

/// A value of a parameter. Its `Display` is what labels, tables and comparisons use.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// A text, a path, or the name of a preset (empty if there is none).
    Text(String),
    /// A decimal.
    Decimal(Scale),
    /// A whole number.
    Whole(u64),
    /// A scheduler.
    Scheduler(SchedulerKind),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Decimal(number) => number.fmt(f),
            Self::Whole(number) => number.fmt(f),
            Self::Scheduler(kind) => kind.fmt(f),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Scale> for Value {
    fn from(number: Scale) -> Self {
        Self::Decimal(number)
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Whole(number)
    }
}

impl From<SchedulerKind> for Value {
    fn from(kind: SchedulerKind) -> Self {
        Self::Scheduler(kind)
    }
}

/// The type of a field of [`Parameters`](super::Parameters).
pub(super) trait Field {
    fn to_value(&self) -> Value;

    fn is(&self, value: &Value) -> bool;

    /// Stores a value of the field's type.
    fn hold(&mut self, value: &Value);
}

/// Fails for a definition whose domain does not match its type; a test sets every parameter to values of its domain.
fn mismatch(value: &Value) -> ! {
    panic!("{value:?} is of another kind than the parameter")
}

impl Field for Word {
    fn to_value(&self) -> Value {
        Value::Text(self.as_str().to_owned())
    }

    fn is(&self, value: &Value) -> bool {
        matches!(value, Value::Text(text) if self == text)
    }

    fn hold(&mut self, value: &Value) {
        match value {
            Value::Text(text) => *self = text.as_str().into(),
            Value::Decimal(_) | Value::Whole(_) | Value::Scheduler(_) => mismatch(value),
        }
    }
}

/// A name; `None` is an empty text.
impl Field for Option<String> {
    fn to_value(&self) -> Value {
        Value::Text(self.clone().unwrap_or_default())
    }

    fn is(&self, value: &Value) -> bool {
        matches!(value, Value::Text(text) if text == self.as_deref().unwrap_or_default())
    }

    fn hold(&mut self, value: &Value) {
        let mut name = Word::default();
        name.hold(value);
        *self = Some(name.into()).filter(|name: &String| !name.is_empty());
    }
}

impl Field for Scale {
    fn to_value(&self) -> Value {
        Value::Decimal(*self)
    }

    fn is(&self, value: &Value) -> bool {
        *value == Value::Decimal(*self)
    }

    fn hold(&mut self, value: &Value) {
        match value {
            Value::Decimal(number) => *self = *number,
            Value::Text(_) | Value::Whole(_) | Value::Scheduler(_) => mismatch(value),
        }
    }
}

/// A decimal; `None` is an empty text.
impl Field for Option<Scale> {
    fn to_value(&self) -> Value {
        self.map_or_else(|| Value::Text(String::new()), Value::Decimal)
    }

    fn is(&self, value: &Value) -> bool {
        *value == self.to_value()
    }

    fn hold(&mut self, value: &Value) {
        let mut number = Scale::default();
        number.hold(value);
        *self = Some(number);
    }
}

impl Field for u64 {
    fn to_value(&self) -> Value {
        Value::Whole(*self)
    }

    fn is(&self, value: &Value) -> bool {
        *value == Value::Whole(*self)
    }

    fn hold(&mut self, value: &Value) {
        match value {
            Value::Whole(number) => *self = *number,
            Value::Text(_) | Value::Decimal(_) | Value::Scheduler(_) => mismatch(value),
        }
    }
}

impl Field for u32 {
    fn to_value(&self) -> Value {
        Value::Whole(u64::from(*self))
    }

    fn is(&self, value: &Value) -> bool {
        *value == self.to_value()
    }

    fn hold(&mut self, value: &Value) {
        match value {
            Value::Whole(number) => {
                *self = u32::try_from(*number).unwrap_or_else(|_| mismatch(value));
            }
            Value::Text(_) | Value::Decimal(_) | Value::Scheduler(_) => mismatch(value),
        }
    }
}

impl Field for SchedulerKind {
    fn to_value(&self) -> Value {
        Value::Scheduler(*self)
    }

    fn is(&self, value: &Value) -> bool {
        *value == Value::Scheduler(*self)
    }

    fn hold(&mut self, value: &Value) {
        match value {
            Value::Scheduler(kind) => *self = *kind,
            Value::Text(_) | Value::Decimal(_) | Value::Whole(_) => mismatch(value),
        }
    }
}
