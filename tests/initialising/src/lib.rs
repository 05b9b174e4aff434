//! A plugin that does something as soon as its library is loaded, before any of
//! its functions is called: it writes the file that an environment variable
//! names. Its config's own code does the same.

use serde::{Deserialize, Deserializer};
use spacetime_sdk::{Job, Plan, Plot, Result, Schema, Spans, Strategy};

/// Names the file.
const VARIABLE: &str = "SPACETIME_TEST_MARK";

/// Run by the system's loader.
#[used]
#[allow(unsafe_code, reason = "the section is what makes it an initialiser")]
#[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__mod_init_func"))]
#[cfg_attr(windows, unsafe(link_section = ".CRT$XCU"))]
#[cfg_attr(not(any(target_vendor = "apple", windows)), unsafe(link_section = ".init_array"))]
static INITIALISER: extern "C" fn() = initialise;

extern "C" fn initialise() {
    leave("loaded");
}

fn leave(mark: &str) {
    if let Some(file) = std::env::var_os(VARIABLE) {
        // The test sees whether there is one.
        let _ = std::fs::write(file, mark);
    }
}

#[derive(Schema)]
#[schema(as = Described)]
struct Config;

/// What a config looks like.
#[derive(Deserialize, Schema)]
#[allow(dead_code, reason = "nobody reads it")]
struct Described {
    /// Does nothing.
    #[schema(min = 1, max = 9)]
    level: u8,
}

impl<'de> Deserialize<'de> for Config {
    fn deserialize<D: Deserializer<'de>>(value: D) -> std::result::Result<Self, D::Error> {
        leave("read");
        Described::deserialize(value).map(|_| Self)
    }
}

struct Initialising;

impl Strategy for Initialising {
    type Config = Config;

    fn open(Config: Config) -> Result<Self> {
        Ok(Self)
    }

    fn begin(&mut self, _: &Job, _: &Plot) -> Result<()> {
        Ok(())
    }

    fn plan(&mut self, _: &mut Spans<'_>) -> Result<Plan> {
        Ok(Plan::Done)
    }
}

spacetime_sdk::export_plugin! {
    strategy "initialising": Initialising, "Scans nothing, and tells that it was loaded";
}
