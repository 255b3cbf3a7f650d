//! A page with a slider over every pair. It needs no network or server, only its own folder.

use std::path::{Path, PathBuf};

use minijinja::{Value, context};

use super::pictures;
use super::{CompareError, Comparison, Pair};
use crate::store;
use crate::views::page;
use crate::views::pairs::Side;

const TEMPLATE: &str = include_str!("assets/compare.html");
const STYLE: &str = include_str!("assets/compare.css");
const SCRIPT: &str = include_str!("assets/compare.js");

/// Writes `index.html`, `style.css` and `compare.js`; returns the page.
pub(super) fn write(comparison: &Comparison, out: &Path) -> Result<PathBuf, CompareError> {
    store::write_file(&out.join("style.css"), STYLE.as_bytes())?;
    store::write_file(&out.join("compare.js"), SCRIPT.as_bytes())?;
    let index = out.join("index.html");
    store::write_file(&index, render(comparison)?.as_bytes())?;
    Ok(index)
}

/// `index.html`; all text from a run is escaped.
pub(super) fn render(comparison: &Comparison) -> Result<String, CompareError> {
    let settings = comparison.settings.iter().map(|setting| {
        let [a, b] = setting.values.clone();
        (setting.name, a, b)
    });
    let values = context! {
        a => &comparison.names[0],
        b => &comparison.names[1],
        legend => comparison.scale.legend(),
        settings => settings.collect::<Vec<_>>(),
        pairs => comparison.pairs.iter().map(pair).collect::<Vec<_>>(),
        alone_a => &comparison.alone[0],
        alone_b => &comparison.alone[1],
        ambiguous => &comparison.ambiguous,
    };
    Ok(page::render(TEMPLATE, values)?)
}

fn pair(pair: &Pair) -> Value {
    let decimals =
        |value: Option<f64>, digits: usize| value.map(|value| format!("{value:.digits$}"));
    let difference = pair.difference.as_ref().ok();
    context! {
        label => &pair.label,
        a => pictures::path(pair, Side::A),
        b => pictures::path(pair, Side::B),
        difference => pictures::path(pair, Side::Difference),
        error => pair.difference.as_ref().err(),
        equal => difference.is_some_and(|difference| difference.is_none()),
        perceptual => decimals(difference.map(|it| it.perceptual_mean), 2),
        ssim => decimals(difference.map(|it| it.ssim), 4),
        // The number that the page sorts by.
        amount => difference.map_or(-1.0, |it| it.perceptual_mean),
        time => decimals(pair.time_ratio(), 2),
        memory => decimals(pair.memory_ratio(), 2),
        clip_image => pair.clip_image_similarity.map(|value| decimals(value, 3)),
        clip_direction => pair.clip_direction_similarity.map(|value| decimals(value, 3)),
        denoise_a => decimals(pair.denoise_ms[0], 0),
        denoise_b => decimals(pair.denoise_ms[1], 0),
        peak_a => decimals(pair.peak_mib[0], 0),
        peak_b => decimals(pair.peak_mib[1], 0),
    }
}
