//! The form of a parameter's definition.

use super::Value;

/// Everything that files, tables, labels and messages need to know about a parameter.
#[derive(Debug)]
pub struct Definition {
    /// Its key in sweep files, which is also its column in tables.
    pub key: &'static str,
    /// Other keys that sweep files may use for it.
    pub aliases: &'static [&'static str],
    /// Its names in other tools, in lower case: a sweep file that uses one gets an error that gives the key.
    pub elsewhere: &'static [&'static str],
    /// What it does, in a sentence or two for editors.
    pub help: &'static str,
    /// The same for a single value, as in presets and exclusions.
    pub help_of_one: &'static str,
    /// Which values it takes.
    pub domain: Domain,
    /// The value of cells for which the sweep file does not set it.
    pub unset: Unset,
    /// Where it stands in a sweep file.
    pub place: Place,
    /// An example value in TOML, for error messages.
    pub example: &'static str,
    /// The remedy for a number below its domain, if there is more to say than the bounds.
    pub below: Option<&'static str>,
    /// How cell keys shorten its values.
    pub abbreviation: Abbreviation,
    /// The value that labels leave out if all cells share it.
    pub plain: Option<&'static str>,
    /// Whether another value can change the pixels; if not, it is no part of a cell's hash.
    pub changes_pixels: bool,
    /// Which values let an edit depart further from its input, for the parameters that set guidance; advice depends on
    /// it.
    pub departs: Option<Departs>,
    /// What a pipeline must have for the parameter to have a meaning; `None` if it has one for all.
    pub belongs_to: Option<Trait>,
    /// Its lines in the sweep file that `ip2p init` writes; `@@VALUE@@` stands for the user's value.
    pub template: &'static str,
}

/// Which values a parameter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Domain {
    /// Folders, given by path.
    Folder,
    /// Files, given by path or pattern.
    File,
    /// Masks: files, given by path or pattern, or tables that say what a mask is made of.
    Mask,
    /// Single-line texts.
    Text,
    /// Decimals between inclusive bounds.
    Decimal {
        /// The smallest.
        min: u32,
        /// The largest.
        max: u32,
    },
    /// Whole numbers between inclusive bounds.
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

    /// Whether its values are numbers, which can be given as ranges and without quotes.
    pub fn is_number(self) -> bool {
        match self {
            Self::Decimal { .. } | Self::Whole { .. } => true,
            Self::Folder | Self::File | Self::Mask => false,
            Self::Text | Self::Scheduler | Self::Preset => false,
        }
    }

    /// Whether a value belongs to this domain.
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

/// The value of cells for which the sweep file does not set a parameter. For every parameter alike, a preset that does
/// not set it takes the value of `[sweep]`, and an exclusion without it matches any value.
#[derive(Debug)]
pub enum Unset {
    /// This value.
    Default(Value),
    /// None: the sweep file or each of its presets has to set it. The text is the remedy: where to set it.
    Required(&'static str),
    /// What the model's own files say.
    OfTheModel,
    /// Nothing: no preset, no mask, no image, or the default strength of the kind of pipeline.
    Nothing,
}

/// Where a parameter stands in a sweep file. All of them can stand in exclusions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// At the top, and in presets.
    Top,
    /// Under `[sweep]`, and in presets.
    Sweep,
    /// Nowhere: its values are the names of the `[[preset]]` tables.
    Presets,
}

/// What kinds of pipeline differ in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trait {
    /// It works on an image.
    Image,
    /// It takes a mask.
    Mask,
    /// It starts from an image with noise.
    Strength,
    /// It is guided by the image too.
    ImageGuidance,
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
    /// Letters, then the value unchanged: `g7.0`.
    Letters(&'static str),
    /// The words of a text.
    Words,
    /// The words of a file's name.
    FileName,
}
