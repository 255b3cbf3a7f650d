//! A check as annotations of a GitHub Actions workflow.

use super::markdown::measured;
use crate::judge::Check;

/// GitHub shows this many annotations of a step and drops the rest.
const MOST: usize = 10;

/// Workflow commands, one a line: an error for every cell that does not pass, worst first, as many as are shown.
pub fn annotations(check: &Check) -> Vec<String> {
    let failing = check.failing();
    let all = failing.len();
    let rows = failing
        .into_iter()
        .take(if all > MOST { MOST - 1 } else { MOST });
    let mut lines: Vec<String> = rows
        .map(|cell| {
            let mut text = vec![cell.explanation()];
            text.extend(measured(cell));
            text.retain(|line| !line.is_empty());
            let title = property(&format!("{}: {}", cell.verdict, cell.label));
            format!("::error title={title}::{}", data(&text.join("\n")))
        })
        .collect();
    if all > MOST {
        let title = property(&format!(
            "{} more cells of {}",
            all - lines.len(),
            check.name
        ));
        lines.push(format!(
            "::error title={title}::see the summary and junit.xml"
        ));
    }
    lines
}

/// Escapes what would end the command.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
