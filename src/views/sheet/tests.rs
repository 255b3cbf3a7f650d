//! Tests of whole contact sheets: rules that every layout must keep, and what drawn sheets show where.

mod arranged;
mod drawn;
mod laid_out;
