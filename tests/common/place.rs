//! A folder in which the program is used.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use assert_cmd::assert::{Assert, OutputAssertExt};
use tempfile::TempDir;

use super::{copy_folder, golden, library};

/// Variables that CI services set and `ip2p` respects.
pub const CI_VARIABLES: [&str; 3] = ["CI", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"];

/// A folder with an image and a model beside the sweep file.
pub struct Place {
    pub folder: TempDir,
}

impl Place {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::copy(
            golden().join("runs/input/64x48.png"),
            folder.path().join("in.png"),
        )
        .unwrap();
        copy_folder(&golden().join("tiny_eps"), &folder.path().join("model"));
        Self { folder }
    }

    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `ip2p` in this folder, with this machine's ONNX Runtime, as on a person's desk wherever the tests run.
    pub fn ip2p(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ip2p"));
        command.current_dir(self.folder.path()).args(arguments);
        command.env("ORT_DYLIB_PATH", library().path);
        for name in CI_VARIABLES {
            command.env_remove(name);
        }
        command
    }

    /// Runs a sweep file with this text.
    pub fn run(&self, text: &str) -> Assert {
        fs::write(self.path("s.toml"), text).unwrap();
        self.ip2p(&["run", "s.toml"]).assert()
    }
}
