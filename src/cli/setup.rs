//! `ip2p setup`: fetches ONNX Runtime into the cache.

use std::process::ExitCode;

use ip2p_sweep::onnxruntime::{Host, Located, SetupEvent, Wanted, setup};

use super::Error;
use super::events::{self, Event, JsonFlag, SetUp};
use super::render;

/// `ip2p setup`.
#[derive(Debug, clap::Args)]
pub struct Setup {
    /// The build for NVIDIA GPUs, with the CUDA libraries it needs (1.5 GB to fetch)
    #[arg(long)]
    cuda: bool,
    #[command(flatten)]
    pub json: JsonFlag,
}

impl Setup {
    pub fn run(self) -> Result<ExitCode, Error> {
        let wanted = if self.cuda { Wanted::Cuda } else { Wanted::Cpu };
        let located = fetch(&Host::current(None), wanted)?;
        let (version, path) = (located.version, located.path.display());
        match events::are_wanted() {
            true => events::emit(Event::Setup(SetUp {
                onnxruntime: version.to_string(),
                path: path.to_string(),
            })),
            false => render::line(format_args!("ONNX Runtime {version} is ready: {path}")),
        }
        render::next("ip2p demo");
        Ok(ExitCode::SUCCESS)
    }
}

/// Fetches a runtime and says how far it is.
pub fn fetch(host: &Host, wanted: Wanted) -> Result<Located, Error> {
    let located = setup(host, wanted, &mut |event| match event {
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
    })?;
    Ok(located)
}
