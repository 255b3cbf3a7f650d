//! Aligned columns for the terminal.

/// Rows of cells, padded to the widest of each column.
pub fn align(rows: &[Vec<String>]) -> String {
    pad(rows, |_, cell, width| format!("{cell:width$}"))
}

/// As [`align`], with all columns but the first at the right of their width, as numbers stand.
pub fn align_numbers(rows: &[Vec<String>]) -> String {
    pad(rows, |column, cell, width| match column {
        0 => format!("{cell:width$}"),
        _ => format!("{cell:>width$}"),
    })
}

fn pad(rows: &[Vec<String>], padded: impl Fn(usize, &str, usize) -> String) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
    };
    let widths: Vec<usize> = (0..columns)
        .map(|column| width(column).unwrap_or(0))
        .collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).enumerate();
        let cells = cells.map(|(column, (cell, &width))| padded(column, cell, width));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}
