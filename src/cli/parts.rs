//! `ip2p plan --shards N`: what each part of a sweep will do.

use std::num::NonZeroUsize;

use ip2p_sweep::runner::{PartForecast, PartWork, Prepared, part_forecasts};

use super::events::{self, Event, Part};
use super::words::count;
use super::{output, render, table};

/// The most parts that are printed.
const MOST_PARTS: usize = 40;

/// Prints a table of the parts, and what is computed more than once.
pub fn print(prepared: &Prepared, parts: NonZeroUsize) {
    let forecasts = part_forecasts(prepared, parts);
    if events::are_wanted() {
        for (index, part) in forecasts.iter().enumerate() {
            events::emit(Event::Part(as_event(index, forecasts.len(), part)));
        }
        return;
    }
    let head = [
        "shard",
        "cells",
        "UNet rows",
        "models",
        "texts",
        "images",
        "load",
    ];
    let shown = forecasts.iter().take(MOST_PARTS).enumerate();
    let rows = shown.map(|(index, part)| row(format!("{}/{parts}", index + 1), part));
    let rows: Vec<Vec<String>> = std::iter::once(head.map(str::to_owned).to_vec())
        .chain(rows)
        .collect();
    output::print(&format!("\n{}", table::align_numbers(&rows)));
    let more = forecasts.len().saturating_sub(MOST_PARTS);
    if more > 0 {
        render::line(format_args!("and {}", count(more, "more shard")));
    }
    let loads = forecasts.iter().map(|part| part.load);
    let most = loads.fold(0.0, f64::max);
    render::line(format_args!("largest   {most:.2} of the mean"));
    let repeated = PartWork::repeated(prepared, &forecasts);
    render::line(format_args!("repeated  {}", repeated_words(repeated)));
}

/// The part as an event.
fn as_event(index: usize, of: usize, part: &PartForecast) -> Part {
    let PartForecast { cells, work, load } = *part;
    Part {
        shard: format!("{}/{of}", index + 1),
        cells,
        unet_rows: work.rows,
        models: work.models,
        texts: work.texts,
        images: work.images,
        load,
    }
}

fn row(name: String, part: &PartForecast) -> Vec<String> {
    let PartForecast { cells, work, load } = *part;
    let PartWork {
        rows,
        models,
        texts,
        images,
    } = work;
    vec![
        name,
        cells.to_string(),
        rows.to_string(),
        models.to_string(),
        texts.to_string(),
        images.to_string(),
        format!("{load:.2}"),
    ]
}

fn repeated_words(work: PartWork) -> String {
    let PartWork {
        rows,
        models,
        texts,
        images,
    } = work;
    let words = [
        (rows as usize, "UNet row"),
        (models, "model"),
        (texts, "text"),
        (images, "image"),
    ];
    let words = words.into_iter().filter(|(number, _)| *number > 0);
    let words: Vec<String> = words.map(|(number, what)| count(number, what)).collect();
    match words.is_empty() {
        true => "nothing".to_owned(),
        false => format!("{}, which several shards need", words.join(", ")),
    }
}
