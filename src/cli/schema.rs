//! `ip2p schema`.

use std::process::ExitCode;

use ip2p_sweep::spec;

use super::Error;
use super::render;

pub fn run() -> Result<ExitCode, Error> {
    render::print(&spec::schema());
    Ok(ExitCode::SUCCESS)
}
