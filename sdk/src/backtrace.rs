//! A panic's backtrace, cut down to the author's own code.

use std::fmt::Display;

/// Frames that are handed on at most.
const FRAMES: usize = 48;

/// The last frames of the panic's own machinery, by parts of their names.
const MACHINERY: [&str; 4] =
    ["rust_begin_unwind", "core::panicking::", "std::panicking::begin_panic", "::unwrap_failed"];

/// The first frames of what called the author's code, by parts of their names or
/// of their files: with line tables alone, names come without their modules.
const CALLERS: [&str; 4] = [
    "__rust_try",
    "spacetime_sdk::guard::run",
    "__rust_begin_short_backtrace",
    "/library/std/src/panicking.rs",
];

/// The part of a backtrace that lies between the panic's machinery and the
/// guard, or all of it where their names are not known.
pub(crate) fn shorten(backtrace: &impl Display) -> String {
    let text = backtrace.to_string();
    let frames = frames(&text);
    let is_any = |names: &[&str], frame: &str| names.iter().any(|name| frame.contains(name));
    let first = frames.iter().position(|frame| is_any(&MACHINERY, frame)).map_or(0, |machinery| {
        let rest = &frames[machinery..];
        machinery + rest.iter().take_while(|frame| is_any(&MACHINERY, frame)).count()
    });
    let own = frames[first..].iter().take_while(|frame| !is_any(&CALLERS, frame));
    let own: Vec<&str> = own.take(FRAMES).copied().collect();
    own.join("\n")
}

/// The frames of a backtrace, each with the line that says where it is.
fn frames(text: &str) -> Vec<&str> {
    let begins_frame = |line: &str| {
        let number = line.trim_start().split(':').next().unwrap_or_default();
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    };
    let mut frames = Vec::new();
    let mut start = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if begins_frame(line) {
            frames.extend(start.map(|start: usize| text[start..at].trim_end()));
            start = Some(at);
        }
        at += line.len();
    }
    frames.extend(start.map(|start| text[start..].trim_end()));
    frames
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "   0: spacetime_sdk::guard::on_panic
   1: std::panicking::panic_with_hook
             at /library/std/src/panicking.rs:833:13
   2: __rustc::rust_begin_unwind
   3: core::panicking::panic_fmt
             at /library/core/src/panicking.rs:80:14
   4: my_plugin::inner
             at ./src/lib.rs:7:9
   5: <my_plugin::Mine as spacetime_sdk::strategy::Strategy>::plan
   6: __rust_try
   7: spacetime_sdk::guard::run
   8: clone3
";

    #[test]
    fn the_authors_frames_are_left() {
        let own = "   4: my_plugin::inner\n             at ./src/lib.rs:7:9\n   \
                   5: <my_plugin::Mine as spacetime_sdk::strategy::Strategy>::plan";
        assert_eq!(shorten(&TEXT), own);
    }

    #[test]
    fn with_line_tables_alone_the_guard_is_known_by_its_file() {
        let text = "   6: __rustc::rust_begin_unwind
   7: plan
             at ./src/lib.rs:7:9
   8: do_call<my_plugin::closure_env, ()>
             at /rustc/1234/library/std/src/panicking.rs:581:40
   9: run
             at ./sdk/src/guard.rs:130:18
";
        assert_eq!(shorten(&text), "   7: plan\n             at ./src/lib.rs:7:9");
    }

    #[test]
    fn without_names_all_is_left_but_never_too_much() {
        let text: String = (0..100).map(|frame| format!("{frame:>4}: <unknown>\n")).collect();
        assert_eq!(shorten(&text).lines().count(), FRAMES);
        assert_eq!(shorten(&"disabled backtrace"), "");
    }
}
