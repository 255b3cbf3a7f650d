//! The key of a cell.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

use super::is_file_name;

/// A readable prefix of the varying values and a short hash of everything that can change the pixels; safe to use as a
/// file name, wherever the key was read from. Copies share their memory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct CellKey(Arc<str>);

/// Text that is not a valid cell key, for instance because its files would lie outside the run folder.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} cannot be the key of a cell")]
pub struct NoCellKey(String);

impl CellKey {
    /// Joins a prefix (`[a-z0-9._-]`) and a hexadecimal hash into a key.
    pub(crate) fn new(prefix: &str, hash: &str) -> Self {
        let separator = if prefix.is_empty() { "" } else { "-" };
        Self(format!("{prefix}{separator}{hash}").into())
    }

    /// Another key, for a second cell that has the same prefix and hash.
    pub(crate) fn next(&self) -> Self {
        Self(format!("{}x", self.0).into())
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The cell's identity: two keys with the same hash name the same pixels, whatever their prefixes.
    pub fn hash(&self) -> &str {
        let (_, hash) = self.0.rsplit_once('-').unwrap_or(("", &self.0));
        hash.trim_end_matches('x')
    }

    /// The readable part of the key.
    pub(crate) fn prefix(&self) -> &str {
        self.0.rsplit_once('-').map_or("", |(prefix, _)| prefix)
    }

    /// The path of its image, relative to the run folder.
    pub fn image_path(&self) -> String {
        format!("cells/{}.png", self.0)
    }
}

impl TryFrom<String> for CellKey {
    type Error = NoCellKey;

    fn try_from(key: String) -> Result<Self, NoCellKey> {
        match is_file_name(&key) {
            true => Ok(Self(key.into())),
            false => Err(NoCellKey(key)),
        }
    }
}

impl Serialize for CellKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl fmt::Display for CellKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_would_lead_out_of_its_folder_is_refused_wherever_it_is_read() {
        for key in [
            "", ".", "..", "../x", "a/b", "a\\b", ".hidden", "a\0b", "C:x", "a b", "é",
        ] {
            let json = serde_json::Value::from(key);
            let refused = serde_json::from_value::<CellKey>(json).unwrap_err();
            assert!(refused.to_string().ends_with("cannot be the key of a cell"));
        }
        let longest = "x".repeat(300);
        assert!(
            CellKey::try_from(longest).is_err(),
            "no file may be called so"
        );
        let key: CellKey = serde_json::from_str("\"winter-g7.0-0123456789ab\"").unwrap();
        assert_eq!(
            serde_json::to_string(&key).unwrap(),
            "\"winter-g7.0-0123456789ab\""
        );
    }

    #[test]
    fn keys_are_of_the_same_cell_if_their_hashes_are() {
        let hash = "0123456789ab";
        for key in [
            CellKey::new("", hash),
            CellKey::new("s1-g7.0", hash),
            CellKey::new("s1", hash).next().next(),
        ] {
            assert_eq!(key.hash(), hash, "{key}");
        }
        assert_ne!(CellKey::new("s1", "0123456789ac").hash(), hash);
    }
}
