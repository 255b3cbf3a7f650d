//! `ip2p demo`: runs the bundled sweep on a machine where nothing is set up.

use std::path::PathBuf;
use std::process::ExitCode;

use ip2p_sweep::bundled;
use ip2p_sweep::onnxruntime::{Host, Wanted, locate};

use super::progress::ProgressFlags;
use super::run::run_prepared;
use super::{Error, LibraryFlag, RuntimeFlags, prepared, setup};

/// `ip2p demo`.
#[derive(Debug, clap::Args)]
pub struct Demo {
    /// Run folder
    #[arg(long, value_name = "DIR", default_value = "results/demo")]
    out: PathBuf,
    #[command(flatten)]
    runtime: RuntimeFlags,
    #[command(flatten)]
    library: LibraryFlag,
    #[command(flatten)]
    pub progress: ProgressFlags,
}

impl Demo {
    pub fn run(self) -> Result<ExitCode, Error> {
        let mut host = Host::current(self.library.onnxruntime);
        if host.onnxruntime.is_none() && locate(&host).is_err() {
            host.onnxruntime = Some(setup::fetch(&host, Wanted::Cpu)?.path);
        }
        let sweep = bundled::demo_sweep()?;
        let prepared = prepared(&sweep, self.runtime.into(), &host)?;
        run_prepared(&prepared, &self.out, host, self.progress)
    }
}
