//! Pages from templates.

use minijinja::{AutoEscape, Environment, Error, Value};

/// A page of a template and what stands in it; every text is escaped that is not marked as safe.
pub(super) fn render(template: &str, values: Value) -> Result<String, Error> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.render_named_str("index.html", template, values)
}
