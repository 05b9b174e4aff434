//! A small host: loads the plugin files that it is given, each followed by the
//! config of all its components, uses them, and prints a line for each
//! component.

mod uses;

use std::path::Path;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().expect("a folder for transports");
    let network = arguments.next().expect("a network's JSON");
    while let (Some(plugin), Some(config)) = (arguments.next(), arguments.next()) {
        for line in uses::of(Path::new(&plugin), &config, Path::new(&folder), &network) {
            println!("{line}");
        }
    }
}
