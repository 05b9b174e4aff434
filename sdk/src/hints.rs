//! What to write instead of a name that is not known.

/// A hint at the end of a sentence: the nearest name, and all that are known.
pub(crate) fn known<'a>(name: &str, all: impl Iterator<Item = &'a str> + Clone) -> String {
    let quoted: Vec<String> = all.clone().map(|known| format!("`{known}`")).collect();
    let list = quoted.join(", ");
    match (nearest(name, all), &*quoted) {
        (_, []) => "; there is none to be given".to_owned(),
        (Some(near), [_]) => format!("; did you mean `{near}`?"),
        (Some(near), _) => format!("; did you mean `{near}`? Known are {list}"),
        (None, _) => format!("; known are {list}"),
    }
}

fn nearest<'a>(name: &str, all: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    all.map(|known| (strsim::jaro_winkler(&name, known), known))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_offered() {
        let hint = |name, all: &[&'static str]| known(name, all.iter().copied());
        assert_eq!(hint("stpe", &["step"]), "; did you mean `step`?");
        assert_eq!(
            hint("stpe", &["step", "size"]),
            "; did you mean `step`? Known are `step`, `size`"
        );
        assert_eq!(hint("x", &["step"]), "; known are `step`");
        assert_eq!(hint("x", &[]), "; there is none to be given");
    }
}
