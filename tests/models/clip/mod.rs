//! CLIP's measures compared with transformers: the same images, captions and weights give the same similarities.

mod commands;
mod fixture;
mod measured;
mod refused;
mod similarities;
