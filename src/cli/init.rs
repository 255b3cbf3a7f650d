//! `ip2p init`: a commented sweep file to begin with.

use std::path::PathBuf;
use std::process::ExitCode;

use ip2p_sweep::spec::{SweepSpec, template};
use ip2p_sweep::{Error, store};

use super::render;

/// `ip2p init`.
#[derive(Debug, clap::Args)]
pub struct Init {
    /// Image to edit, relative to where the sweep file will lie
    image: String,
    /// What to do with it, e.g. "make it winter"
    instruction: String,
    /// Model folder
    #[arg(long, default_value = "onnx/instruct-pix2pix")]
    model: String,
    /// File to write; it must not exist
    #[arg(long, short, value_name = "FILE", default_value = "sweep.toml")]
    out: PathBuf,
}

impl Init {
    pub fn run(self) -> Result<ExitCode, Error> {
        let text = template(&self.image, &self.instruction, &self.model);
        store::write_new_file(&self.out, text.as_bytes())?;
        render::line(format_args!(
            "wrote {0}; next: ip2p plan {0}",
            self.out.display()
        ));
        if let Err(error) = SweepSpec::read(&self.out) {
            for missing in std::iter::once(&error).chain(error.others()) {
                render::line(format_args!("note: {missing}"));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
