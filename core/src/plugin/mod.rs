//! Which components run, over the loader: where plugin files are looked for,
//! which component a name means, what becomes of one that fails.

mod folders;

pub use folders::folders;
