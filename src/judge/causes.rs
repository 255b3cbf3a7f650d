//! Finds what differs from the conditions under which an accepted image was made.

use std::collections::{BTreeMap, BTreeSet};

use super::class::EnvironmentClass;
use super::manifest::{Accepted, BaselineCell, Subject};
use super::verdict::Cause;
use crate::plan::Cell;
use crate::store::Run;
use crate::vocabulary::{ExecutionDevice, Record};

/// How a result was made.
#[derive(Clone, Copy)]
pub(super) struct Origin<'a> {
    pub run: &'a Run,
    pub cell: &'a Cell,
    pub record: &'a Record,
    pub class: &'a EnvironmentClass,
}

/// Every known reason why a result could differ from what was accepted for its cell.
pub(super) fn causes(origin: Origin, known: &BaselineCell, accepted: &Accepted) -> Vec<Cause> {
    let Run {
        plan, environment, ..
    } = origin.run;
    let (was, is) = (&known.subject, Subject::of(plan, origin.cell));
    let (then, now) = (&accepted.environment, environment);
    let model = plan.model(&origin.cell.parameters.model);
    let size = |subject: &Subject| (subject.width, subject.height, subject.fit);
    let device_of: Option<ExecutionDevice> = origin.record.device.parse().ok();
    let threads_count = device_of.is_some_and(|device| device.facts().threads_count);
    let causes = [
        (
            was.image_sha256 != is.image_sha256,
            Cause::Parameters("input image"),
        ),
        (size(was) != size(&is), Cause::Parameters("size")),
        (
            !was.masks.is_empty() && !is.masks.is_empty() && was.masks != is.masks,
            Cause::Parameters("mask"),
        ),
        (was.numerics != is.numerics, Cause::Parameters("numerics")),
        (
            model.is_none_or(|model| model.sha256 != accepted.model_sha256),
            Cause::Model(
                short(&accepted.model_sha256),
                short(model.map_or("", |model| &model.sha256)),
                model.map_or_else(Vec::new, |model| {
                    changed_files(&accepted.model_files, &model.files)
                }),
            ),
        ),
        (
            then.onnxruntime != now.onnxruntime,
            Cause::Library(then.onnxruntime.clone(), now.onnxruntime.clone()),
        ),
        (
            device(&accepted.class) != device(origin.class),
            Cause::Device(place(&accepted.class), place(origin.class)),
        ),
        (
            then.ip2p != now.ip2p,
            Cause::Program(then.ip2p.clone(), now.ip2p.clone()),
        ),
        (
            then.threads != now.threads && threads_count,
            Cause::Threads(then.threads, now.threads),
        ),
    ];
    let differing = causes.into_iter().filter(|(differs, _)| *differs);
    differing.map(|(_, cause)| cause).collect()
}

/// The files that differ, each with its digests: `unet/model.onnx 1a2b3c4d5e6f became 0a1b2c3d4e5f`. Empty if either
/// side does not list its files.
fn changed_files(then: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Vec<String> {
    if then.is_empty() || now.is_empty() {
        return Vec::new();
    }
    let names: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    let differing = names
        .into_iter()
        .filter_map(|name| match (then.get(name), now.get(name)) {
            (Some(one), Some(other)) if one == other => None,
            (Some(one), Some(other)) => {
                Some(format!("{name} {} became {}", short(one), short(other)))
            }
            (Some(one), None) => Some(format!("{name} {} is gone", short(one))),
            (None, Some(other)) => Some(format!("{name} {} is new", short(other))),
            (None, None) => None,
        });
    differing.collect()
}

/// As many digits of a digest as people compare.
fn short(sha256: &str) -> String {
    sha256.chars().take(12).collect()
}

/// The parts of a class that describe the device.
fn device(class: &EnvironmentClass) -> [&str; 3] {
    [&class.device, &class.provider, &class.precision]
}

fn place(class: &EnvironmentClass) -> String {
    format!("{} ({})", class.device, class.precision)
}
