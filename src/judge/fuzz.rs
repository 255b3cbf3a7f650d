//! The entry point of [`crate::fuzzing`] for manifests of baselines.

use std::path::Path;

use super::Manifest;

/// Checks that an accepted manifest is the same once written and read again.
pub fn manifest(bytes: &[u8]) {
    let path = Path::new("manifest.json");
    let Ok(manifest) = Manifest::parse(bytes, path) else {
        return;
    };
    let again = serde_json::to_vec(&manifest).map(|text| Manifest::parse(&text, path));
    assert!(matches!(again, Ok(Ok(again)) if again == manifest));
}
