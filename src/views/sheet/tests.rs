//! Contact sheets as wholes: what a layout must keep to, and what drawn sheets show where.

mod arranged;
mod drawn;
mod laid_out;
