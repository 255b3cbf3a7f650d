//! Renders pages from templates.

use minijinja::{AutoEscape, Environment, Error, Value};

/// Renders a template with its values; all text is escaped unless it is marked as safe.
pub(super) fn render(template: &str, values: Value) -> Result<String, Error> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.render_named_str("index.html", template, values)
}
