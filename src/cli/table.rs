//! Aligned columns for the terminal.

/// Rows of cells, each padded to the width of its column.
pub fn align(rows: &[Vec<String>]) -> String {
    pad(rows, |_| Side::Left)
}

/// As [`align`], but with all columns except the first aligned to the right, as is usual for numbers.
pub fn align_numbers(rows: &[Vec<String>]) -> String {
    pad(rows, |column| match column {
        0 => Side::Left,
        _ => Side::Right,
    })
}

/// The side to which a cell is aligned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

/// Pads by hand, because `format!` panics at widths beyond 65,535.
fn pad(rows: &[Vec<String>], side: impl Fn(usize) -> Side) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let length = |cell: &String| cell.chars().count();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(length).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let blanks = " ".repeat(widths[column] - length(cell));
            let is_last = column + 1 == row.len();
            match side(column) {
                Side::Right => line.extend([blanks.as_str(), cell]),
                // The last cell of a line needs no padding.
                Side::Left if is_last => line.push_str(cell),
                Side::Left => line.extend([cell.as_str(), &blanks]),
            }
            if !is_last {
                line.push_str("  ");
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_however_wide_that_is() {
        let row = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        let wide = "x".repeat(100_000);
        let rows = [row(["a", "1"]), row([&wide, "22"])];
        let blanks = " ".repeat(99_999);
        assert_eq!(align(&rows), format!("a{blanks}  1\n{wide}  22\n"));
        assert_eq!(align_numbers(&rows), format!("a{blanks}   1\n{wide}  22\n"));
    }
}
