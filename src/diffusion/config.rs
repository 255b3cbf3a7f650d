//! Reads a `scheduler_config.json` as diffusers' `from_config` does.

use serde_json::{Map, Value};

use super::SchedulerError;
use super::class::Class;
use crate::vocabulary::SchedulerKind;

/// The options in a `scheduler_config.json`, whichever class wrote it.
///
/// Each scheduler takes the keys it knows. A missing key gets the default of the class that reads it, not of the class
/// that wrote the file. Unknown keys are ignored. Keys listed in `_use_default_values` count as missing, as in
/// diffusers (`ConfigMixin.extract_init_dict`).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SchedulerConfig {
    pub(super) options: Map<String, Value>,
}

/// What the model predicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PredictionType {
    /// The noise.
    Epsilon,
    /// The velocity of Salimans and Ho (2022).
    V,
    /// The denoised latents.
    Sample,
}

impl SchedulerConfig {
    /// Reads the text of a `scheduler_config.json`.
    ///
    /// # Errors
    /// [`SchedulerError::Json`] if it is not a JSON object. Values are checked only when a sampler is made.
    pub fn parse(json: &str) -> Result<Self, SchedulerError> {
        let mut options: Map<String, Value> = serde_json::from_str(&quote_infinities(json))
            .map_err(|error| SchedulerError::Json {
                message: error.to_string(),
            })?;
        if let Some(Value::Array(names)) = options.remove("_use_default_values") {
            for name in names.iter().filter_map(Value::as_str) {
                options.shift_remove(name);
            }
        }
        Ok(Self { options })
    }

    /// `prediction_type`.
    ///
    /// # Errors
    /// If it is none of `epsilon`, `v_prediction` and `sample`.
    pub fn prediction_type(&self) -> Result<PredictionType, SchedulerError> {
        let expected = "epsilon, v_prediction or sample";
        match self.text("prediction_type", "epsilon")? {
            "epsilon" => Ok(PredictionType::Epsilon),
            "v_prediction" => Ok(PredictionType::V),
            "sample" => Ok(PredictionType::Sample),
            _ => Err(self.invalid("prediction_type", expected)),
        }
    }

    /// `num_train_timesteps`, 1000 by default.
    pub(super) fn num_train_timesteps(&self) -> Result<i64, SchedulerError> {
        let key = "num_train_timesteps";
        match self.integer(key, 1000)? {
            count @ 1..=100_000 => Ok(count),
            _ => Err(self.invalid(key, "a whole number from 1 to 100000")),
        }
    }

    /// `steps_offset`, 0 by default.
    pub(super) fn steps_offset(&self) -> Result<i64, SchedulerError> {
        match self.integer("steps_offset", 0)? {
            offset @ -100_000..=100_000 => Ok(offset),
            _ => Err(self.invalid("steps_offset", "a whole number from -100000 to 100000")),
        }
    }

    /// The limit to which the denoised latents are clipped; `None` unless `clip_sample` is set.
    pub(super) fn clip(&self, class: &Class) -> Result<Option<f32>, SchedulerError> {
        if !self.flag("clip_sample", class.clip_sample.unwrap_or(false))? {
            return Ok(None);
        }
        let range = self.float("clip_sample_range", 1.0)?;
        if range >= 0.0 {
            Ok(Some(range as f32))
        } else {
            Err(self.invalid("clip_sample_range", "a number that is not negative"))
        }
    }

    pub(super) fn flag(&self, key: &'static str, default: bool) -> Result<bool, SchedulerError> {
        match self.options.get(key) {
            None => Ok(default),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(Value::Null) => Ok(false),
            Some(_) => Err(self.invalid(key, "true or false")),
        }
    }

    pub(super) fn integer(&self, key: &'static str, default: i64) -> Result<i64, SchedulerError> {
        match self.options.get(key) {
            None => Ok(default),
            Some(value) => value
                .as_i64()
                .ok_or_else(|| self.invalid(key, "a whole number")),
        }
    }

    pub(super) fn float(&self, key: &'static str, default: f64) -> Result<f64, SchedulerError> {
        match self.options.get(key) {
            None => Ok(default),
            Some(Value::String(text)) if text == "-Infinity" => Ok(f64::NEG_INFINITY),
            Some(value) => value.as_f64().ok_or_else(|| self.invalid(key, "a number")),
        }
    }

    /// A number that may be absent or null.
    pub(super) fn optional_float(&self, key: &'static str) -> Result<Option<f64>, SchedulerError> {
        if self.is_set(key) {
            self.float(key, 0.0).map(Some)
        } else {
            Ok(None)
        }
    }

    pub(super) fn text<'a>(
        &'a self,
        key: &'static str,
        default: &'a str,
    ) -> Result<&'a str, SchedulerError> {
        match self.options.get(key) {
            None => Ok(default),
            Some(value) => value.as_str().ok_or_else(|| self.invalid(key, "a text")),
        }
    }

    /// A string; empty if absent or null.
    pub(super) fn optional_text(&self, key: &'static str) -> Result<&str, SchedulerError> {
        if self.is_set(key) {
            self.text(key, "")
        } else {
            Ok("")
        }
    }

    /// A list of numbers that may be absent or null.
    pub(super) fn numbers(&self, key: &'static str) -> Result<Option<Vec<f64>>, SchedulerError> {
        if !self.is_set(key) {
            return Ok(None);
        }
        let list = self.options.get(key).and_then(Value::as_array);
        list.and_then(|values| values.iter().map(Value::as_f64).collect())
            .map(Some)
            .ok_or_else(|| self.invalid(key, "a list of numbers"))
    }

    /// Whether a key is present and not null.
    pub(super) fn is_set(&self, key: &str) -> bool {
        self.options.get(key).is_some_and(|value| !value.is_null())
    }

    /// Returns an error if any of these options is on.
    pub(super) fn refuse_flags(
        &self,
        scheduler: SchedulerKind,
        keys: &[&'static str],
    ) -> Result<(), SchedulerError> {
        for key in keys {
            if self.flag(key, false)? {
                return Err(self.unsupported(scheduler, key));
            }
        }
        Ok(())
    }

    pub(super) fn invalid(&self, key: &'static str, expected: &'static str) -> SchedulerError {
        SchedulerError::Invalid {
            key,
            expected,
            found: self.value(key),
        }
    }

    pub(super) fn unsupported(
        &self,
        scheduler: SchedulerKind,
        key: &'static str,
    ) -> SchedulerError {
        SchedulerError::Unsupported {
            scheduler,
            key,
            value: self.value(key),
        }
    }

    fn value(&self, key: &str) -> String {
        self.options
            .get(key)
            .map_or_else(|| "absent".into(), Value::to_string)
    }
}

/// Puts quotes around `-Infinity`, which Python writes for `lambda_min_clipped` and JSON does not allow.
fn quote_infinities(json: &str) -> String {
    json.split_inclusive(',')
        .map(|part| match part.split_once(':') {
            Some((key, value)) if value.trim_start().starts_with("-Infinity") => {
                format!("{key}:{}", value.replacen("-Infinity", "\"-Infinity\"", 1))
            }
            _ => part.to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> SchedulerConfig {
        SchedulerConfig::parse(json).unwrap()
    }

    #[test]
    fn pythons_minus_infinity_is_read() {
        let config = parse(
            r#"{"a": "b: -Infinity", "lambda_min_clipped": -Infinity, "c": 1, "d": -Infinity}"#,
        );
        assert_eq!(
            config.float("lambda_min_clipped", 0.0),
            Ok(f64::NEG_INFINITY)
        );
        assert_eq!(config.float("d", 0.0), Ok(f64::NEG_INFINITY));
        assert_eq!(config.text("a", ""), Ok("b: -Infinity"));
    }

    #[test]
    fn keys_that_were_defaults_count_as_missing() {
        let config = parse(
            r#"{"_use_default_values": ["timestep_spacing"], "timestep_spacing": "leading"}"#,
        );
        assert_eq!(config.text("timestep_spacing", "linspace"), Ok("linspace"));
    }

    #[test]
    fn a_wrong_value_names_its_key() {
        let clipping = Class {
            clip_sample: Some(true),
            ..Class::new(SchedulerKind::Ddim, "DDIMScheduler")
        };
        let message = |json: &str| {
            parse(json)
                .clip(&clipping)
                .map_err(|error| error.to_string())
        };
        assert_eq!(
            message(r#"{"clip_sample": "yes"}"#),
            Err(
                "scheduler_config.json: `clip_sample` must be true or false, but is \"yes\"".into()
            )
        );
        assert_eq!(
            message(r#"{"clip_sample_range": -1}"#),
            Err("scheduler_config.json: `clip_sample_range` must be a number that is not negative, but is -1".into())
        );
        assert!(SchedulerConfig::parse("[]").is_err());
    }
}
