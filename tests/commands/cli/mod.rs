//! The program as its users meet it: exit codes, and the exact words of errors.

mod begun;
mod events;
mod faults;
mod fixture;
mod followed;
mod printed;
mod readme;
mod reference;
mod refused;
mod reviewed;
mod surroundings;
