//! The pictures of a sheet, read from a run folder.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use super::options::SheetOptions;
use crate::drawing::{Caption, Items, Marks, Picture, Rect, Source};
use crate::plan::Cell;
use crate::store::Run;
use crate::vocabulary::Status;

/// The note about times that are not shown.
const TOO_SMALL_FOR_TIME: &str =
    "some cells are too small to show their time; use --cell with more pixels";

/// A picture on a sheet, identified by the index of a cell in the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shown {
    /// The cell's output.
    Cell(usize),
    /// The cell's input.
    Input(usize),
}

/// The items of a sheet, or of a part of it.
pub type SheetItems<'f> = Items<'f, Shown>;

/// The cells on a sheet, with their places.
pub fn cells<'a>(items: &'a SheetItems) -> impl Iterator<Item = (Rect, usize)> + 'a {
    items
        .pictures
        .iter()
        .filter_map(|&(place, shown)| match shown {
            Shown::Cell(index) => Some((place, index)),
            Shown::Input(_) => None,
        })
}

/// The inputs on a sheet, with their places, each as a cell that was made from it.
#[cfg(test)]
pub fn inputs<'a>(items: &'a SheetItems) -> impl Iterator<Item = (Rect, usize)> + 'a {
    items
        .pictures
        .iter()
        .filter_map(|&(place, shown)| match shown {
            Shown::Input(index) => Some((place, index)),
            Shown::Cell(_) => None,
        })
}

/// A source of pictures: a run.
pub struct RunPictures<'a> {
    /// The run.
    pub run: &'a Run,
    /// What is drawn on the cells.
    pub options: &'a SheetOptions,
    /// Files that could not be read.
    not_shown: Mutex<BTreeSet<String>>,
}

impl<'a> RunPictures<'a> {
    /// A source for this run.
    pub fn new(run: &'a Run, options: &'a SheetOptions) -> Self {
        Self {
            run,
            options,
            not_shown: Mutex::default(),
        }
    }

    fn not_shown(&self, file: String) {
        let mut files = (self.not_shown.lock()).unwrap_or_else(PoisonError::into_inner);
        files.insert(file);
    }

    /// Returns the files that could not be read since the last call.
    pub fn take_not_shown(&self) -> BTreeSet<String> {
        let mut files = (self.not_shown.lock()).unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *files)
    }

    fn of_cell(&self, cell: &Cell) -> Picture {
        let Some(record) = self.run.records.get(&cell.key) else {
            return Picture::Missing(None);
        };
        if record.status == Status::Failed {
            let reason = record.error.as_deref().unwrap_or("no reason was recorded");
            return Picture::Failed(reason.to_owned());
        }
        match self.run.image(&cell.key) {
            Ok(image) => Picture::Image(image),
            Err(bad) => {
                self.not_shown(bad.file);
                Picture::Failed("its image is missing or damaged".to_owned())
            }
        }
    }

    fn input_of(&self, cell: &Cell) -> Picture {
        let Some(input) = cell.fitted() else {
            return Picture::Missing(None);
        };
        self.run.inputs().read(input).map_or_else(
            |reason| {
                self.not_shown(reason.file.clone());
                Picture::Missing(Some(format!(
                    "input {} is not shown: {reason}; run the sweep again to have it made",
                    cell.parameters.image
                )))
            },
            Picture::Image,
        )
    }

    fn time_of(&self, cell: &Cell) -> Option<Caption> {
        let record = self.run.records.get(&cell.key)?;
        Some(Caption {
            text: seconds(record.times.total_ms()?),
            no_room: TOO_SMALL_FOR_TIME,
        })
    }
}

impl Source for RunPictures<'_> {
    type Key = Shown;

    fn picture(&self, key: Shown) -> Picture {
        match key {
            Shown::Cell(index) => self.of_cell(&self.run.plan.cells[index]),
            Shown::Input(index) => self.input_of(&self.run.plan.cells[index]),
        }
    }

    fn size(&self, key: Shown) -> (u32, u32) {
        let (Shown::Cell(index) | Shown::Input(index)) = key;
        let cell = &self.run.plan.cells[index];
        (cell.width, cell.height)
    }

    fn marks(&self, key: Shown) -> Marks {
        let Shown::Cell(index) = key else {
            return Marks::default();
        };
        let cell = &self.run.plan.cells[index];
        let advised = self.options.advised.as_ref();
        Marks {
            outlined: advised.is_some_and(|keys| keys.contains(&cell.key)),
            caption: match self.options.seconds {
                true => self.time_of(cell),
                false => None,
            },
        }
    }
}

/// For example 340 ms, 1.25 s, 12.5 s or 125 s.
fn seconds(ms: f64) -> String {
    match ms / 1000.0 {
        s if s < 0.9995 => format!("{ms:.0} ms"),
        s if s < 9.995 => format!("{s:.2} s"),
        s if s < 99.95 => format!("{s:.1} s"),
        s => format!("{s:.0} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_figures() {
        let shown = [340.4, 999.7, 1254.0, 12_540.0, 125_400.0].map(seconds);
        assert_eq!(shown, ["340 ms", "1.00 s", "1.25 s", "12.5 s", "125 s"]);
    }
}
