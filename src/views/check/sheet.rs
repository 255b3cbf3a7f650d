//! The cells that do not pass as pictures: expected, actual, and where they differ, worst first.

use image::RgbImage;

use crate::drawing::{Format, encode};
use crate::image::read;
use crate::judge::difference::{difference, heat_map};
use crate::judge::{CellCheck, Check, Excess};
use crate::views::pairs::{Described, Head, PairSheets, Pairs, Side};

/// Longest side of a picture in pixels.
const SIDE: u32 = 320;

/// The first sheet as a PNG; none if every cell passes. The page shows all.
pub(super) fn sheet(check: &Check) -> Option<Vec<u8>> {
    let cells = check.failing();
    if cells.is_empty() {
        return None;
    }
    let described: Vec<Described> = cells.iter().map(|cell| describe(cell)).collect();
    let head = Head {
        title: format!("check of {}", check.name),
        texts: vec![check.counts_text()],
        captions: ["expected", "actual", "where they differ"],
    };
    let sheets = PairSheets::new(&head, &described, SIDE, None);
    let sheet = sheets.draw(0, &OfCells(&cells));
    let parameters = serde_json::json!({ "check": check.name }).to_string();
    encode(&sheet, Format::Png, &parameters).ok()
}

fn describe(cell: &CellCheck) -> Described {
    let mut detail: Vec<String> = cell.excesses.iter().map(Excess::beside_limit).collect();
    detail.push(cell.explanation());
    detail.retain(|part| !part.is_empty());
    let image = cell.actual.as_ref().or(cell.expected.as_ref());
    let size = image.and_then(|path| image::image_dimensions(path).ok());
    Described {
        label: format!("{}: {}", cell.verdict, cell.name),
        detail: detail.join("; "),
        size: size.unwrap_or((1, 1)),
    }
}

struct OfCells<'a>(&'a [&'a CellCheck]);

impl Pairs for OfCells<'_> {
    fn picture(&self, pair: usize, side: Side) -> Option<RgbImage> {
        let cell = self.0[pair];
        let expected = || Some(read(cell.expected.as_ref()?).ok()?.0);
        let actual = || Some(read(cell.actual.as_ref()?).ok()?.0);
        match side {
            Side::A => expected(),
            Side::B => actual(),
            Side::Difference => {
                let (_, map) = difference(&expected()?, &actual()?).ok()?;
                Some(heat_map(&map))
            }
        }
    }
}
