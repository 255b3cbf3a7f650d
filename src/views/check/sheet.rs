//! A sheet of the cells that do not pass: expected, actual and difference, worst first.

use image::RgbImage;

use super::pictures::{Pictures, scale};
use crate::drawing::{Format, encode};
use crate::judge::{CellCheck, Check, Excess};
use crate::views::difference::Scale;
use crate::views::pairs::{Described, Head, PairSheets, Pairs, Side};

/// The longest side of a picture, in pixels.
const SIDE: u32 = 320;

/// The first page of the sheet as a PNG; `None` if every cell passes. The HTML page shows all cells.
pub(super) fn sheet(check: &Check) -> Option<Vec<u8>> {
    let cells = check.failing();
    if cells.is_empty() {
        return None;
    }
    let described: Vec<Described> = cells.iter().map(|cell| describe(cell)).collect();
    let scale = scale(&cells);
    let head = Head {
        title: format!("check of {}", check.name),
        texts: vec![
            check.counts_text(),
            format!("difference: {}", scale.legend()),
        ],
        captions: ["expected", "actual", "difference"],
    };
    let sheets = PairSheets::new(&head, &described, SIDE, None);
    let cells = OfCells {
        cells: &cells,
        scale,
    };
    let sheet = sheets.draw(0, &cells);
    let parameters = serde_json::json!({ "check": check.name }).to_string();
    encode(&sheet, Format::Png, None, &parameters).ok()
}

fn describe(cell: &CellCheck) -> Described {
    let mut detail: Vec<String> = cell.excesses.iter().map(Excess::in_brief).collect();
    detail.push(cell.explanation());
    detail.retain(|part| !part.is_empty());
    let image = cell.actual.as_ref().or(cell.expected.as_ref());
    let size = image.and_then(|path| image::image_dimensions(path).ok());
    Described {
        label: format!("{}: {}", cell.verdict, cell.label),
        detail: detail.join(", "),
        size: size.unwrap_or((1, 1)),
    }
}

struct OfCells<'a> {
    cells: &'a [&'a CellCheck],
    scale: Scale,
}

impl Pairs for OfCells<'_> {
    fn picture(&self, pair: usize, side: Side) -> Option<RgbImage> {
        let Pictures { expected, actual } = Pictures::of(self.cells[pair]);
        match side {
            Side::A => expected,
            Side::B => actual,
            Side::Difference => self.scale.picture(&expected?, &actual?),
        }
    }
}
