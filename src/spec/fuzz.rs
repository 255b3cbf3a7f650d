//! The entry point of [`crate::fuzzing`] for sweep files.

use std::path::Path;

use miette::Diagnostic;

use super::SweepSpec;
use crate::vocabulary::Parameter;

/// Checks that what is wrong with a sweep file can be told, and what is right be counted.
pub fn sweep(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    // Nothing lies there: patterns are matched, but nothing is found.
    match SweepSpec::parse(text, Path::new("/nowhere/to/be/found/sweep.toml")) {
        Ok(spec) => assert!(
            Parameter::DEFINED
                .iter()
                .all(|it| spec.count(*it) < 1 << 20)
        ),
        Err(error) => {
            let all = [&error].into_iter().chain(error.others());
            for error in all {
                assert!(!error.to_string().is_empty());
                error.help().map(|help| help.to_string());
            }
        }
    }
}
