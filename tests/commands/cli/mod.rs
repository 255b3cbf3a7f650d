//! The program as its users meet it: exit codes, and the exact words of errors.

mod fixture;
mod followed;
mod printed;
mod refused;
