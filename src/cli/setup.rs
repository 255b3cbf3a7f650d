//! `ip2p setup`: fetches ONNX Runtime into the cache.

use std::process::ExitCode;

use ip2p_sweep::onnxruntime::{
    Host, Located, PluginProvider, SetupEvent, Wanted, setup, setup_plugin,
};

use super::Error;
use super::events::{self, Event, SetUp};
use super::render;

/// `ip2p setup`.
#[derive(Debug, clap::Args)]
pub struct Setup {
    /// The build for NVIDIA GPUs, with the CUDA libraries it needs (1.5 GB to download)
    #[arg(long)]
    cuda: bool,
    /// The provider for GPUs from any vendor, in addition to ONNX Runtime (7 MB to download)
    #[arg(long)]
    webgpu: bool,
    /// The provider for Intel CPUs and GPUs, in addition to ONNX Runtime (53 MB to download)
    #[arg(long)]
    openvino: bool,
}

impl Setup {
    pub fn run(self) -> Result<ExitCode, Error> {
        let wanted = if self.cuda { Wanted::Cuda } else { Wanted::Cpu };
        let host = Host::current(None);
        let located = fetch(&host, wanted)?;
        let plugins = PluginProvider::ALL.into_iter();
        let plugins = plugins.filter(|provider| match provider {
            PluginProvider::WebGpu => self.webgpu,
            PluginProvider::OpenVino => self.openvino,
        });
        let providers = plugins
            .map(|provider| setup_plugin(&host, provider, &mut report_progress))
            .collect::<Result<Vec<_>, _>>()?;
        let folders = providers.iter().map(|folder| folder.display().to_string());
        let folders: Vec<String> = folders.collect();
        let (version, path) = (located.version, located.path.display());
        match events::are_wanted() {
            true => events::emit(Event::Setup(SetUp {
                onnxruntime: version.to_string(),
                path: path.to_string(),
                providers: folders,
            })),
            false => {
                render::line(format_args!("ONNX Runtime {version} is ready: {path}"));
                for folder in folders {
                    render::line(format_args!("a provider for it is ready: {folder}"));
                }
            }
        }
        render::next("ip2p demo");
        Ok(ExitCode::SUCCESS)
    }
}

/// Fetches a runtime and reports progress.
pub fn fetch(host: &Host, wanted: Wanted) -> Result<Located, Error> {
    Ok(setup(host, wanted, &mut report_progress)?)
}

fn report_progress(event: SetupEvent) {
    match event {
        SetupEvent::Damaged { file } => render::aside(format_args!(
            "{} is missing or damaged: all has to be fetched again",
            file.display()
        )),
        SetupEvent::Waiting => render::aside(format_args!("waiting for another setup to end")),
        SetupEvent::Downloading {
            wheel,
            number,
            count,
        } => render::aside(format_args!("fetching {wheel} ({number} of {count})")),
        SetupEvent::Unpacking { .. } | SetupEvent::Ready { .. } => {}
    }
}
