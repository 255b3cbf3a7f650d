//! How many cells with the same sampling are denoised together, and how many UNet rows a call has. Pure functions.

use std::collections::BTreeMap;

/// The share of free memory that UNet calls may fill: allocators lose some of it to gaps between blocks.
const USABLE: f64 = 0.8;

/// The most rows a call may have. A GPU is fully busy with far fewer, and larger calls waste more when they are not
/// full.
pub(super) const MOST_ROWS: usize = 64;

/// The most calls that a step of one batch may fill when the rows of all its cells are pooled: more calls waste fewer
/// rows on padding the last one, but more work is lost if the run is killed.
pub(super) const MOST_CALLS: usize = 5;

/// The fixed cost of a call, in rows: launching some hundred kernels.
const CALL_ROWS: usize = 2;

/// By how many per cent steps may cost more than with the cheapest number of rows, if they need fewer calls: the
/// reckoning is no finer.
const ALIKE_PERCENT: usize = 2;

/// Splits cells, given as UNet rows a step, into batches in their order and returns the batches' sizes: at most
/// `most_cells` cells each, whose rows fit into one call. A cell with more rows is a batch of its own, in several
/// calls.
pub(super) fn batches(rows: &[usize], most_cells: usize, most_rows: usize) -> Vec<usize> {
    let mut batches = Vec::new();
    let (mut cells, mut filled) = (0, 0);
    for &rows in rows {
        if cells > 0 && (cells == most_cells || filled + rows > most_rows) {
            batches.push(cells);
            (cells, filled) = (0, 0);
        }
        cells += 1;
        filled += rows;
    }
    batches.extend((cells > 0).then_some(cells));
    batches
}

/// The smallest limit of rows a step that gives no more batches than `most_rows` does, so that the last batch is about
/// as large as the others.
pub(super) fn fewest_rows(rows: &[usize], most_cells: usize, most_rows: usize) -> usize {
    let count = |limit: usize| batches(rows, most_cells, limit).len();
    let fewest = count(most_rows);
    let limits: Vec<usize> = (1..=most_rows).collect();
    let largest = rows.iter().copied().max().unwrap_or(1);
    let enough = 1 + limits.partition_point(|&limit| count(limit) > fewest);
    enough.max(largest).min(most_rows)
}

/// The number of rows a call, at most `most_rows`, for which the steps of all batches cost least if every call is
/// padded to that number; of numbers that cost about the same the one with the fewest calls, then the cheapest, then
/// the largest. `steps` maps the rows that a step asks for to how many steps ask for them.
pub(super) fn cheapest_rows(steps: &BTreeMap<usize, usize>, most_rows: usize) -> usize {
    let calls = |rows: usize| -> usize {
        let of_each = steps.iter();
        of_each
            .map(|(asked, steps)| asked.div_ceil(rows) * steps)
            .sum()
    };
    let cost = |rows: usize| calls(rows) * (rows + CALL_ROWS);
    let all = (1..=most_rows.max(1)).rev();
    let least = all.clone().map(cost).min().unwrap_or(0);
    let alike = all.filter(|&rows| 100 * cost(rows) <= (100 + ALIKE_PERCENT) * least);
    alike
        .min_by_key(|&rows| (calls(rows), cost(rows)))
        .unwrap_or(1)
}

/// How many rows the device has room for, extrapolated from the peak memory of two small calls, each as (rows, bytes).
/// Their memory is counted once more, because an allocator cannot reuse small blocks for large tensors.
pub(super) fn rows_with_room(small: (usize, u64), large: (usize, u64), free_bytes: u64) -> usize {
    let rows = large.0.saturating_sub(small.0).max(1);
    let row_bytes = large.1.saturating_sub(small.1) / rows as u64;
    let fitting = (USABLE * free_bytes as f64 / row_bytes.max(1) as f64) as usize;
    fitting.clamp(large.0, MOST_ROWS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_hold_as_many_cells_as_their_rows_fill_a_call() {
        let rows = [3, 2, 2, 3, 3, 2];
        assert_eq!(batches(&rows, 64, 8), [3, 3]);
        assert_eq!(batches(&rows, 2, 8), [2, 2, 2]);
        assert_eq!(batches(&rows, 64, 64), [6]);
        assert_eq!(
            batches(&rows, 64, 2),
            [1; 6],
            "a cell of 3 rows runs in two calls"
        );
        assert_eq!(batches(&[], 4, 4), [0; 0]);
    }

    #[test]
    fn batches_are_no_larger_than_as_many_need() {
        // 100 cells of three rows fill five batches whether a batch may have 60 or 63 rows.
        assert_eq!(fewest_rows(&[3; 100], 64, 64), 60);
        // A fifth of the cells has two rows: 280 rows, in five calls.
        let mixed: Vec<usize> = (0..100)
            .map(|cell| if cell % 5 == 0 { 2 } else { 3 })
            .collect();
        let rows = fewest_rows(&mixed, 64, 64);
        assert_eq!(batches(&mixed, 64, rows).len(), 5);
        assert_eq!(batches(&mixed, 64, rows - 1).len(), 6);
        assert_eq!(rows, 56);
        assert_eq!(
            fewest_rows(&[2; 4], 4, 12),
            8,
            "no row is padded that no cell needs"
        );
        assert_eq!(fewest_rows(&[3], 64, 64), 3);
        assert_eq!(fewest_rows(&[3, 3], 64, 2), 2, "memory is the stronger");
    }

    #[test]
    fn calls_have_as_many_rows_as_the_steps_fill_best() {
        // A grid of 5 x 5 scales and 4 seeds, 20 steps, a fifth of the cells without an image branch; the cells of a
        // seed share the first step.
        let steps = BTreeMap::from([(12, 1), (280, 19)]);
        let rows = cheapest_rows(&steps, 64);
        assert_eq!(rows, 56);
        let calls = 1 + 19 * 5;
        let needed = 12 + 19 * 280;
        assert!(100 * (calls * rows - needed) <= needed, "{}", calls * rows);
        // Guidance from 0.2 to 0.8: calls of 35 rows would cost 1.5 % less, but there would be 105 of them.
        let interval = BTreeMap::from([(4, 4), (12, 1), (280, 11), (100, 4)]);
        assert_eq!(cheapest_rows(&interval, 64), 56);
        let fewer = 4 + 1 + 11 * 5 + 4 * 2;
        assert!(100 * fewer <= 75 * calls, "{fewer} of {calls}");
        // One batch in a single call gets exactly what it needs; of two equally good numbers the larger is taken.
        assert_eq!(cheapest_rows(&BTreeMap::from([(60, 20)]), 64), 60);
        assert_eq!(cheapest_rows(&BTreeMap::from([(3, 20)]), 64), 3);
        assert_eq!(cheapest_rows(&BTreeMap::from([(128, 20)]), 64), 64);
        assert_eq!(cheapest_rows(&BTreeMap::from([(90, 1)]), 40), 30);
        assert_eq!(cheapest_rows(&BTreeMap::new(), 64), 64);
        assert_eq!(cheapest_rows(&BTreeMap::from([(9, 1)]), 0), 1);
    }

    #[test]
    fn rows_follow_from_growth_and_free_memory() {
        const MIB: u64 = 1 << 20;
        let probe = |free: u64| rows_with_room((3, 2300 * MIB), (6, 2600 * MIB), free * MIB);
        assert_eq!(probe(1000), 8, "800 of 1000 MiB in rows of 100");
        assert_eq!(probe(4000), 32);
        assert_eq!(probe(100_000), MOST_ROWS);
        assert_eq!(probe(0), 6, "what was probed fits");
        assert_eq!(
            rows_with_room((3, 7), (6, 7), 1 << 30),
            MOST_ROWS,
            "no growth"
        );
    }
}
