//! What can differ between cells: one definition each, which everything that handles parameters loops over.
//!
//! To add a parameter, write its definition in `definitions.rs` and its places in `orders.rs`. Then say what it does in the
//! three functions of `plan` that decide what a cell is: its pixels (`pixels.rs`), its guidance (`guidance.rs`) and which
//! cells are sampled together (`schedule.rs`). All of them destructure [`Parameters`], so that they do not compile until
//! they handle it.

mod by_parameter;
mod define;
mod definition;
mod definitions;
mod orders;
mod value;

use std::fmt;

pub use by_parameter::ByParameter;
pub use definition::{Abbreviation, Definition, Departs, Domain, Place, Trait, Unset};
pub use definitions::{MAX_STEPS, Parameter, Parameters};
pub use value::Value;

impl Parameter {
    /// Its key in the sweep file, which is also its column in the CSV.
    pub fn key(self) -> &'static str {
        self.definition().key
    }

    /// The parameter with this key.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::DEFINED
            .into_iter()
            .find(|parameter| parameter.key() == key)
    }

    /// Whether labels leave out a value that all cells share: no negative prompt, no preset, guidance at every step.
    pub fn is_plain(self, value: &str) -> bool {
        self.definition().plain == Some(value)
    }

    /// Whether its values are the paths of files or folders.
    pub fn is_path(self) -> bool {
        matches!(
            self.definition().domain,
            Domain::File | Domain::Folder | Domain::Mask
        )
    }
}

impl fmt::Display for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

impl Default for Parameters {
    /// The values of a cell if a sweep file sets nothing. Model, image and instruction, which it must set, are empty;
    /// the scheduler is that of InstructPix2Pix's own model.
    fn default() -> Self {
        let mut parameters = Self::blank();
        for parameter in Parameter::DEFINED {
            if let Unset::Default(value) = &parameter.definition().unset {
                parameters.set(parameter, value);
            }
        }
        parameters
    }
}

impl Parameters {
    /// The value of a parameter as text, for labels, CSV and matching. No preset is an empty text.
    pub fn text(&self, parameter: Parameter) -> String {
        self.value(parameter).to_string()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Two values of a parameter that differ from each other.
    pub(crate) fn two_values(parameter: Parameter) -> [Value; 2] {
        match parameter.definition().domain {
            Domain::Folder | Domain::File | Domain::Mask | Domain::Text | Domain::Preset => {
                ["one", "other"].map(|text| Value::Text(text.to_owned()))
            }
            Domain::Decimal { min, max } => {
                [min, max].map(|bound| Value::Decimal(super::super::Scale::whole(bound)))
            }
            Domain::Whole { min, max } => [min, max].map(Value::Whole),
            Domain::Scheduler => {
                let [first, second, ..] = super::super::SchedulerKind::ALL;
                [first, second].map(Value::Scheduler)
            }
        }
    }

    #[test]
    fn every_parameter_holds_what_its_domain_gives_and_no_other_changes_with_it() {
        for parameter in Parameter::DEFINED {
            for value in two_values(parameter) {
                let before = Parameters::default();
                let mut after = before.clone();
                after.set(parameter, &value);
                assert_eq!(after.value(parameter), value, "{parameter}");
                assert_eq!(after.text(parameter), value.to_string(), "{parameter}");
                for other in Parameter::DEFINED {
                    let same = after.value(other) == before.value(other);
                    assert!(other == parameter || same, "{parameter} changes {other}");
                }
            }
        }
    }

    #[test]
    fn every_parameter_has_a_key_of_its_own() {
        let keys: BTreeSet<_> = Parameter::DEFINED.map(Parameter::key).into_iter().collect();
        assert_eq!(keys.len(), Parameter::COUNT);
        for parameter in Parameter::DEFINED {
            assert_eq!(Parameter::from_key(parameter.key()), Some(parameter));
            let json = serde_json::to_value(parameter).unwrap();
            assert_eq!(json, parameter.key(), "the key in plan.json");
        }
    }

    #[test]
    fn a_default_is_in_its_domain_and_only_a_default_goes_without_saying() {
        for parameter in Parameter::DEFINED {
            let Definition { domain, unset, .. } = parameter.definition();
            if let Unset::Default(value) = unset {
                assert!(domain.holds(value), "{parameter}");
            }
        }
        assert!(Parameter::GuidanceStart.is_plain("0.0"));
        assert!(Parameter::GuidanceEnd.is_plain("1.0"));
        assert!(Parameter::NegativePrompt.is_plain(""));
        assert!(!Parameter::GuidanceStart.is_plain("0.2"));
        assert!(!Parameter::GuidanceEnd.is_plain("0.0"));
        assert!(!Parameter::GuidanceScale.is_plain("1.0"));
    }
}
