//! What is installed, what is missing, and what to do about it: the facts behind `ip2p doctor`.

use std::path::Path;

use miette::Diagnostic;

use super::ModelFolder;
use super::clip::{ClipFolder, Encoder};
use crate::diffusion::{Component, Sampler, SchedulerConfig, SchedulerError};
use crate::onnxruntime::{
    ExecutionDevice, Host, Located, PluginProvider, RuntimeError, cuda_state, load, locate,
    pip_version, resolve_device, verify,
};
use crate::spec::Device;

/// The result of looking at one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What it is about: `ONNX Runtime`, `GPU`, `device`, `cuda`, `webgpu`, `openvino`, `pip`, `cache`, `model`,
    /// `CLIP`.
    pub topic: &'static str,
    /// Its state.
    pub state: FactState,
    /// What was found, or the error.
    pub detail: String,
    /// What to do about it; `None` if all is well.
    pub remedy: Option<String>,
}

/// The state of a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FactState {
    /// Everything is fine.
    Ok,
    /// Missing, and not needed.
    Absent,
    /// Not as it should be, but sweeps run.
    Warning,
    /// Missing or unusable; sweeps cannot run.
    Missing,
}

/// Looks at everything a run needs, and at a model or CLIP folder. Fetches nothing and creates no session.
pub fn diagnose(host: &Host, folder: Option<&Path>) -> Vec<Fact> {
    let mut facts = Vec::new();
    let located = locate(host).and_then(|located| verify(&located).map(|()| located));
    let has_runtime = located.is_ok();
    match located {
        Ok(located) => {
            facts.push(Fact::ok(
                "ONNX Runtime",
                format!(
                    "{} ({}), {}",
                    located.version,
                    located.source,
                    located.path.display()
                ),
            ));
            facts.extend(devices(&located));
            let plugins = PluginProvider::ALL.map(|provider| plugin(provider, &located, host));
            facts.extend(plugins);
        }
        Err(error) => facts.push(Fact::of("ONNX Runtime", FactState::Missing, &error)),
    }
    // pip is needed only for fetching, so its absence matters only if there is no runtime.
    facts.push(match pip_version(host) {
        Ok(version) => Fact::ok("pip", version),
        Err(error) if has_runtime => Fact::absent("pip", error.to_string()),
        Err(error) => Fact::of("pip", FactState::Warning, &error),
    });
    facts.push(match host.cache() {
        Ok(folder) if folder.is_dir() => Fact::ok("cache", folder.display().to_string()),
        Ok(folder) => Fact::absent("cache", format!("{}, made when needed", folder.display())),
        Err(error) => Fact::of("cache", FactState::Warning, &error),
    });
    if host.offline {
        facts.push(Fact::of(
            "network",
            FactState::Warning,
            &RuntimeError::Offline,
        ));
    }
    facts.extend(folder.into_iter().flat_map(folder_facts));
    facts
}

impl Fact {
    fn ok(topic: &'static str, detail: String) -> Self {
        Self {
            topic,
            state: FactState::Ok,
            detail,
            remedy: None,
        }
    }

    fn absent(topic: &'static str, detail: String) -> Self {
        Self {
            state: FactState::Absent,
            ..Self::ok(topic, detail)
        }
    }

    fn of(topic: &'static str, state: FactState, error: &dyn Diagnostic) -> Self {
        Self {
            topic,
            state,
            detail: error.to_string(),
            remedy: error.help().map(|help| help.to_string()),
        }
    }
}

fn devices(located: &Located) -> Vec<Fact> {
    let state = cuda_state(located);
    let gpu = match state.driver {
        Ok(driver) => Fact::ok(
            "GPU",
            format!("{} found, driver for CUDA {}", driver.gpus, driver.cuda()),
        ),
        // A machine without a GPU is fine: sweeps run on the CPU.
        Err(error) => Fact::absent("GPU", error.to_string()),
    };
    let device = match resolve_device(Device::Auto, located) {
        Ok(resolved) => match (resolved.device, resolved.unused_gpu) {
            (ExecutionDevice::Cpu, Some(error)) => Fact {
                detail: format!("cpu, although there is a GPU: {error}"),
                ..Fact::of("device", FactState::Warning, &error)
            },
            (device, _) => Fact::ok("device", device.to_string()),
        },
        Err(error) => Fact::of("device", FactState::Missing, &error),
    };
    let cuda = match state.provider {
        true => Fact::ok(
            "cuda",
            "ONNX Runtime's provider for NVIDIA GPUs is there".to_owned(),
        ),
        false => Fact::of(
            "cuda",
            FactState::Absent,
            &RuntimeError::NoCudaProvider {
                path: located.path.clone(),
            },
        ),
    };
    vec![gpu, device, cuda]
}

/// A provider that is fetched separately. It is fine not to have it; but if it was fetched and finds no device, that is
/// worth a warning.
fn plugin(provider: PluginProvider, located: &Located, host: &Host) -> Fact {
    let device = provider.device();
    let topic = device.facts().key;
    let started = load(located).and_then(|runtime| {
        runtime.start_device(device, host)?;
        Ok(runtime.device_name(device))
    });
    match started {
        Ok(name) => Fact::ok(
            topic,
            name.map_or_else(|| "found".to_owned(), |name| format!("found: {name}")),
        ),
        Err(error @ RuntimeError::NoPlugin { .. }) => Fact::of(topic, FactState::Absent, &error),
        Err(error) => Fact::of(topic, FactState::Warning, &error),
    }
}

/// The facts about a folder: a model or CLIP.
fn folder_facts(path: &Path) -> Vec<Fact> {
    match ClipFolder::is_in(path) {
        true => clip_facts(path),
        false => model_facts(path),
    }
}

fn clip_facts(path: &Path) -> Vec<Fact> {
    let folder = match ClipFolder::open(path) {
        Ok(folder) => folder,
        Err(error) => return vec![Fact::of("CLIP", FactState::Missing, &error)],
    };
    let (width, height) = folder.preprocessing().output_size();
    let bytes = Encoder::ALL.map(|encoder| folder.encoder_bytes(encoder));
    let mut facts = vec![Fact::ok(
        "CLIP",
        format!(
            "{}: images of {width} x {height} px, {} tokens, {} MB",
            path.display(),
            folder.context_length(),
            bytes.iter().sum::<u64>() / 1_000_000,
        ),
    )];
    if let Err(error) = folder.tokenizer() {
        facts.push(Fact::of("tokenizer", FactState::Missing, &error));
    }
    facts
}

/// What is wrong with a model's scheduler configuration, if something is.
fn scheduler_fact(folder: &ModelFolder) -> Option<Fact> {
    let sampler = |config: SchedulerConfig| Sampler::new(config.kind()?, &config, 20);
    let error = (SchedulerConfig::parse(folder.scheduler_config()).and_then(sampler)).err()?;
    let state = match error {
        // Sweep files may name a scheduler themselves.
        SchedulerError::NoClass | SchedulerError::UnknownClass { .. } => FactState::Warning,
        SchedulerError::Json { .. }
        | SchedulerError::Invalid { .. }
        | SchedulerError::Unsupported { .. }
        | SchedulerError::Steps { .. }
        | SchedulerError::Strength { .. } => FactState::Missing,
    };
    Some(Fact::of("scheduler", state, &error))
}

fn model_facts(path: &Path) -> Vec<Fact> {
    let folder = match ModelFolder::open(path) {
        Ok(folder) => folder,
        Err(error) => return vec![Fact::of("model", FactState::Missing, &error)],
    };
    let mut facts = vec![Fact::ok(
        "model",
        format!(
            "{}: {}, {} px, sides in multiples of {}, {} tokens, {} MB",
            path.display(),
            folder.precision(),
            folder.resolution(),
            folder.accepted_multiple(),
            folder.context_length(),
            Component::ALL
                .iter()
                .map(|component| folder.component_bytes(*component))
                .sum::<u64>()
                / 1_000_000,
        ),
    )];
    facts.extend(folder.warnings().iter().map(|warning| Fact {
        topic: "model",
        state: FactState::Warning,
        detail: warning.clone(),
        remedy: None,
    }));
    facts.extend(scheduler_fact(&folder));
    if let Err(error) = folder.tokenizer() {
        facts.push(Fact::of("tokenizer", FactState::Missing, &error));
    }
    facts
}
