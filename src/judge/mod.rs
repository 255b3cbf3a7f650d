//! What is said of images once they are there: how far two are apart, how far an edit went
//! from its input, and what to try instead.

pub mod advice;
pub mod difference;
pub mod measures;
