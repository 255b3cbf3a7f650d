//! A check as Markdown, for the summary page of a CI service.

use std::fmt::Write as _;

use crate::judge::{CellCheck, Check, Excess};

/// The limit of a summary file: GitHub drops the whole page beyond 1 MiB.
pub const SUMMARY_BYTES: usize = 1 << 20;

/// Space reserved for the line that says how much was left out.
const TAIL_BYTES: usize = 200;

/// A summary of at most `most_bytes`: counts, what changed, a link to the page, and a row for every cell that does not
/// pass, worst first, as many as fit. `page` is the path of the page relative to the summary.
pub fn summary(check: &Check, page: &str, most_bytes: usize) -> String {
    let failing = check.failing();
    let mut text = format!("## ip2p check {}\n\n", escaped(&check.name));
    let mark = if failing.is_empty() {
        "passed"
    } else {
        "failed"
    };
    let _ = writeln!(text, "**{mark}**: {}\n", check.counts_text());
    for line in check.cause_lines() {
        let _ = writeln!(text, "- {}", escaped(&line));
    }
    if !failing.is_empty() {
        let _ = writeln!(text, "- review it in {}", link(page));
    }
    let warned = check.early_warnings().len();
    if warned > 0 {
        let _ = writeln!(
            text,
            "- early warning: the first latents of {warned} cell{} changed",
            if warned == 1 { "" } else { "s" },
        );
    }
    if text.len() + TAIL_BYTES > most_bytes {
        return String::new();
    }
    if !failing.is_empty() {
        text.push_str(
            "\n| verdict | cell | measured, limit, tolerance that would have passed | why |\n",
        );
        text.push_str("|---|---|---|---|\n");
    }
    for (index, cell) in failing.iter().enumerate() {
        let row = row(cell);
        if text.len() + row.len() + TAIL_BYTES > most_bytes {
            let left = failing.len() - index;
            let _ = writeln!(
                text,
                "\n{left} more cells are left out here; junit.xml has all."
            );
            break;
        }
        text.push_str(&row);
    }
    text
}

fn row(cell: &CellCheck) -> String {
    format!(
        "| {} | {} | {} | {} |\n",
        cell.verdict,
        escaped(&cell.label),
        measured(cell).join("<br>"),
        escaped(&cell.explanation())
    )
}

/// The measures that exceed their limits, one a line.
pub(super) fn measured(cell: &CellCheck) -> Vec<String> {
    cell.excesses.iter().map(Excess::to_string).collect()
}

/// A link that no character in the path can break.
fn link(path: &str) -> String {
    let target: String = path
        .chars()
        .map(|c| match c {
            '<' | '>' | '\\' | '\n' | '\r' => format!("%{:02X}", u32::from(c)),
            c => c.to_string(),
        })
        .collect();
    format!("[{}](<{target}>)", escaped(path))
}

/// Text that cannot end a table cell, begin HTML or be taken for formatting.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '\\' | '|' | '`' | '*' | '_' | '[' | ']' | '#' | '~' | '!' => {
                escaped.push('\\');
                escaped.push(character);
            }
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}
