//! Lays out pages: the position of everything on every sheet, as a pure function of a plan and options.

use std::collections::{BTreeSet, HashSet};

use super::SheetError;
use super::axes::ImagePlace;
use super::block::Block;
use super::draw::{SheetItems, Shown};
use super::grid::{Grid, PROPORTIONS};
use super::head::Head;
use super::metrics::{LONGEST_SIDE, MOST_PIXELS, Metrics};
use super::options::SheetOptions;
use super::strip::{INPUT, input_width};
use crate::drawing::{Ink, OtherFont, Rect, slug};
use crate::plan::Plan;

/// The legend of the outline.
const ADVISED: &str = "advised: keeps the image and follows the instruction best, by CLIP";

/// One sheet, laid out.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<'f> {
    /// File name without folder and extension.
    pub stem: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// The items on it.
    pub items: SheetItems<'f>,
}

/// All sheets of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout<'f> {
    /// The pages, in the order of the panels.
    pub pages: Vec<Page<'f>>,
    /// The sizes used.
    pub metrics: Metrics<'f>,
    /// Notes for the user.
    pub notes: Vec<String>,
}

/// The expected size of a sheet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SheetSize {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Approximate size of the PNG, in bytes.
    pub bytes: f64,
}

/// The size of each sheet that a run of this plan will have; `advised` says whether cells may be outlined.
///
/// # Errors
/// If the font named for the sheets cannot be used.
pub fn sizes(plan: &Plan, advised: bool) -> Result<Vec<SheetSize>, SheetError> {
    let options = SheetOptions {
        advised: advised.then(HashSet::new),
        ..SheetOptions::default()
    };
    let other = options.font(plan)?;
    let pages = layout(plan, &options, other.as_ref()).pages;
    let sizes = pages.iter().map(|page| SheetSize {
        width: page.width,
        height: page.height,
        bytes: bytes_of(page, plan),
    });
    Ok(sizes.collect())
}

/// Photographs take about 1.7 bytes a pixel as PNG; enlarging them adds little, and empty space almost nothing.
fn bytes_of(page: &Page, plan: &Plan) -> f64 {
    const OF_A_PIXEL: f64 = 1.7;
    const ENLARGED: f64 = 1.5;
    const OF_PAPER: f64 = 0.02;
    let area = |width: u32, height: u32| f64::from(width) * f64::from(height);
    let pictures = page.items.pictures.iter().map(|&(place, shown)| {
        let (Shown::Cell(index) | Shown::Input(index)) = shown;
        let cell = &plan.cells[index];
        let place = place.fitted(cell.width, cell.height);
        area(place.width, place.height).min(ENLARGED * area(cell.width, cell.height))
    });
    OF_A_PIXEL * pictures.sum::<f64>() + OF_PAPER * area(page.width, page.height)
}

/// Lays out all sheets.
pub fn layout<'f>(plan: &Plan, options: &SheetOptions, other: Option<&'f OtherFont>) -> Layout<'f> {
    let grid = Grid::new(plan, options, other);
    let mut glyphs = grid.glyphs.clone();
    let title = glyphs.showable(&plan.name);
    let press = Paginator {
        grid: &grid,
        title: &title,
        outline: options.advised.as_ref().map(|_| ADVISED),
        stem: options.stem(),
    };
    let blocks: Vec<Block> = grid
        .panels
        .iter()
        .flat_map(|panel| Block::of_panel(&grid, panel, &|block: &Block| press.fits_alone(block)))
        .collect();
    let shares = press.shares(&blocks);
    let of = shares.len();
    let pages = shares
        .into_iter()
        .enumerate()
        .map(|(index, (share, across))| press.page(share, across, index + 1, of))
        .collect();
    Layout {
        pages,
        metrics: grid.metrics,
        notes: glyphs.notes(),
    }
}

/// See [`super::strip::Strip::labelled`].
type Labelled = BTreeSet<(bool, usize, usize)>;

fn labelled(blocks: &[Block]) -> Labelled {
    blocks.iter().flat_map(Block::labelled).collect()
}

/// Distributes blocks over pages.
struct Paginator<'a, 'f> {
    grid: &'a Grid<'f>,
    title: &'a str,
    outline: Option<&'static str>,
    stem: String,
}

impl<'a, 'f> Paginator<'a, 'f> {
    fn head<'h>(&'h self, labelled: &'h Labelled, page: String) -> Head<'h, 'f> {
        Head {
            grid: self.grid,
            title: self.title,
            page,
            labelled,
            outline: self.outline,
        }
    }

    /// Whether a block fits on a page of its own.
    fn fits_alone(&self, block: &Block<'a, 'f>) -> bool {
        let (width, height) = block.size();
        if width > LONGEST_SIDE || height > LONGEST_SIDE {
            return false;
        }
        let Some(labels) = self.explained([block]) else {
            return false;
        };
        let (page_width, head) = self.width_and_head(self.beside() + width, &labels);
        fits(page_width, u64::from(head) + u64::from(height))
    }

    /// The page width for a body of this width, and the height of the head and the margins.
    fn width_and_head(&self, body: u32, labelled: &Labelled) -> (u32, u32) {
        let m = &self.grid.metrics;
        let width = body.max(self.least_width());
        let (_, head) = self.head(labelled, page_name(1000, 1000)).place(width);
        (width + 2 * m.margin, head + 2 * m.margin)
    }

    /// Width of the input that all panels share, with the space to its right; 0 if there is none.
    fn beside(&self) -> u32 {
        let size = self.grid.panels.first().map(|panel| panel.size);
        match (self.grid.inputs, size) {
            (Some(ImagePlace::Page), Some(size)) => {
                let metrics = self.grid.metrics.boxed(size);
                input_width(&metrics) + metrics.panel_gap
            }
            _ => 0,
        }
    }

    /// The least width of a page: on narrower ones the settings would be broken into scraps.
    fn least_width(&self) -> u32 {
        (self.grid.metrics.label.em * 28.0) as u32
    }

    /// The blocks of each page, and how many of them stand side by side.
    fn shares<'b>(&self, blocks: &'b [Block<'a, 'f>]) -> Vec<(&'b [Block<'a, 'f>], usize)> {
        let slot = slot(blocks);
        let run = same_outer_run(blocks);
        let all = self.explained(blocks);
        let across = |count| match &all {
            Some(labels) => self.across(count, slot, run, labels),
            // No page has a legend for all of them.
            None => self.across(count, slot, run, &self.most_explained(blocks, count)?),
        };
        let room = MOST_PIXELS / (u64::from(slot.0) * u64::from(slot.1));
        let mut most = blocks.len().min(usize::try_from(room).unwrap_or(1).max(1));
        while most > 1 && across(most).is_none() {
            most = (most * 9 / 10).min(most - 1);
        }
        if run > 0 && most > run && most < blocks.len() {
            most -= most % run;
        }
        let pages = blocks.len().div_ceil(most.max(1)).max(1);
        let share = match run > 0 && most >= run {
            true => most,
            false => blocks.len().div_ceil(pages),
        };
        let shares = blocks.chunks(share.max(1));
        shares
            .map(|share| (share, across(share.len()).unwrap_or(1)))
            .collect()
    }

    /// The labels of blocks that have marks, which the legend of their page explains; `None` if these are more than fit
    /// on a page.
    fn explained<'b>(&self, blocks: impl IntoIterator<Item = &'b Block<'a, 'f>>) -> Option<Labelled>
    where
        'a: 'b,
        'f: 'b,
    {
        let (rows, columns) = (&self.grid.row_labels, &self.grid.column_labels);
        let has_marks = |&(is_column, level, _): &(bool, usize, usize)| {
            let levels = if is_column { columns } else { rows };
            levels[level].marks.is_some()
        };
        let most = (LONGEST_SIDE / self.grid.metrics.small.line()) as usize;
        let mut labels = Labelled::new();
        for block in blocks {
            labels.extend(block.labelled().into_iter().filter(has_marks));
            if labels.len() > most {
                return None;
            }
        }
        Some(labels)
    }

    /// The longest of the pages' legends, with this many blocks on a page; `None` if one does not fit.
    fn most_explained(&self, blocks: &[Block<'a, 'f>], count: usize) -> Option<Labelled> {
        let mut most = Labelled::new();
        for page in blocks.chunks(count.max(1)) {
            let labels = self.explained(page)?;
            if labels.len() > most.len() {
                most = labels;
            }
        }
        Some(most)
    }

    /// How many blocks stand side by side, if they fit on one page: close to the preferred proportions, with few empty
    /// places.
    fn across(
        &self,
        count: usize,
        (width, height): (u32, u32),
        run: usize,
        labelled: &Labelled,
    ) -> Option<usize> {
        let gap = self.grid.metrics.panel_gap;
        let ideal = (PROPORTIONS * count as f64 * f64::from(height) / f64::from(width.max(1)))
            .sqrt() as usize;
        let mut candidates: BTreeSet<usize> = (ideal.saturating_sub(3)..=ideal + 3).collect();
        candidates.extend([run, count]);
        let scored = candidates
            .into_iter()
            .filter(|&across| (1..=count).contains(&across))
            .filter_map(|across| {
                let down = rows(count, run, across).len();
                let total = |side: u32, number: usize| {
                    u64::from(side + gap) * number as u64 - u64::from(gap)
                };
                let body = u32::try_from(total(width, across) + u64::from(self.beside()))
                    .ok()
                    .filter(|&body| body <= LONGEST_SIDE)?;
                let (page_width, head) = self.width_and_head(body, labelled);
                let page_height = u64::from(head) + total(height, down);
                let empty = (across * down - count) as f64 / count as f64;
                let skew = (f64::from(page_width) / page_height as f64 / PROPORTIONS)
                    .ln()
                    .abs();
                let order = match across {
                    _ if run == 0 => 0.0,
                    _ if across == run => -0.3,
                    // Rows would begin with any of the blocks of an outer value.
                    _ if across > run && down > 1 && !across.is_multiple_of(run) => 0.3,
                    _ => 0.0,
                };
                fits(page_width, page_height).then_some((across, skew + empty + order))
            });
        scored
            .min_by(|a, b| a.1.total_cmp(&b.1))
            .map(|(across, _)| across)
    }

    fn page(&self, blocks: &[Block<'_, 'f>], across: usize, number: usize, of: usize) -> Page<'f> {
        let m = &self.grid.metrics;
        let across = across.max(1);
        let mut left = blocks;
        let rows = rows(blocks.len(), same_outer_run(blocks), across).into_iter();
        let rows: Vec<&[Block]> = rows.filter_map(|count| left.split_off(..count)).collect();
        let in_column = |column| rows.iter().filter_map(move |row| row.get(column));
        let widths: Vec<u32> = (0..across)
            .map(|column| in_column(column).map(|block: &Block| block.body().0).max())
            .map(Option::unwrap_or_default)
            .collect();
        let body = widths.iter().sum::<u32>() + m.panel_gap * (across as u32 - 1);
        let width = (self.beside() + body).max(self.least_width());
        let labelled = labelled(blocks);
        let (head, head_height) = self.head(&labelled, page_name(number, of)).place(width);
        let mut items = SheetItems::default();
        items.append(head, m.margin, m.margin);
        let mut y = m.margin + head_height;
        if self.beside() > 0 {
            items.append(shared_input(blocks), m.margin, y);
        }
        for row in rows {
            let title_height = title_height(row);
            let mut x = m.margin + self.beside();
            for (block, width) in row.iter().zip(&widths) {
                items.append(block.items(title_height), x, y);
                x += width + m.panel_gap;
            }
            y += slot(row).1 + m.panel_gap;
        }
        Page {
            stem: stem(&self.stem, blocks, number, of),
            width: width + 2 * m.margin,
            height: y - m.panel_gap + m.margin,
            items,
        }
    }
}

/// How many blocks each row has, at most `across`. An outer value that is shared by more than that, `run` blocks, begins
/// a row of its own.
fn rows(count: usize, run: usize, across: usize) -> Vec<usize> {
    let together = match across < run {
        true => run,
        false => count,
    };
    let lengths = |count: usize, most: usize| {
        (0..count)
            .step_by(most.max(1))
            .map(move |start| most.min(count - start))
    };
    lengths(count, together)
        .flat_map(|count| lengths(count, across))
        .collect()
}

fn fits(width: u32, height: u64) -> bool {
    width <= LONGEST_SIDE
        && height <= u64::from(LONGEST_SIDE)
        && u64::from(width) * height <= MOST_PIXELS
}

/// Places the input that all panels share, level with the first row of cells.
fn shared_input<'f>(blocks: &[Block<'_, 'f>]) -> SheetItems<'f> {
    let mut items = SheetItems::default();
    let example = blocks
        .first()
        .and_then(|block| Some((block, block.example()?)));
    if let Some((block, (cell, m))) = example {
        let y = block.first_row(title_height(&blocks[..1]));
        let x = (input_width(&m) - m.name.width(INPUT)) / 2;
        let above = y.saturating_sub(m.name.line() + m.pad);
        items.text(x, above, INPUT, m.name, Ink::Muted);
        let place = Rect::new((input_width(&m) - m.width) / 2, y, m.width, m.height);
        items.pictures.push((place, Shown::Input(cell)));
    }
    items
}

/// The size that is large enough for each of the blocks.
fn slot(blocks: &[Block]) -> (u32, u32) {
    let bodies = blocks.iter().map(Block::body);
    let (width, height) = bodies.fold((1, 1), |(w, h), (width, height)| {
        (w.max(width), h.max(height))
    });
    (width, height + title_height(blocks))
}

fn title_height(blocks: &[Block]) -> u32 {
    blocks
        .iter()
        .map(Block::title_height)
        .max()
        .unwrap_or_default()
}

/// How many blocks share each value of the outermost of several panel levels; 0 if the number varies.
fn same_outer_run(blocks: &[Block]) -> usize {
    let first = blocks.first().and_then(Block::outer);
    let run = blocks
        .iter()
        .take_while(|block| block.outer().is_some() && block.outer() == first)
        .count();
    let is_regular = run > 0
        && blocks
            .chunks(run)
            .all(|chunk| chunk.len() == run && chunk.iter().all(|b| b.outer() == chunk[0].outer()));
    if is_regular { run } else { 0 }
}

fn page_name(number: usize, of: usize) -> String {
    if of > 1 {
        format!("page {number} of {of}")
    } else {
        String::new()
    }
}

/// `sheet`, or a name like `sheet-02-make-it-night` if there are several pages.
fn stem(name: &str, blocks: &[Block], number: usize, of: usize) -> String {
    let digits = of.to_string().len().max(2);
    match blocks {
        _ if of == 1 => name.to_owned(),
        [block] => {
            let values: Vec<&str> = block
                .title()
                .iter()
                .map(|(_, value)| value.as_str())
                .collect();
            let slug = slug(&values.join(" "));
            let separator = if slug.is_empty() { "" } else { "-" };
            format!("{name}-{number:0digits$}{separator}{slug}")
        }
        _ => format!("{name}-{number:0digits$}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outer_value_begins_a_row() {
        assert_eq!(rows(10, 5, 3), [3, 2, 3, 2]);
        assert_eq!(rows(10, 5, 5), [5, 5]);
        assert_eq!(rows(10, 5, 10), [10]);
        assert_eq!(rows(7, 0, 3), [3, 3, 1]);
        // A page with a part of one outer value.
        assert_eq!(rows(4, 5, 3), [3, 1]);
    }
}
