//! The run folder: what is written, what is read back, and what survives.

mod fixture;
mod identity;
mod killed;
mod refused;
mod resumed;
mod tree;
mod writer;
mod written;
