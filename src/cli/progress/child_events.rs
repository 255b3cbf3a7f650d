//! Handles the events that child processes print.

use serde_json::Value;

use super::Progress;
use crate::cli::events;

impl Progress<'_> {
    /// Takes a line of `--json` from a child process.
    pub fn take_line(&mut self, line: &Value) {
        let kind = line["event"].as_str().unwrap_or_default();
        // This process emits its own begin and end.
        if events::are_wanted() && !["begin", "end"].contains(&kind) {
            events::forward(line);
        }
        match kind {
            "step" => self.take_step(line),
            "cell" => {
                let cell = line["cell"].as_str().unwrap_or_default();
                self.cell_ended(cell, line["error"].as_str());
            }
            "note" if !events::are_wanted() => {
                let text = line["text"].as_str().unwrap_or_default().to_owned();
                // All processes emit the same notes about the same sweep.
                if self.noted.insert(text.clone()) {
                    self.note(&text);
                }
            }
            _ => {}
        }
    }

    fn take_step(&mut self, line: &Value) {
        let cells = line["cells"].as_array().map_or(0, Vec::len) as u64;
        let first = line["cells"][0].as_str().unwrap_or_default();
        let done = line["step"].as_u64().unwrap_or(0);
        // For the same cells the number of steps rises; for other cells it starts again.
        let before = self.stepped.insert(first.to_owned(), done).unwrap_or(0);
        if line["steps"].as_u64() == Some(done) {
            self.stepped.remove(first);
        }
        self.stepped_on(done.saturating_sub(before) * cells);
    }
}
