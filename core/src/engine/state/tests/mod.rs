//! The state, driven by scripts.

mod brought;
mod day;
mod loner;
mod world;
