//! A model folder: everything that can be checked before a runtime is loaded.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::config::{TextConfig, UnetConfig, VaeConfig, context_length};
use super::graph::{Graphs, Ports};
use super::graph_files::GraphFiles;
use super::onnx_file::OnnxFile;
use super::stamps::Stamps;
use super::tokenizer::{Tokenizer, TokenizerFolder};
use super::{ElementType, KnownDigests, ModelError, files};
use crate::diffusion::Component;
use crate::pipeline::Family;

/// A complete and consistent model in the layout that Optimum writes.
#[derive(Debug)]
pub struct ModelFolder {
    path: PathBuf,
    family: Family,
    vae: VaeConfig,
    unet: UnetConfig,
    /// What the sides of latents must be multiples of, according to the UNet's file.
    latent_multiple: Option<u32>,
    context_length: usize,
    scheduler: String,
    tokenizer: TokenizerFolder,
    graphs: Graphs,
    components: Vec<ComponentFiles>,
    warnings: Vec<String>,
    /// Stamps of every file that the digest covers, from before the digest was taken.
    stamps: Stamps,
}

/// The files of one component.
#[derive(Debug)]
struct ComponentFiles {
    component: Component,
    graph: GraphFiles,
    precision: ElementType,
    /// Whether attention is split into several operators, with an explicit softmax.
    softmax: bool,
}

impl ModelFolder {
    /// Reads and checks the folder at `path`, without ONNX Runtime.
    ///
    /// # Errors
    /// If a file is missing, invalid or from another kind of model, or a path leads outside the folder.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, ModelError> {
        let path = path.as_ref().to_owned();
        if !path.exists() {
            return Err(ModelError::NoFolder { path });
        }
        if !path.is_dir() {
            return Err(ModelError::NotAFolder { path });
        }
        let config = |component: Component| path.join(component.folder()).join("config.json");
        let unet = UnetConfig::read(&config(Component::Unet))?;
        let vae = VaeConfig::read(
            &config(Component::VaeEncoder),
            &config(Component::VaeDecoder),
        )?;
        let family = check_family(&path, &unet, &vae)?;
        let text = TextConfig::read(&config(Component::TextEncoder))?;
        let scheduler = scheduler_text(&path)?;
        let tokenizer = TokenizerFolder::find(&path)?;
        let context_length = context_length(&path, &text)?;

        let mut components = Vec::new();
        let mut read = |component: Component| -> Result<(PathBuf, OnnxFile), ModelError> {
            let (graph, facts) = GraphFiles::read(&path, component.folder())?;
            let model = graph.model.clone();
            components.push(ComponentFiles {
                component,
                graph,
                precision: facts.precision(),
                softmax: facts.softmax,
            });
            Ok((model, facts))
        };
        let ports = Ports {
            text_encoder: read(Component::TextEncoder)?,
            vae_encoder: read(Component::VaeEncoder)?,
            unet: read(Component::Unet)?,
            vae_decoder: read(Component::VaeDecoder)?,
        };
        let (graphs, warnings) = Graphs::check(&ports, &unet, &vae, context_length)?;
        let stamps = Stamps::take(paths(&path, &components, &tokenizer))?;
        Ok(Self {
            stamps,
            path,
            family,
            vae,
            unet,
            latent_multiple: ports.unet.1.latent_multiple,
            context_length,
            scheduler,
            tokenizer,
            graphs,
            components,
            warnings,
        })
    }

    /// The path as given to [`ModelFolder::open`].
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Image pixels per latent pixel along one side: 8 for Stable Diffusion.
    pub fn vae_factor(&self) -> u32 {
        self.vae.factor
    }

    /// The VAE's scaling factor: latents are divided by it before decoding.
    pub fn scaling_factor(&self) -> f32 {
        self.vae.scaling_factor as f32
    }

    /// What the model is for.
    pub fn family(&self) -> Family {
        self.family
    }

    /// Number of channels of the latents: 4 for Stable Diffusion.
    pub fn latent_channels(&self) -> usize {
        self.vae.latent_channels
    }

    /// What a side must be a multiple of for every level of the UNet to halve it evenly, in pixels: 64 for Stable
    /// Diffusion.
    ///
    /// Optimum fixes the sizes of the UNet's upsampling in the graph, so that both sides of an image must be multiples
    /// of this unless the file says otherwise ([`ModelFolder::accepted_multiple`]).
    pub fn size_multiple(&self) -> u32 {
        self.vae.factor << (self.unet.levels - 1)
    }

    /// What both sides of an image must be multiples of, in pixels, for the UNet to accept it: the VAE factor if its
    /// file says that it takes latents of any size (`onnx/export.py` writes `ip2p_latent_multiple = 1`), otherwise
    /// [`ModelFolder::size_multiple`].
    pub fn accepted_multiple(&self) -> u32 {
        let said = self.latent_multiple.unwrap_or(u32::MAX);
        said.saturating_mul(self.vae.factor)
            .min(self.size_multiple())
    }

    /// The longest side, in pixels, for which the model is configured: 512 for InstructPix2Pix (its UNet says 64 latent
    /// pixels, although it was trained on 256 pixels).
    pub fn resolution(&self) -> u32 {
        self.unet.sample_size * self.vae.factor
    }

    /// Elements of the largest tensor of attention scores for one UNet row, with latents of this height and width;
    /// `None` if attention is fused and never holds all scores.
    pub(super) fn attention_scores(&self, height: usize, width: usize) -> Option<u64> {
        let holds = self.graphs.unet.holds_scores;
        holds.then(|| self.unet.attention_scores(height, width))
    }

    /// Channels of the UNet's first level.
    pub(super) fn unet_width(&self) -> u64 {
        self.unet.width as u64
    }

    /// Channels of the widest tensor at the image's own size in one half of the VAE; the decoder's comes from the level
    /// below.
    pub(super) fn vae_width(&self, component: Component) -> u64 {
        let level = usize::from(component == Component::VaeDecoder);
        let width = self.vae.widths.get(level).or(self.vae.widths.last());
        width.copied().unwrap_or(0) as u64
    }

    /// Whether a half of the VAE holds attention scores between all latent pixels.
    pub(super) fn vae_attends(&self, component: Component) -> bool {
        self.vae.attends && self.files(component).is_some_and(|files| files.softmax)
    }

    /// Number of tokens of a text, including start and end marks: 77 for Stable Diffusion.
    pub fn context_length(&self) -> usize {
        self.context_length
    }

    /// Channels of the text embeddings that the UNet takes.
    pub(super) fn text_width(&self) -> usize {
        self.unet.text_width
    }

    /// The precision in which the UNet computes, as far as its file shows: `fp32`, `fp16`, or `fp16-weights` if weights
    /// are stored as float16 but inputs are float32 (most of the computation is then float32).
    pub fn precision(&self) -> &'static str {
        let weights = self.files(Component::Unet).map(|files| files.precision);
        let halves = weights == Some(ElementType::Float16);
        let computes_halves = self.graphs.unet.sample.element == ElementType::Float16;
        match (computes_halves, halves) {
            (true, _) => "fp16",
            (false, true) => "fp16-weights",
            (false, false) => "fp32",
        }
    }

    /// Size of a component's graph and weights on disk in bytes, which is close to the memory it takes.
    pub fn component_bytes(&self, component: Component) -> u64 {
        self.files(component).map_or(0, |files| files.graph.bytes)
    }

    /// The text of `scheduler/scheduler_config.json`, valid JSON.
    pub fn scheduler_config(&self) -> &str {
        &self.scheduler
    }

    /// Notes for the user on a model that is unusual but can run.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Reads the model's tokenizer.
    ///
    /// # Errors
    /// [`ModelError::Tokenizer`] or [`ModelError::Json`] if the tokenizer's files are not valid.
    pub fn tokenizer(&self) -> Result<Tokenizer, ModelError> {
        Tokenizer::read(&self.tokenizer, self.context_length)
    }

    /// SHA-256, in hexadecimal, over all files that can change a pixel: graphs, weights, configurations and tokenizer.
    /// Reads every byte of files whose digests are not known.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn digest(&self, known: &KnownDigests) -> Result<String, ModelError> {
        let paths = paths(&self.path, &self.components, &self.tokenizer);
        let digest = files::digest(&self.path, &paths, known)?;
        self.unchanged()?;
        Ok(digest)
    }

    /// SHA-256 of each of these files, in hexadecimal, by name in the folder.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn file_digests(
        &self,
        known: &KnownDigests,
    ) -> Result<BTreeMap<String, String>, ModelError> {
        let paths = paths(&self.path, &self.components, &self.tokenizer);
        files::digests(&self.path, &paths, known)
    }

    /// Checks that the files are still those of the digest; to be called before and after loading one of them.
    ///
    /// # Errors
    /// [`ModelError::Changed`] with the first file that was changed or removed.
    pub fn unchanged(&self) -> Result<(), ModelError> {
        self.stamps.check()
    }

    /// The ONNX file of a component.
    pub(super) fn model_file(&self, component: Component) -> PathBuf {
        self.path.join(component.folder()).join("model.onnx")
    }

    /// The inputs and outputs of the graphs.
    pub(super) fn graphs(&self) -> &Graphs {
        &self.graphs
    }

    fn files(&self, component: Component) -> Option<&ComponentFiles> {
        self.components
            .iter()
            .find(|files| files.component == component)
    }
}

/// All files that can change a pixel.
fn paths(root: &Path, components: &[ComponentFiles], tokenizer: &TokenizerFolder) -> Vec<PathBuf> {
    let mut paths = vec![root.join(SCHEDULER)];
    paths.extend(components.iter().flat_map(|files| files.graph.paths()));
    paths.extend(tokenizer.paths());
    paths
}

const SCHEDULER: &str = "scheduler/scheduler_config.json";

/// The family of a model; models that this program cannot run are refused by name.
fn check_family(path: &Path, unet: &UnetConfig, vae: &VaeConfig) -> Result<Family, ModelError> {
    let path = || path.to_owned();
    if path().join("text_encoder_2").is_dir() {
        return Err(ModelError::TwoTextEncoders { path: path() });
    }
    let (channels, latent) = (unet.in_channels, vae.latent_channels);
    let families = [
        Family::TextToImage,
        Family::InstructPix2Pix,
        Family::Inpainting,
    ];
    let [generate, edit, inpaint] = families.map(|family| family.unet_channels(latent));
    Family::of(channels, latent).ok_or_else(|| ModelError::OtherChannels {
        path: path(),
        channels,
        expected: format!(
            "{generate} (text-to-image), {edit} (InstructPix2Pix) or {inpaint} (inpainting)"
        ),
    })
}

/// The text of the scheduler's configuration; it is interpreted by [`crate::diffusion`].
fn scheduler_text(root: &Path) -> Result<String, ModelError> {
    let path = root.join(SCHEDULER);
    let text = files::text(&path)?;
    serde_json::from_str::<serde_json::Map<_, _>>(&text)
        .map_err(|source| ModelError::Json { path, source })?;
    Ok(text)
}
