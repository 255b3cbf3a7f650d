//! How a mask is made, as sweep files specify it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::MaskEdit;
use crate::vocabulary::{Scale, shown_path};

/// The source of a mask, and the adjustments to it. Displayed as the inline table of a sweep file, which is also its
/// name in plans and tables.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MaskRecipe {
    /// Where it comes from.
    pub source: MaskSource,
    /// Whether to exchange the repainted and the kept part.
    pub invert: bool,
    /// How many pixels the repainted part grows on all sides.
    pub grow: u8,
    /// Radius of the blur in pixels.
    pub blur: Scale,
}

/// Where a mask comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MaskSource {
    /// A file, by its name in the sweep file.
    File(String),
    /// The transparency of the image that the sweep file names.
    Alpha,
    /// The pixels that an earlier stage changed.
    Changed {
        /// Name of the stage.
        stage: String,
        /// How much a pixel must change to count, as a share of full scale on the mean of the channels.
        above: Scale,
    },
}

impl MaskRecipe {
    /// A source without adjustments.
    pub fn plain(source: MaskSource) -> Self {
        Self {
            source,
            invert: false,
            grow: 0,
            blur: Scale::zero(),
        }
    }

    /// The adjustments to the mask.
    pub fn edit(&self) -> MaskEdit {
        MaskEdit {
            invert: self.invert,
            grow: self.grow,
            blur: self.blur.to_f32(),
        }
    }

    /// The file's name if there are no adjustments, otherwise the inline table. A file whose name looks like a table is
    /// written as one.
    pub fn name(&self) -> String {
        match &self.source {
            MaskSource::File(file)
                if *self == Self::plain(self.source.clone()) && !file.starts_with('{') =>
            {
                file.clone()
            }
            MaskSource::File(_) | MaskSource::Alpha | MaskSource::Changed { .. } => {
                self.to_string()
            }
        }
    }

    /// The recipe as shown to others: only the last part of an absolute path.
    #[must_use]
    pub fn shown(&self) -> Self {
        let source = match &self.source {
            MaskSource::File(file) => MaskSource::File(shown_path(file).to_owned()),
            MaskSource::Alpha | MaskSource::Changed { .. } => self.source.clone(),
        };
        Self {
            source,
            ..self.clone()
        }
    }

    /// Whether it gives different masks for different images.
    pub fn is_of_the_image(&self) -> bool {
        match self.source {
            MaskSource::File(_) => false,
            MaskSource::Alpha | MaskSource::Changed { .. } => true,
        }
    }
}

impl fmt::Display for MaskRecipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            MaskSource::File(file) => write!(f, "{{ file = {}", quoted(file))?,
            MaskSource::Alpha => f.write_str("{ alpha = true")?,
            MaskSource::Changed { stage, above } => {
                write!(f, "{{ changed = {}, above = {above}", quoted(stage))?;
            }
        }
        if self.invert {
            f.write_str(", invert = true")?;
        }
        if self.grow > 0 {
            write!(f, ", grow = {}", self.grow)?;
        }
        if self.blur != Scale::zero() {
            write!(f, ", blur = {}", self.blur)?;
        }
        f.write_str(" }")
    }
}

/// A TOML basic string; TOML's and JSON's strings differ in only one character.
fn quoted(text: &str) -> String {
    let json = serde_json::Value::from(text).to_string();
    json.replace('\u{7f}', "\\u007f")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipe_is_displayed_as_the_inline_table_that_sweep_files_have() {
        let recipe = MaskRecipe {
            invert: true,
            grow: 8,
            blur: Scale::tenths(25),
            ..MaskRecipe::plain(MaskSource::File("a \"b\".png".to_owned()))
        };
        let table: toml::Table = format!("mask = {recipe}").parse().unwrap();
        assert_eq!(table["mask"]["file"].as_str(), Some("a \"b\".png"));
        assert_eq!(table["mask"]["grow"].as_integer(), Some(8));
        assert_eq!(table["mask"]["blur"].as_float(), Some(2.5));
        let plain = |file: &str| MaskRecipe::plain(MaskSource::File(file.to_owned())).name();
        assert_eq!(plain("door.png"), "door.png");
        assert_eq!(plain("{x}.png"), "{ file = \"{x}.png\" }");
    }
}
