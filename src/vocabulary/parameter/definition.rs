//! What is to be said of a parameter.

use super::Value;

/// Everything that files, tables, labels and messages need to know of a parameter.
#[derive(Debug)]
pub struct Definition {
    /// The key in sweep files, and the column of tables.
    pub key: &'static str,
    /// Other keys that sweep files may use for it.
    pub aliases: &'static [&'static str],
    /// What other tools call it, in lower case: a sweep file that says so is told the key.
    pub elsewhere: &'static [&'static str],
    /// What it does, in a sentence or two for editors.
    pub help: &'static str,
    /// The same of one value alone, as presets and exclusions have it.
    pub help_of_one: &'static str,
    /// Which values it takes.
    pub domain: Domain,
    /// What cells have where the sweep file does not set it.
    pub unset: Unset,
    /// Where in a sweep file it stands.
    pub place: Place,
    /// A value in TOML, for the examples of error messages.
    pub example: &'static str,
    /// The remedy for a number below its domain, where it is more than the bounds.
    pub below: Option<&'static str>,
    /// How cell keys shorten its values.
    pub abbreviation: Abbreviation,
    /// The value that goes without saying where all cells share it.
    pub plain: Option<&'static str>,
    /// Whether another value can make other pixels; what cannot is no part of a cell's hash.
    pub changes_pixels: bool,
    /// Of what guidance is set by, which values let an edit depart further from its input: advice goes by it.
    pub departs: Option<Departs>,
    /// Its lines in the sweep file that `ip2p init` writes; `@@VALUE@@` stands for what the user gave.
    pub template: &'static str,
}

/// Which values a parameter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Domain {
    /// Folders, by their paths.
    Folder,
    /// Files, by their paths or by patterns.
    File,
    /// Masks: files, by their paths or by patterns, or tables that say what a mask is made of.
    Mask,
    /// Texts of one line.
    Text,
    /// Decimals, bounds included.
    Decimal {
        /// The smallest.
        min: u32,
        /// The largest.
        max: u32,
    },
    /// Whole numbers, bounds included.
    Whole {
        /// The smallest.
        min: u64,
        /// The largest.
        max: u64,
    },
    /// Names of schedulers.
    Scheduler,
    /// Names of presets.
    Preset,
}

impl Domain {
    /// What its values are, in words.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Folder => "folder",
            Self::File | Self::Mask => "path",
            Self::Text | Self::Scheduler | Self::Preset => "text",
            Self::Decimal { .. } => "number",
            Self::Whole { .. } => "whole number",
        }
    }

    /// Whether its values are numbers, which have ranges and no quotes.
    pub fn is_number(self) -> bool {
        match self {
            Self::Decimal { .. } | Self::Whole { .. } => true,
            Self::Folder | Self::File | Self::Mask => false,
            Self::Text | Self::Scheduler | Self::Preset => false,
        }
    }

    /// Whether a value is one of these.
    pub fn holds(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Folder | Self::File | Self::Mask, Value::Text(_)) => true,
            (Self::Text | Self::Preset, Value::Text(_)) => true,
            (Self::Decimal { min, max }, Value::Decimal(number)) => {
                let number = number.decimal();
                number >= min.into() && number <= max.into()
            }
            (Self::Whole { min, max }, Value::Whole(number)) => (min..=max).contains(number),
            (Self::Scheduler, Value::Scheduler(_)) => true,
            (_, Value::Text(_) | Value::Decimal(_) | Value::Whole(_) | Value::Scheduler(_)) => {
                false
            }
        }
    }
}

/// What cells have where the sweep file does not set a parameter. A preset that does not set one takes the value of
/// `[sweep]`, and an exclusion matches whatever the value is: that is the same for all.
#[derive(Debug)]
pub enum Unset {
    /// This value.
    Default(Value),
    /// Nothing: the sweep file has to set it, or each of its presets. The remedy says where.
    Required(&'static str),
    /// What the model's own files say.
    OfTheModel,
    /// Nothing: no preset, no mask, no image; a strength that is the kind of pipeline's own.
    Nothing,
}

/// Where in a sweep file a parameter stands. Exclusions take all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// At the top, and in presets.
    Top,
    /// Under `[sweep]`, and in presets.
    Sweep,
    /// Nowhere: its values are the names of the `[[preset]]` tables.
    Presets,
}

/// Which values of a setting let an edit depart further from its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departs {
    /// Larger ones.
    WithLarger,
    /// Smaller ones.
    WithSmaller,
}

/// How cell keys shorten a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Abbreviation {
    /// Letters, then the value as it is: `g7.0`.
    Letters(&'static str),
    /// The words of a text.
    Words,
    /// The words of a file's name.
    FileName,
}
