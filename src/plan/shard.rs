//! A part of a plan's cells, for machines that work side by side.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::str::FromStr;

use super::Plan;
use crate::vocabulary::CellKey;

/// The `k`th of `n` parts: every nth cell, together with the cells that have the same pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// From 0.
    index: usize,
    count: NonZeroUsize,
}

/// Why text is no shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("give k/n, with k from 1 to n, e.g. 1/4")]
pub struct ParseShardError;

impl Shard {
    /// All cells.
    pub const WHOLE: Self = Self {
        index: 0,
        count: NonZeroUsize::MIN,
    };

    /// The cells of this part, as indices into [`Plan::cells`], in order.
    pub fn cells(self, plan: &Plan) -> Vec<usize> {
        let keys = plan.cells.iter().enumerate();
        let index_of: HashMap<&CellKey, usize> =
            keys.map(|(index, cell)| (&cell.key, index)).collect();
        let source = |index: usize| {
            let of = plan.cells[index].same_as.as_ref();
            of.and_then(|key| index_of.get(key))
                .copied()
                .unwrap_or(index)
        };
        let is_here = |index: &usize| source(*index) % self.count == self.index;
        (0..plan.cells.len()).filter(is_here).collect()
    }
}

impl FromStr for Shard {
    type Err = ParseShardError;

    fn from_str(text: &str) -> Result<Self, ParseShardError> {
        let (k, n) = text.split_once('/').ok_or(ParseShardError)?;
        let k: usize = k.parse().map_err(|_| ParseShardError)?;
        let count: NonZeroUsize = n.parse().map_err(|_| ParseShardError)?;
        match k {
            0 => Err(ParseShardError),
            k if k > count.get() => Err(ParseShardError),
            k => Ok(Self {
                index: k - 1,
                count,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_k_of_n() {
        assert_eq!("1/1".parse(), Ok(Shard::WHOLE));
        assert!("4/4".parse::<Shard>().is_ok());
        for wrong in ["", "1", "0/4", "5/4", "1/0", "-1/4", "1/4/2", "a/b"] {
            assert_eq!(wrong.parse::<Shard>(), Err(ParseShardError), "{wrong}");
        }
    }
}
