//! The comparator against what it must catch, computed by the real engine on the demo model; and baselines
//! through their whole life.

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
