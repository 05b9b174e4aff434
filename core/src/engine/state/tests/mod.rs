//! The state, driven by scripts.

mod brought;
mod day;
mod farewell;
mod loner;
mod world;
