//! Tests of the comparator with changes that it must catch, computed by the real engine on the demo model; and of
//! baselines throughout their life.

mod baselines;
mod broken;
mod caught;
mod commands;
mod fixture;
mod folders;
mod left_out;
mod reports;
mod similarity;
mod weights;
