//! `ip2p plan`: what a sweep will do and need, before anything runs.

use std::collections::HashMap;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ip2p_sweep::listing::listing;
use ip2p_sweep::onnxruntime::Host;
use ip2p_sweep::plan::{Axis, Plan, Stage, UnetRows};
use ip2p_sweep::runner::{Forecast, Measuring, Needs, Peak, Prepared, forecast};
use ip2p_sweep::views::sheet::{self, SheetSize};
use ip2p_sweep::vocabulary::Parameter;

use super::events::{self, Event, Planned, Rows, SheetPlan, StagePlan};
use super::progress::first_notes;
use super::words::{count, duration, memory as size};
use super::{Error, RuntimeFlags, parts, prepared, render, shard_count, table};

/// The most cells for which sheets are laid out; measuring the labels of more would take longer than planning them.
const MOST_LAID_OUT: usize = 100_000;

/// The most lines of one kind that are printed.
const MOST_LINES: usize = 6;

/// `ip2p plan`.
#[derive(Debug, clap::Args)]
pub struct PlanCommand {
    /// The sweep file
    sweep: PathBuf,
    /// Run folder, whose finished cells are not counted [default: results/NAME under the current folder]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Show how the sweep would be cut into this many shards
    #[arg(long, value_name = "N", value_parser = shard_count())]
    shards: Option<NonZeroUsize>,
    #[command(flatten)]
    runtime: RuntimeFlags,
}

impl PlanCommand {
    pub fn run(self) -> Result<ExitCode, Error> {
        let host = Host::current(None);
        let prepared = prepared(&self.sweep, self.runtime.into(), &host)?;
        let plan = &prepared.plan;
        let out = self.out.clone();
        let out = out.unwrap_or_else(|| Path::new("results").join(&plan.name));
        let forecast = forecast(&prepared, &out, host.cache.as_ref())?;
        let last = plan.last_stage();
        let shown = plan.cells.iter().filter(|cell| cell.stage == last).count();
        let sheets = match shown > MOST_LAID_OUT {
            true => None,
            false => Some(sheet::sizes(&plan.of_stage(last), is_advised(&forecast))?),
        };
        if events::are_wanted() {
            events::emit(Event::Plan(as_event(plan, &forecast, sheets)));
        } else {
            print(&prepared, &forecast, sheets.as_deref());
        }
        if let Some(shards) = self.shards {
            parts::print(&prepared, shards);
        }
        match events::are_wanted() {
            true => prepared.notes.iter().for_each(|note| render::note(note)),
            false => (first_notes(&prepared.notes).iter()).for_each(|note| render::note(note)),
        }
        if forecast.whole.cells > 0 {
            let word = |path: &Path| render::shell_word(&path.display().to_string());
            let out = self.out.map(|out| format!(" --out {}", word(&out)));
            let sweep = word(&self.sweep);
            render::next(&format!("ip2p run {sweep}{}", out.unwrap_or_default()));
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn is_advised(forecast: &Forecast) -> bool {
    let measuring = forecast.measuring.as_ref();
    measuring.is_some_and(|it| it.captions > 0)
}

/// Prints for people: what is swept, then what it needs.
fn print(prepared: &Prepared, forecast: &Forecast, sizes: Option<&[SheetSize]>) {
    let plan = &prepared.plan;
    let limit = prepared.spec.runtime.memory_limit_mib;
    let whole = &forecast.whole;
    let mut rows = vec![
        row("cells", cells(plan, whole)),
        row("UNet", unet(whole.rows)),
        row("time", time(whole, forecast.device.as_deref())),
        row("memory", memory(whole, limit)),
    ];
    let clip = forecast.measuring.as_ref();
    rows.extend(clip.map(|it| row("CLIP", measuring(it))));
    rows.extend(under("VAE", tilings(plan)));
    let sheets = sizes.map_or_else(
        || {
            vec![format!(
                "not laid out here: more than {MOST_LAID_OUT} cells"
            )]
        },
        sheets,
    );
    rows.extend(under("sheets", sheets));
    for stage in 0..plan.stages.len() {
        let part = plan.of_stage(stage);
        let heading = heading(&part, &plan.stages[stage].name);
        render::block(&format!("{heading}\n{}\n", table::align(&settings(&part))));
    }
    if plan.stages.len() > 1 {
        let stages = stages(plan, &forecast.stages);
        render::block(&format!("{}\n", table::align_numbers(&stages)));
    }
    render::block(&table::align(&rows));
}

/// What each stage needs, one line each; stages run one after another.
fn stages(plan: &Plan, needs: &[Needs]) -> Vec<Vec<String>> {
    let head = [
        "stage",
        "cells left",
        "UNet rows",
        "time",
        "resident",
        "phased",
    ];
    let peak = |peak: Option<Peak>| peak.map_or_else(String::new, |peak| size(peak.bytes));
    let line = |(stage, needs): (&Stage, &Needs)| {
        let time = match (needs.cells, needs.seconds) {
            (0, _) => String::new(),
            (_, Some(seconds)) => duration(seconds),
            (_, None) => "unknown".to_owned(),
        };
        vec![
            stage.name.clone(),
            needs.cells.to_string(),
            needs.rows.evaluated.to_string(),
            time,
            peak(needs.resident),
            peak(needs.phased),
        ]
    };
    let lines = plan.stages.iter().zip(needs).map(line);
    std::iter::once(head.map(str::to_owned).to_vec())
        .chain(lines)
        .collect()
}

/// The plan as an event.
fn as_event(plan: &Plan, forecast: &Forecast, sheets: Option<Vec<SheetSize>>) -> Planned {
    let stages = forecast.stages.iter().enumerate().map(|(stage, needs)| {
        let part = plan.of_stage(stage);
        let axes = part.axes.iter();
        StagePlan {
            name: plan.stages[stage].name.clone(),
            cells: part.cells.len(),
            axes: axes
                .map(|axis| (axis.parameter.to_string(), axis.values.len()))
                .collect(),
            cells_left: needs.cells,
            unet_rows: rows_as_event(needs.rows),
            seconds: needs.seconds,
            resident_bytes: needs.resident.map(|peak| peak.bytes),
            phased_bytes: needs.phased.map(|peak| peak.bytes),
        }
    });
    let whole = &forecast.whole;
    let sheet = |size: SheetSize| SheetPlan {
        width: size.width,
        height: size.height,
        bytes: size.bytes,
    };
    Planned {
        name: plan.name.clone(),
        cells: plan.cells.len(),
        cells_left: whole.cells,
        stages: stages.collect(),
        unet_rows: rows_as_event(whole.rows),
        seconds: whole.seconds,
        device: forecast.device.clone(),
        resident_bytes: whole.resident.map(|peak| peak.bytes),
        phased_bytes: whole.phased.map(|peak| peak.bytes),
        measures: forecast.measuring.as_ref().map_or(0, |it| it.cells),
        sheets: sheets.map(|sheets| sheets.into_iter().map(sheet).collect()),
    }
}

fn rows_as_event(rows: UnetRows) -> Rows {
    let UnetRows {
        evaluated,
        shared,
        skipped,
        copied,
    } = rows;
    Rows {
        evaluated,
        shared,
        skipped,
        copied,
    }
}

fn row(what: &str, value: String) -> Vec<String> {
    vec![what.to_owned(), value]
}

/// Several lines under one heading; only the first of many.
fn under(what: &str, lines: Vec<String>) -> Vec<Vec<String>> {
    let more = lines.len().saturating_sub(MOST_LINES);
    let more = (more > 0).then(|| format!("and {more} more"));
    let lines = lines.into_iter().take(MOST_LINES).chain(more).enumerate();
    let named = |index| if index == 0 { what } else { "" };
    lines.map(|(index, line)| row(named(index), line)).collect()
}

fn tilings(plan: &Plan) -> Vec<String> {
    let tilings = plan.tilings().into_iter();
    let words = |((width, height), tiling)| format!("{width} x {height} pixels in {tiling}");
    tilings.map(words).collect()
}

/// A line for each size, in the order of the first sheet with that size, with the bytes of all such sheets.
fn sheets(sizes: &[SheetSize]) -> Vec<String> {
    let mut counts: Vec<((u32, u32), usize, f64)> = Vec::new();
    let mut place_of = HashMap::new();
    for sheet in sizes {
        let pixels = (sheet.width, sheet.height);
        let place = *place_of.entry(pixels).or_insert(counts.len());
        match counts.get_mut(place) {
            Some((_, count, bytes)) => {
                *count += 1;
                *bytes += sheet.bytes;
            }
            None => counts.push((pixels, 1, sheet.bytes)),
        }
    }
    let words = |((width, height), count, bytes): ((u32, u32), usize, f64)| {
        let several = match count {
            1 => String::new(),
            _ => format!("{count} of "),
        };
        let bytes = size(bytes.max(f64::from(1 << 20)));
        format!("{several}{width} x {height} pixels, about {bytes}")
    };
    counts.into_iter().map(words).collect()
}

/// The name of the sweep, or of its stage if there are several, and the number of values on each axis.
fn heading(plan: &Plan, stage: &str) -> String {
    let lengths: Vec<String> = plan
        .axes
        .iter()
        .map(|axis| count(axis.values.len(), axis.parameter.key()))
        .collect();
    let name = match plan.stages.len() {
        0 | 1 => plan.name.clone(),
        _ => format!("{}, {stage}", plan.name),
    };
    match lengths.is_empty() {
        true => name,
        false => format!("{name}: {}", lengths.join(" x ")),
    }
}

/// Axes with their values, then what is the same for all cells.
fn settings(plan: &Plan) -> Vec<Vec<String>> {
    let axis = |parameter: Parameter| plan.axes.iter().find(|axis| axis.parameter == parameter);
    let constant = |parameter: Parameter| {
        let first = plan.cells.first()?.parameters.value(parameter);
        let mut cells = plan.cells.iter();
        // Parameters linked by presets vary without being axes.
        let is_constant = cells.all(|cell| cell.parameters.has(parameter, &first));
        let text = Some(first.to_string()).filter(|text| is_constant && !text.is_empty());
        text.map(|text| listing(&[text]))
    };
    let varying = Parameter::ALL
        .into_iter()
        .filter_map(axis)
        .map(|axis: &Axis| vec![axis.parameter.to_string(), listing(&axis.values)]);
    let fixed = Parameter::ALL
        .into_iter()
        .filter(|&parameter| axis(parameter).is_none())
        .filter_map(|parameter| Some(vec![parameter.to_string(), constant(parameter)?]));
    varying.chain(fixed).collect()
}

fn cells(plan: &Plan, whole: &Needs) -> String {
    let all = plan.cells.len();
    let made = match plan.stages.len() {
        0 | 1 => all.to_string(),
        _ => (plan.stages.iter().enumerate())
            .map(|(index, stage)| {
                let cells = plan.cells.iter().filter(|cell| cell.stage == index);
                count(cells.count(), stage.kind.pipeline().noun())
            })
            .collect::<Vec<_>>()
            .join(", "),
    };
    match all - whole.cells {
        0 => made,
        done => format!("{made}, of which {done} are done"),
    }
}

fn unet(rows: UnetRows) -> String {
    let saved: Vec<String> = [
        (rows.shared, "by sharing steps until cells part"),
        (rows.skipped, "by skipping branches without effect"),
        (rows.copied, "by copying cells with the same pixels"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, how)| format!("{count} {how}"))
    .collect();
    match saved.is_empty() {
        true => format!("{} evaluations", rows.evaluated),
        false => format!(
            "{} evaluations; of {} saved {}",
            rows.evaluated,
            rows.plain(),
            saved.join(", ")
        ),
    }
}

fn time(needs: &Needs, device: Option<&str>) -> String {
    if needs.cells == 0 {
        return "none: nothing is left to do".to_owned();
    }
    match (needs.seconds, device) {
        (Some(seconds), Some(device)) => {
            format!(
                "about {} on {device}, going by the last run there",
                duration(seconds)
            )
        }
        _ => "unknown until this model has run once at this size".to_owned(),
    }
}

fn memory(needs: &Needs, limit_mib: Option<NonZeroU32>) -> String {
    let limited = limit_mib.map_or_else(String::new, |mib| {
        let limit = size(f64::from(mib.get()) * f64::from(1 << 20));
        format!("; limited to {limit}")
    });
    let (Some(resident), Some(phased)) = (needs.resident, needs.phased) else {
        return "none: nothing is left to do".to_owned();
    };
    let how = |peak: Peak| if peak.measured { " (measured)" } else { "" };
    format!(
        "about {} resident{}, {} phased{}{limited}",
        size(resident.bytes),
        how(resident),
        size(phased.bytes),
        how(phased)
    )
}

fn measuring(measuring: &Measuring) -> String {
    let clip = &measuring.clip;
    if measuring.cells == 0 {
        return format!("{clip}: all cells are measured");
    }
    let takes = [(measuring.images, "image"), (measuring.captions, "caption")];
    let takes = takes.into_iter().filter(|(number, _)| *number > 0);
    let takes: Vec<String> = takes.map(|(number, what)| count(number, what)).collect();
    let time = measuring
        .seconds
        .map_or_else(String::new, |seconds| format!("{}, ", duration(seconds)));
    format!(
        "{clip}: {} to measure; {}, about {time}{}",
        count(measuring.cells, "cell"),
        takes.join(" and "),
        size(measuring.bytes)
    )
}
