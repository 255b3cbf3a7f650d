//! The records of a run: for each cell the one that counts, and which environment it was made in.

use std::collections::HashMap;
use std::ops::Index;
use std::sync::Arc;

use crate::plan::{Cell, Plan};
use crate::vocabulary::{CellKey, Record, Status};

/// The record of each cell that has one. Copies share the records, of which there may be a million.
#[derive(Debug, Clone, Default)]
pub struct Records {
    kept: HashMap<CellKey, Kept>,
}

#[derive(Debug, Clone)]
struct Kept {
    record: Arc<Record>,
    /// The index of its environment, if that is not the run's latest.
    made_in: Option<u32>,
}

impl Records {
    /// The record of a cell.
    pub fn get(&self, cell: &CellKey) -> Option<&Record> {
        self.kept.get(cell).map(|kept| &*kept.record)
    }

    /// The record of a cell, to be changed.
    pub fn get_mut(&mut self, cell: &CellKey) -> Option<&mut Record> {
        let kept = self.kept.get_mut(cell)?;
        Some(Arc::make_mut(&mut kept.record))
    }

    /// Keeps a record, made in the run's latest environment, under a cell's key; returns the earlier one.
    pub fn insert(&mut self, cell: CellKey, record: Record) -> Option<Arc<Record>> {
        self.put(cell, Arc::new(record), None)
    }

    /// Removes the record of a cell.
    pub fn remove(&mut self, cell: &CellKey) -> Option<Arc<Record>> {
        self.kept.remove(cell).map(|kept| kept.record)
    }

    /// The number of cells with a record.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether no cell has a record.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// The cells with a record, in no order.
    pub fn keys(&self) -> impl Iterator<Item = &CellKey> {
        self.kept.keys()
    }

    /// All records, in no order.
    pub fn values(&self) -> impl Iterator<Item = &Record> {
        self.kept.values().map(|kept| &*kept.record)
    }

    /// All records, to be changed; in no order.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut Record> {
        let kept = self.kept.values_mut();
        kept.map(|kept| Arc::make_mut(&mut kept.record))
    }

    /// Cells of a plan without an image, including failed ones, as indices into [`Plan::cells`], in order.
    pub fn pending(&self, plan: &Plan) -> Vec<usize> {
        let is_done = |cell: &Cell| {
            let record = self.get(&cell.key);
            record.is_some_and(|record| record.status == Status::Done)
        };
        (0..plan.cells.len())
            .filter(|&cell| !is_done(&plan.cells[cell]))
            .collect()
    }

    /// The record of a cell, to be kept elsewhere too.
    pub fn shared(&self, cell: &CellKey) -> Option<&Arc<Record>> {
        self.kept.get(cell).map(|kept| &kept.record)
    }

    /// Keeps a record with the index of its environment, unless that is the latest; returns the earlier one.
    pub(super) fn put(
        &mut self,
        cell: CellKey,
        record: Arc<Record>,
        made_in: Option<u32>,
    ) -> Option<Arc<Record>> {
        let kept = Kept { record, made_in };
        self.kept.insert(cell, kept).map(|kept| kept.record)
    }

    /// Lets go of the records that others have too, and has theirs instead.
    pub(super) fn share(&mut self, others: &Self) {
        for (cell, kept) in &mut self.kept {
            if let Some(other) = others.shared(cell).filter(|other| **other == kept.record) {
                kept.record = Arc::clone(other);
            }
        }
    }

    /// Makes room for so many more.
    pub(super) fn reserve(&mut self, more: usize) {
        self.kept.reserve(more);
    }

    /// The index of the environment that a cell was made in; `None` if that is the latest, or the cell has no record.
    pub(super) fn made_in(&self, cell: &CellKey) -> Option<u32> {
        self.kept.get(cell)?.made_in
    }

    /// Changes the indices of the environments.
    pub(super) fn move_environments(&mut self, moved: impl Fn(Option<u32>) -> Option<u32>) {
        for kept in self.kept.values_mut() {
            kept.made_in = moved(kept.made_in);
        }
    }
}

impl Index<&CellKey> for Records {
    type Output = Record;

    /// # Panics
    /// If the cell has no record.
    fn index(&self, cell: &CellKey) -> &Record {
        &self.kept[cell].record
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_that_others_have_too_are_in_memory_once() {
        let record = |name: &str| Record::new(CellKey::new(name, "0123456789ab"), "cpu", "fp32");
        let mut theirs = Records::default();
        let mut own = Records::default();
        for name in ["same", "other", "own"] {
            own.insert(record(name).cell, record(name));
        }
        theirs.insert(record("same").cell, record("same"));
        let failed = Record {
            status: Status::Failed,
            ..record("other")
        };
        theirs.insert(failed.cell.clone(), failed);
        let before = own.clone();
        own.share(&theirs);
        let shares = |with: &Records, name: &str| {
            let key = record(name).cell;
            let (Some(one), Some(other)) = (own.shared(&key), with.shared(&key)) else {
                return false;
            };
            Arc::ptr_eq(one, other)
        };
        assert!(shares(&theirs, "same") && !shares(&before, "same"));
        assert!(shares(&before, "other") && shares(&before, "own"));
    }
}
