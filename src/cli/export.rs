//! `ip2p export`: converts a model from the hub, a folder or a single file into a folder that sweeps can use.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ip2p_sweep::export::{Ended, ExportEvent, Kind, Request, export};
use ip2p_sweep::onnxruntime::Host;

use super::events::{self, Event, Exported};
use super::{Error, Exit, interrupt, output, render};

/// `ip2p export`.
#[derive(Debug, clap::Args)]
pub struct Export {
    /// A hub name (timbrooks/instruct-pix2pix), a diffusers folder, or a checkpoint (.safetensors, .ckpt)
    model: String,
    /// Folder to write [default: onnx/NAME under the current folder]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Precision in which the UNet computes; fp16 is for GPUs and half the size
    #[arg(long, value_parser = ["fp32", "fp16"], default_value = "fp32")]
    precision: String,
    /// Keep float32 arithmetic, but store the weights as float16: half the size
    #[arg(long, value_parser = ["fp16"], conflicts_with = "clip")]
    store: Option<String>,
    /// Write a second folder, DIR-cuda, with fused operators that need CUDA
    #[arg(long, value_parser = ["cuda"], conflicts_with = "clip")]
    optimize: Option<String>,
    /// Fuse a LoRA into the weights, at scale 1 or the given one; can be repeated
    #[arg(long, value_name = "FILE[:SCALE]", conflicts_with = "clip")]
    lora: Vec<String>,
    /// For a checkpoint of Stable Diffusion 2: what its UNet predicts
    #[arg(long, value_parser = ["epsilon", "v_prediction"], conflicts_with = "clip")]
    prediction: Option<String>,
    /// For a checkpoint: use the averaged (EMA) weights if it has both
    #[arg(long, conflicts_with = "clip")]
    ema: bool,
    /// For a checkpoint: folder or hub name of the tokenizer [default: openai/clip-vit-large-patch14]
    #[arg(long, value_name = "FOLDER", conflicts_with = "clip")]
    tokenizer: Option<String>,
    /// The model is a CLIP, for the key measures.clip
    #[arg(long)]
    clip: bool,
    /// Do not compare the export with torch
    #[arg(long)]
    no_verify: bool,
    /// Replace the folder if it exists
    #[arg(long)]
    overwrite: bool,
}

impl Export {
    pub fn run(self) -> Result<ExitCode, Error> {
        let out = self.out();
        let request = self.request(out.clone());
        let mut follow = |event| match event {
            ExportEvent::Waiting => {
                render::aside(format_args!(
                    "waiting for another export to install its packages"
                ));
            }
            ExportEvent::Installing(folder) => render::aside(format_args!(
                "installing the packages of the export (torch, diffusers, ...; several GB, once) into {}",
                folder.display()
            )),
            ExportEvent::WithoutUv => {
                render::aside(format_args!("uv failed; trying Python's own venv and pip"));
            }
        };
        match export(
            &Host::current(None),
            &request,
            interrupt::flag(),
            &mut follow,
        )? {
            Ended::Code(0) => report_next_step(request.kind, &out),
            Ended::Code(code) => {
                if events::are_wanted() {
                    events::failed("the export failed: standard error says why", code);
                }
                return Ok(ExitCode::from(code));
            }
            Ended::Interrupted => return Ok(ExitCode::from(Exit::Interrupted)),
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The folder to write: the one requested, or one named after the model.
    fn out(&self) -> PathBuf {
        self.out.clone().unwrap_or_else(|| {
            let name = Path::new(&self.model);
            let is_file = name.is_file();
            let name = if is_file {
                name.file_stem()
            } else {
                name.file_name()
            };
            let name = name.map_or("model".into(), |name| name.to_string_lossy());
            let half = if self.precision == "fp16" {
                "-fp16"
            } else {
                ""
            };
            Path::new("onnx").join(format!("{name}{half}"))
        })
    }

    fn request(self, out: PathBuf) -> Request {
        let mut options = Vec::new();
        if !self.clip {
            options.extend(["--precision".to_owned(), self.precision]);
        }
        for (name, value) in [
            ("--store", self.store),
            ("--optimize", self.optimize),
            ("--prediction", self.prediction),
            ("--tokenizer", self.tokenizer.map(absolute_if_there)),
        ] {
            options.extend(
                value
                    .map(|value| [name.to_owned(), value])
                    .into_iter()
                    .flatten(),
            );
        }
        for (name, is_given) in [("--ema", self.ema), ("--verify", !self.no_verify)] {
            options.extend(is_given.then(|| name.to_owned()));
        }
        Request {
            kind: if self.clip {
                Kind::Clip
            } else {
                Kind::Pipeline
            },
            model: self.model,
            out,
            overwrite: self.overwrite,
            loras: self.lora,
            options,
            aside: events::are_wanted(),
        }
    }
}

/// Makes the path of an existing folder absolute, because the scripts run elsewhere.
fn absolute_if_there(path: String) -> String {
    match Path::new(&path).exists() {
        true => {
            std::path::absolute(&path).map_or(path, |whole| whole.to_string_lossy().into_owned())
        }
        false => path,
    }
}

/// Prints the line for a sweep file, and the command that writes one.
fn report_next_step(kind: Kind, out: &Path) {
    let path = toml::Value::String(out.display().to_string());
    let line = match kind {
        Kind::Pipeline => format!("model = {path}"),
        Kind::Clip => format!("[measures]\nclip = {path}"),
    };
    if events::are_wanted() {
        let folder = out.display().to_string();
        events::emit(Event::Exported(Exported { folder, line }));
        return;
    }
    output::print(&format!("in a sweep file of this folder:\n\n{line}\n"));
    match kind {
        Kind::Pipeline => render::next(&format!(
            "ip2p init IMAGE \"make it winter\" --model {}",
            render::shell_word(&out.display().to_string())
        )),
        Kind::Clip => {}
    }
}
