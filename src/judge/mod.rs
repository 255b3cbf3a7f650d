//! What is said of images once they are there: how far two are apart.

pub mod difference;
