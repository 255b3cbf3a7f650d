//! A part of a plan's cells, for machines that work side by side.

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;

use super::{Cut, Plan};

/// Part `k` of `n` ([`Cut`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Shard {
    count: NonZeroUsize,
    /// Counted from 0.
    index: usize,
}

/// Text that does not name a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("give k/n, with k from 1 to n, e.g. 1/4; n is at most {}", Shard::MOST)]
pub struct ParseShardError;

impl Shard {
    /// The largest number of parts.
    pub const MOST: usize = 100_000;

    /// All cells in one part.
    pub const WHOLE: Self = Self {
        count: NonZeroUsize::MIN,
        index: 0,
    };

    /// The part with this index, from 0, of `count` parts; `None` if there is no such part.
    pub fn of(index: usize, count: usize) -> Option<Self> {
        let count = NonZeroUsize::new(count).filter(|count| count.get() <= Self::MOST)?;
        (index < count.get()).then_some(Self { count, index })
    }

    /// All parts, in order.
    pub fn all(count: NonZeroUsize) -> impl Iterator<Item = Self> {
        (0..count.get()).map(move |index| Self { count, index })
    }

    /// Which part it is, counted from 0.
    pub fn index(self) -> usize {
        self.index
    }

    /// The number of parts.
    pub fn count(self) -> NonZeroUsize {
        self.count
    }

    /// Whether it is the whole plan.
    pub fn is_whole(self) -> bool {
        self == Self::WHOLE
    }

    /// The cells of this part, as indices into [`Plan::cells`], in order.
    pub fn cells(self, plan: &Plan) -> Vec<usize> {
        match self.is_whole() {
            true => (0..plan.cells.len()).collect(),
            false => Cut::new(plan, self.count).cells(self.index),
        }
    }

    /// Its name in file names: `3-of-8`.
    pub fn file_stem(self) -> String {
        format!("{}-of-{}", self.index + 1, self.count)
    }

    /// The shard that a file name without its extension stands for.
    pub fn from_file_stem(stem: &str) -> Option<Self> {
        let shard: Self = stem.replacen("-of-", "/", 1).parse().ok()?;
        (shard.file_stem() == stem).then_some(shard)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index + 1, self.count)
    }
}

impl FromStr for Shard {
    type Err = ParseShardError;

    fn from_str(text: &str) -> Result<Self, ParseShardError> {
        let (k, n) = text.split_once('/').ok_or(ParseShardError)?;
        let k: usize = k.parse().map_err(|_| ParseShardError)?;
        let count: usize = n.parse().map_err(|_| ParseShardError)?;
        let index = k.checked_sub(1).ok_or(ParseShardError)?;
        Self::of(index, count).ok_or(ParseShardError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_k_of_n() {
        assert_eq!("1/1".parse(), Ok(Shard::WHOLE));
        assert_eq!("4/4".parse::<Shard>().unwrap().to_string(), "4/4");
        let wrong = [
            "", "1", "0/4", "5/4", "1/0", "-1/4", "1/4/2", "a/b", "1/100001",
        ];
        for wrong in wrong {
            assert_eq!(wrong.parse::<Shard>(), Err(ParseShardError), "{wrong}");
        }
    }

    #[test]
    fn a_shard_names_its_files_and_is_found_by_them() {
        let shard: Shard = "3/8".parse().unwrap();
        assert_eq!(shard.file_stem(), "3-of-8");
        assert_eq!(Shard::from_file_stem("3-of-8"), Some(shard));
        for other in [
            "3-of-2", "03-of-8", "+3-of-8", "3/8", "3-of-8.2", "", "a-of-b",
        ] {
            assert_eq!(Shard::from_file_stem(other), None, "{other}");
        }
    }
}
