//! The page: its template, style and scripts are built into the program.

use minijinja::{Value, context};

use super::ReportError;
use super::data::Data;
use crate::store::Run;
use crate::views::{inline, page};
use crate::vocabulary::{Parameter, Status};

/// `style.css`.
pub(super) const STYLE: &str = concat!(
    include_str!("assets/base.css"),
    include_str!("assets/controls.css"),
    include_str!("assets/grid.css"),
    include_str!("assets/viewer.css"),
    include_str!("assets/plots.css"),
    include_str!("assets/table.css"),
    include_str!("assets/vote.css"),
);

/// `report.js`: the scripts in the order of their dependencies, in one scope. Modules would be better style, but
/// browsers refuse to load them from a file system.
pub(super) const SCRIPT: &str = concat!(
    "\"use strict\";\n(() => {\n",
    include_str!("assets/dom.js"),
    include_str!("assets/data.js"),
    include_str!("assets/format.js"),
    include_str!("assets/state.js"),
    include_str!("assets/marks.js"),
    include_str!("assets/layout.js"),
    include_str!("assets/controls.js"),
    include_str!("assets/grid.js"),
    include_str!("assets/commands.js"),
    include_str!("assets/save.js"),
    include_str!("assets/chain.js"),
    include_str!("assets/toml.js"),
    include_str!("assets/stage.js"),
    include_str!("assets/viewer.js"),
    include_str!("assets/play.js"),
    include_str!("assets/chart.js"),
    include_str!("assets/tradeoff.js"),
    include_str!("assets/heatmap.js"),
    include_str!("assets/stages.js"),
    include_str!("assets/memory.js"),
    include_str!("assets/plots.js"),
    include_str!("assets/table.js"),
    include_str!("assets/vote.js"),
    include_str!("assets/following.js"),
    include_str!("assets/main.js"),
    "})();\n",
);

const TEMPLATE: &str = include_str!("assets/index.html");

/// `index.html`, for use with separate style and script files.
pub(super) fn render(
    run: &Run,
    data: &Data,
    base: &str,
    incomplete: bool,
) -> Result<String, ReportError> {
    fill(run, data, Some(base), incomplete)
}

/// The page with its style and script inside.
pub(super) fn render_single(run: &Run, data: &Data) -> Result<String, ReportError> {
    fill(run, data, None, false)
}

/// Fills the template. `base` is the URL-encoded path from the page to the run folder; `None` if everything is in the
/// page.
fn fill(
    run: &Run,
    data: &Data,
    base: Option<&str>,
    incomplete: bool,
) -> Result<String, ReportError> {
    let source = |text: &str| {
        let source = match base {
            None => format!("'{}'", inline::digest(text)),
            Some(_) => "'self'".to_owned(),
        };
        // Our own source code, in which quotes must stay quotes.
        Value::from_safe_string(source)
    };
    let inside = context! {
        style => Value::from_safe_string(STYLE.to_owned()),
        script => Value::from_safe_string(SCRIPT.to_owned()),
    };
    let values = context! {
        name => &run.plan.name,
        base => Value::from_safe_string(base.unwrap_or_default().to_owned()),
        script_source => source(SCRIPT),
        style_source => source(STYLE),
        inline => base.is_none().then_some(inside),
        incomplete,
        counts => counts(run, data),
        constants => constants(run),
        environment => facts(run),
        json => Value::from_safe_string(data.to_script_safe_json()?),
    };
    Ok(page::render(TEMPLATE, values)?)
}

/// The numbers of cells by status.
fn counts(run: &Run, data: &Data) -> Value {
    let records = run.plan.cells.iter().map(|cell| run.records.get(&cell.key));
    let statuses: Vec<_> = records
        .map(|record| record.map(|record| record.status))
        .collect();
    let count = |wanted| statuses.iter().filter(|status| **status == wanted).count();
    let records = run
        .plan
        .cells
        .iter()
        .filter_map(|cell| run.records.get(&cell.key));
    let latest = records.map(|record| record.finished).max();
    context! {
        total => statuses.len(),
        done => count(Some(Status::Done)),
        failed => count(Some(Status::Failed)),
        waiting => count(None),
        advised => data.advised(),
        latest => latest.map(|time| time.strftime("%Y-%m-%d %H:%M UTC").to_string()),
    }
}

/// The values that all cells share, as names and values, unless they go without saying.
fn constants(run: &Run) -> Vec<(&'static str, String)> {
    let Some(first) = run.plan.cells.first() else {
        return Vec::new();
    };
    let same = |parameter: &Parameter| {
        let value = first.parameters.text(*parameter);
        let mut cells = run.plan.cells.iter();
        let all = cells.all(|cell| cell.parameters.text(*parameter) == value);
        (all && !parameter.is_plain(&value)).then(|| (parameter.key(), value))
    };
    Parameter::ALL.iter().filter_map(same).collect()
}

/// What the run was made with, as names and values.
fn facts(run: &Run) -> Vec<(&'static str, String)> {
    let environment = &run.environment;
    let device = match &environment.device_name {
        Some(name) => format!("{} ({name})", environment.device),
        None => environment.device.clone(),
    };
    let mut facts = vec![
        ("device", device),
        ("provider", environment.provider.clone()),
        ("ONNX Runtime", environment.onnxruntime.clone()),
        ("ip2p", environment.ip2p.clone()),
        ("system", environment.os.clone()),
    ];
    facts.extend(environment.cpu.clone().map(|cpu| ("processor", cpu)));
    let threads = match environment.threads {
        0 => "one a physical core".to_owned(),
        threads => threads.to_string(),
    };
    facts.push(("threads", threads));
    facts.push((
        "started",
        environment
            .started
            .strftime("%Y-%m-%d %H:%M UTC")
            .to_string(),
    ));
    facts
}
