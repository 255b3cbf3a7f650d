//! Sorts cells into panels, rows and columns, and makes their labels.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

use super::axes::{Arrangement, ImagePlace, Level};
use super::labels::{Labels, Side, shown};
use super::metrics::{LONGEST_SIDE, MOST_PIXELS, Metrics};
use super::options::SheetOptions;
use crate::drawing::{Glyphs, OtherFont, shape};
use crate::listing::listing;
use crate::plan::Plan;
use crate::vocabulary::{Parameter, shown_value};

/// In a sweep with one axis, columns beyond this number wrap into further strips.
const MOST_IN_A_STRIP: usize = 8;
/// On sheets with more cells than this, no image is enlarged: it would not look better, and the file would be huge.
const MOST_ENLARGED: usize = 400;
/// If a smaller share of the places is filled, chosen cells are shown in a row.
const SPARSE: f64 = 0.5;
/// Panels with at most this many chosen cells each are not worth their titles.
const A_FEW: usize = 2;

/// The preferred ratio of a page's width to its height.
pub const PROPORTIONS: f64 = 1.4;
/// The share of a page that the grid alone may take, to leave space for labels and gaps.
const USABLE_SHARE: f64 = 0.7;
/// The most rows or columns along which one can follow three or four axes; more become panels.
const MOST_ALONG: usize = 24;

/// A position on each level, outer first: it identifies a row, column or panel.
type Place = Vec<usize>;
/// For each row and column, the cells (indices into the plan) with their positions among merged cells.
type Sorted = BTreeMap<(Place, Place), Vec<(usize, usize)>>;

/// Everything to be shown, before it is laid out in pixels.
#[derive(Debug, Clone)]
pub struct Grid<'f> {
    /// The panels, in the order of their values.
    pub panels: Vec<Panel>,
    /// Labels of the levels of panels.
    pub panel_labels: Vec<Labels>,
    /// Labels of the row levels, outer first.
    pub row_labels: Vec<Labels>,
    /// Labels of the column levels, outer first.
    pub column_labels: Vec<Labels>,
    /// Names and values of what does not vary, and of what varies within a cell.
    pub settings: Vec<(String, String)>,
    /// Where inputs are shown, if at all.
    pub inputs: Option<ImagePlace>,
    /// The index of the level along which they vary: each group of that level shares one input.
    pub input_depth: usize,
    /// Sizes of everything.
    pub metrics: Metrics<'f>,
    /// Which characters can be shown, and which could not.
    pub glyphs: Glyphs<'f>,
}

/// One panel; rows and columns without any cell are left out.
#[derive(Debug, Clone)]
pub struct Panel {
    /// Its position on the panel levels.
    pub place: Place,
    /// Its rows.
    pub rows: Vec<Place>,
    /// Its columns.
    pub columns: Vec<Place>,
    /// Width and height of its cells' boxes in pixels; the height is that of the tallest row.
    pub size: (u32, u32),
    /// Height of the boxes in each row, in pixels.
    pub heights: Vec<u32>,
    /// Cells (indices into the plan) at (row, column); more than one if cells are merged.
    pub cells: HashMap<(usize, usize), Vec<usize>>,
}

impl Panel {
    /// Any cell of these rows and columns, for what they have in common.
    pub fn any_cell(&self, rows: Range<usize>, columns: Range<usize>) -> Option<usize> {
        let mut places = rows.flat_map(|row| columns.clone().map(move |column| (row, column)));
        places.find_map(|place| self.cells.get(&place)?.first().copied())
    }

    /// Sets the sizes of its boxes: as wide as the widest cell needs, and each row as high as it needs.
    fn measure(&mut self, plan: &Plan, metrics: &Metrics) {
        let merged = shape(self.cells.values().map(Vec::len).max().unwrap_or(1));
        let mut of_rows = vec![Vec::new(); self.rows.len()];
        for ((row, _), cells) in &self.cells {
            of_rows[*row].extend(cells);
        }
        let boxes: Vec<(u32, u32)> = of_rows
            .iter()
            .map(|cells| metrics.box_of(plan, cells, merged))
            .collect();
        self.heights = boxes.iter().map(|(_, height)| *height).collect();
        self.size = boxes.iter().fold((1, 1), |(w, h), (width, height)| {
            (w.max(*width), h.max(*height))
        });
    }
}

impl<'f> Grid<'f> {
    /// Sorts the cells of a plan; missing characters are taken from another font.
    pub fn new(plan: &Plan, options: &SheetOptions, other: Option<&'f OtherFont>) -> Self {
        let cells = options.chosen(plan);
        let arrangement = arrange(plan, &cells, options);
        let (panels, metrics) = measured_panels(plan, &cells, &arrangement, options, other);
        let narrowest = narrowest(&panels, &metrics);
        let mut glyphs = Glyphs::new(other);
        let mut labels = |levels: &[Level]| -> Vec<Labels> {
            levels
                .iter()
                .map(|level| Labels::of(level, &mut glyphs))
                .collect()
        };
        let panel_labels = labels(&arrangement.panels);
        let row_labels = placed(
            labels(&arrangement.rows),
            [Side::SuperRows, Side::Rows],
            &narrowest,
        );
        let column_labels = placed(
            labels(&arrangement.columns),
            [Side::SuperColumns, Side::Columns],
            &narrowest,
        );
        let settings = settings(plan, &cells, &arrangement, &mut glyphs);
        Self {
            inputs: place_of_inputs(plan, options, &arrangement, &panels),
            panels,
            panel_labels,
            row_labels,
            column_labels,
            settings,
            input_depth: arrangement.image_depth(),
            metrics,
            glyphs,
        }
    }

    /// The number of columns in one strip of a panel: all of them, unless the sweep is a single long row.
    pub fn strip_columns(&self, panel: &Panel) -> usize {
        let columns = panel.columns.len();
        if !self.row_labels.is_empty()
            || self.column_labels.len() != 1
            || columns <= MOST_IN_A_STRIP
        {
            return columns;
        }
        let strips = (columns as f64 / 1.6).sqrt().round().max(2.0) as usize;
        columns.div_ceil(strips)
    }
}

/// The panels, and the sizes of what stands around them.
fn measured_panels<'f>(
    plan: &Plan,
    cells: &[usize],
    arrangement: &Arrangement,
    options: &SheetOptions,
    other: Option<&'f OtherFont>,
) -> (Vec<Panel>, Metrics<'f>) {
    let cell = side_of_cells(plan, cells, options.look(plan).cell.get());
    let mut panels = panels(plan, cells, arrangement);
    let extent = extent_of(&panels, cell);
    let metrics = Metrics::new(cell, extent, arrangement.merge.is_some(), other);
    for panel in &mut panels {
        panel.measure(plan, &metrics);
    }
    (panels, metrics)
}

/// The metrics beside the narrowest and lowest of all boxes.
fn narrowest<'f>(panels: &[Panel], metrics: &Metrics<'f>) -> Metrics<'f> {
    let widths = panels.iter().map(|panel| panel.size.0);
    let heights = panels
        .iter()
        .flat_map(|panel| panel.heights.iter().copied());
    metrics.boxed((widths.min().unwrap_or(1), heights.min().unwrap_or(1)))
}

/// Where the inputs stand; `None` if they are left out.
fn place_of_inputs(
    plan: &Plan,
    options: &SheetOptions,
    arrangement: &Arrangement,
    panels: &[Panel],
) -> Option<ImagePlace> {
    let place = arrangement.image();
    let has_inputs = plan.cells.iter().any(|cell| cell.fitted().is_some());
    if !has_inputs || !options.look(plan).show_input || place == ImagePlace::Merged {
        return None;
    }
    let mut of_panels = (arrangement.panels.iter()).flat_map(|level| &level.parameters);
    let is_shared = place == ImagePlace::Panel
        && panels.len() > 1
        && !of_panels.any(|parameter| *parameter == Parameter::Image)
        && panels.iter().all(|panel| panel.size == panels[0].size);
    Some(if is_shared { ImagePlace::Page } else { place })
}

/// The approximate length of a sheet's longer side, in pixels.
fn extent_of(panels: &[Panel], cell: u32) -> u32 {
    let sides = panels
        .iter()
        .map(|panel| panel.rows.len().max(panel.columns.len()));
    let cells: usize = panels.iter().map(|panel| panel.cells.len()).sum();
    let most = sides.max().unwrap_or(1).max((cells as f64).sqrt() as usize);
    u32::try_from(most)
        .unwrap_or(u32::MAX)
        .saturating_mul(cell)
        .min(LONGEST_SIDE)
}

/// The side of a cell: as requested, or smaller on sheets with very many cells.
fn side_of_cells(plan: &Plan, cells: &[usize], asked: u32) -> u32 {
    let sides = cells.iter().map(|&cell| &plan.cells[cell]);
    let longest = sides.map(|cell| cell.width.max(cell.height)).max();
    match longest {
        Some(longest) if cells.len() > MOST_ENLARGED => asked.min(longest),
        _ => asked,
    }
}

fn arrange(plan: &Plan, cells: &[usize], options: &SheetOptions) -> Arrangement {
    let look = options.look(plan);
    let arrangement = Arrangement::new(plan, cells, look);
    let side = f64::from(side_of_cells(plan, cells, look.cell.get()));
    let whole = |arrangement: Arrangement| {
        let fits = |grid| skew_of(grid, side);
        arrangement.with_super_axes(plan, cells, look, fits)
    };
    if options.only.is_none() {
        return whole(arrangement);
    }
    let panels = panels(plan, cells, &arrangement);
    let places = panels
        .iter()
        .map(|panel| panel.rows.len() * panel.columns.len());
    let is_sparse = (cells.len() as f64) < SPARSE * places.sum::<usize>() as f64;
    let is_scattered = panels.len() > 1 && cells.len() <= A_FEW * panels.len();
    match is_sparse || is_scattered {
        true => Arrangement::gallery(plan, cells),
        false => whole(arrangement),
    }
}

/// How far a grid's proportions are from the preferred ones; `None` if it leaves too little space on a page for what is
/// around it, or is too long to follow with the eye.
fn skew_of((columns, rows): (usize, usize), side: f64) -> Option<f64> {
    let (width, height) = (columns as f64 * side, rows as f64 * side);
    let most = USABLE_SHARE * f64::from(LONGEST_SIDE);
    let fits =
        width <= most && height <= most && width * height <= USABLE_SHARE * MOST_PIXELS as f64;
    (fits && columns.max(rows) <= MOST_ALONG).then(|| (width / height / PROPORTIONS).ln().abs())
}

/// Wraps the labels of one level for the inner side, or of two levels for the outer and the inner side.
fn placed(labels: Vec<Labels>, [outer, inner]: [Side; 2], metrics: &Metrics) -> Vec<Labels> {
    let innermost = labels.len().saturating_sub(1);
    let spanned = labels.last().map_or(1, |last| last.full.len());
    let sided = labels.into_iter().enumerate().map(|(depth, labels)| {
        let side = if depth == innermost { inner } else { outer };
        labels.placed(side, spanned, metrics)
    });
    sided.collect()
}

fn panels(plan: &Plan, cells: &[usize], arrangement: &Arrangement) -> Vec<Panel> {
    let mut sorted: BTreeMap<Place, Sorted> = BTreeMap::new();
    for &index in cells {
        let cell = &plan.cells[index];
        let place = |levels: &[Level]| {
            levels
                .iter()
                .map(|level| level.position(cell))
                .collect::<Place>()
        };
        let merged = arrangement
            .merge
            .as_ref()
            .map_or(0, |level| level.position(cell));
        let panel = sorted.entry(place(&arrangement.panels)).or_default();
        let at = (place(&arrangement.rows), place(&arrangement.columns));
        panel.entry(at).or_default().push((merged, index));
    }
    sorted
        .into_iter()
        .map(|(place, cells)| panel(place, cells))
        .collect()
}

fn panel(place: Place, sorted: Sorted) -> Panel {
    let rows: BTreeSet<&Place> = sorted.keys().map(|(row, _)| row).collect();
    let columns: BTreeSet<&Place> = sorted.keys().map(|(_, column)| column).collect();
    let rows: Vec<Place> = rows.into_iter().cloned().collect();
    let columns: Vec<Place> = columns.into_iter().cloned().collect();
    let index = |places: &[Place], place: &Place| places.binary_search(place).unwrap_or_default();
    let cells = sorted
        .into_iter()
        .map(|((row, column), mut merged)| {
            merged.sort_unstable();
            let at = (index(&rows, &row), index(&columns, &column));
            (at, merged.into_iter().map(|(_, cell)| cell).collect())
        })
        .collect();
    Panel {
        place,
        rows,
        columns,
        size: (1, 1),
        heights: Vec::new(),
        cells,
    }
}

/// The head's text on everything that has no axis of its own, unless it goes without saying.
fn settings(
    plan: &Plan,
    cells: &[usize],
    arrangement: &Arrangement,
    glyphs: &mut Glyphs,
) -> Vec<(String, String)> {
    let constants = arrangement
        .constants
        .iter()
        .filter(|(parameter, value)| !parameter.is_plain(value));
    let mut settings: Vec<(String, String)> = constants
        .map(|(parameter, value)| {
            let value = shown_value(*parameter, value);
            (parameter.key().to_owned(), shown(&value, glyphs))
        })
        .collect();
    if let Some(first) = cells.first().map(|&cell| &plan.cells[cell]) {
        let same = |&cell: &usize| {
            (plan.cells[cell].width, plan.cells[cell].height) == (first.width, first.height)
        };
        if cells.iter().all(same) {
            settings.push(("size".into(), format!("{} × {}", first.width, first.height)));
        }
    }
    if let Some(level) = &arrangement.merge {
        let labels = Labels::of(level, glyphs);
        let within = format!(
            "{} (within each cell, in reading order)",
            listing(&labels.full)
        );
        settings.push((labels.name, within));
    }
    settings
}
