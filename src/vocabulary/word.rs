//! Text that many values share: of a million cells each has the name of its model, and there are a few names.

use std::borrow::Borrow;
use std::cell::RefCell;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// How many different words a thread remembers: those of the parameters and of the records' fields, several of each.
const REMEMBERED: usize = 32;

thread_local! {
    /// The words made last, the latest at the end.
    static RECENT: RefCell<Vec<Word>> = const { RefCell::new(Vec::new()) };
}

/// A text that is never changed. Equal words that are made or read one after another share their memory.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Word(Arc<str>);

impl Word {
    /// The word as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A word among those made last, or a new one.
    fn shared(text: &str) -> Self {
        RECENT.with_borrow_mut(|recent| {
            let known = recent.iter().rposition(|word| word.as_str() == text);
            if let Some(place) = known {
                return recent[place].clone();
            }
            if recent.len() == REMEMBERED {
                recent.remove(0);
            }
            let word = Self(text.into());
            recent.push(word.clone());
            word
        })
    }
}

impl Default for Word {
    fn default() -> Self {
        Self::shared("")
    }
}

impl Deref for Word {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Word {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Word {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Word {
    fn from(text: &str) -> Self {
        Self::shared(text)
    }
}

impl From<String> for Word {
    fn from(text: String) -> Self {
        Self::shared(&text)
    }
}

impl From<Word> for String {
    fn from(word: Word) -> Self {
        word.as_str().to_owned()
    }
}

impl PartialEq<str> for Word {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Word {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl PartialEq<String> for Word {
    fn eq(&self, other: &String) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<Word> for String {
    fn eq(&self, other: &Word) -> bool {
        self == other.as_str()
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl Serialize for Word {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Reader)
    }
}

struct Reader;

impl de::Visitor<'_> for Reader {
    type Value = Word;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Word, E> {
        Ok(Word::shared(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_words_share_their_memory_and_differ_from_others() {
        let read: Vec<Word> = serde_json::from_str(r#"["cpu", "fp32", "cpu"]"#).unwrap();
        assert!(Arc::ptr_eq(&read[0].0, &read[2].0));
        assert_eq!(read[1], "fp32");
        let many: Vec<Word> = (0..3 * REMEMBERED)
            .map(|number| Word::from(number.to_string()))
            .collect();
        assert_eq!(many[REMEMBERED], REMEMBERED.to_string());
        assert_eq!(Word::from("cpu"), read[0], "forgotten, but equal");
        assert_eq!(
            serde_json::to_string(&read).unwrap(),
            r#"["cpu","fp32","cpu"]"#
        );
    }
}
