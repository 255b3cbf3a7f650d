//! `check/index.html`: a page for reviewing a check, in a single file with the images inside.

use image::RgbImage;
use minijinja::{Value, context};

use super::pictures::{Pictures, scale};
use crate::judge::{CellCheck, Check, Excess, Limits};
use crate::views::difference::Scale;
use crate::views::{inline, page};

const TEMPLATE: &str = include_str!("assets/check.html");
const STYLE: &str = include_str!("assets/check.css");
const SCRIPT: &str = include_str!("assets/check.js");

/// The most bytes of images in the page; for the remaining cells it names the files instead.
const MOST_BYTES: usize = 64 << 20;

/// The page; `accept` is the command that accepts everything, to which keys of cells can be appended. All text from a
/// run is escaped, and only the page's own script can run.
pub(super) fn page(check: &Check, accept: &str) -> Result<String, minijinja::Error> {
    let failing = check.failing();
    let scale = scale(&failing);
    let mut bytes = 0;
    let mut cells: Vec<Value> = Vec::new();
    for cell in &failing {
        cells.push(described(cell, check, accept, scale, &mut bytes));
    }
    let values = context! {
        name => &check.name,
        counts => check.counts().iter().map(|(verdict, count)| (verdict.name(), *count)).collect::<Vec<_>>(),
        passing => check.cells.len() - failing.len(),
        causes => check.cause_lines(),
        legend => scale.legend(),
        accept,
        cells,
        style => Value::from_safe_string(STYLE.to_owned()),
        script => Value::from_safe_string(SCRIPT.to_owned()),
        style_hash => inline::digest(STYLE),
        script_hash => inline::digest(SCRIPT),
    };
    page::render(TEMPLATE, values)
}

fn described(
    cell: &CellCheck,
    check: &Check,
    accept: &str,
    scale: Scale,
    bytes: &mut usize,
) -> Value {
    let pictures = Pictures::of(cell);
    let difference = pictures
        .expected
        .as_ref()
        .zip(pictures.actual.as_ref())
        .and_then(|(expected, actual)| scale.picture(expected, actual));
    let mut url = |image: Option<&RgbImage>| {
        let url = inline::webp(image?).filter(|url| *bytes + url.len() <= MOST_BYTES)?;
        *bytes += url.len();
        Some(Value::from_safe_string(url))
    };
    let path =
        |path: &Option<std::path::PathBuf>| path.as_ref().map(|path| path.display().to_string());
    context! {
        key => &cell.name,
        label => &cell.label,
        verdict => cell.verdict.name(),
        explanation => cell.explanation(),
        bars => bars(cell, check),
        expected => url(pictures.expected.as_ref()),
        actual => url(pictures.actual.as_ref()),
        difference => url(difference.as_ref()),
        expected_path => path(&cell.expected),
        actual_path => path(&cell.actual),
        accept => cell.actual.as_ref().map(|_| format!("{accept} --cell {}", cell.name)),
    }
}

/// A bar for each measure, with the limit in the middle: name, value, limit, and the share of the bar that is filled.
fn bars(cell: &CellCheck, check: &Check) -> Vec<Value> {
    let Some(difference) = &cell.difference else {
        return Vec::new();
    };
    let limits = cell
        .limits
        .unwrap_or_else(|| Limits::same_class(&check.spec));
    let measures = limits.measures(difference);
    let bars = measures.into_iter().map(|measure| {
        let beyond = cell
            .excesses
            .iter()
            .find(|excess| excess.measure == measure.measure);
        let shown: &Excess = beyond.unwrap_or(&measure);
        context! {
            name => shown.measure,
            value => format!("{:.4}", shown.measured),
            limit => format!("{:.4}", shown.limit),
            times => format!("{:.1}", shown.ratio()),
            share => (50.0 * shown.ratio()).clamp(0.0, 100.0).round(),
            is_beyond => beyond.is_some(),
        }
    });
    bars.collect()
}
