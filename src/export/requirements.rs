//! The packages that the scripts pin in their own metadata (PEP 723), which is the only list of them.

use std::collections::BTreeSet;

use crate::bundled::SCRIPTS;

/// All pinned packages of all scripts, so that one environment serves them all.
pub(super) fn pinned() -> Vec<String> {
    let lines = SCRIPTS.iter().flat_map(|(_, text)| text.lines());
    let pins: BTreeSet<&str> = lines.filter_map(pin).collect();
    pins.into_iter().map(str::to_owned).collect()
}

/// The requirement in a line like `# "numpy==2.3.5", # why`.
fn pin(line: &str) -> Option<&str> {
    let (requirement, _) = line.strip_prefix("#     \"")?.split_once('"')?;
    requirement.contains("==").then_some(requirement)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_scripts_dependencies_is_read_once() {
        let pins = pinned();
        for (_, text) in SCRIPTS {
            let lines = text
                .lines()
                .skip_while(|line| *line != "# dependencies = [");
            let lines = lines.skip(1).take_while(|line| *line != "# ]");
            for line in lines {
                assert!(
                    pin(line).is_some_and(|found| pins.iter().any(|pin| pin == found)),
                    "{line}"
                );
            }
        }
        let names: BTreeSet<_> = pins
            .iter()
            .filter_map(|pin| pin.split("==").next())
            .collect();
        assert_eq!(names.len(), pins.len(), "one version of each: {pins:?}");
        assert!(names.contains("torch") && names.contains("pillow"));
    }

    #[test]
    fn the_wheels_extra_is_what_the_scripts_pin() {
        let project: toml::Table = include_str!("../../pyproject.toml").parse().unwrap();
        let extra = &project["project"]["optional-dependencies"]["export"];
        let extra: Vec<_> = extra
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|pin| pin.as_str())
            .collect();
        assert_eq!(extra, pinned());
    }
}
