//! Which modules need which: `moddep.lst`.

use std::collections::{BTreeMap, BTreeSet};

use super::Error;

/// The modules of a GRUB, each with those that it needs.
#[derive(Debug, Clone, Default)]
pub struct Dependencies(BTreeMap<String, Vec<String>>);

impl Dependencies {
    /// Lines of `moddep.lst`: `NAME: NAME…`.
    pub fn parse(text: &str) -> Self {
        let lines = text.lines().filter_map(|line| line.split_once(':'));
        let words = |rest: &str| rest.split_whitespace().map(str::to_owned).collect();
        let all = lines.map(|(name, rest)| (name.trim().to_owned(), words(rest)));
        Dependencies(all.collect())
    }

    pub fn knows(&self, module: &str) -> bool {
        self.0.contains_key(module)
    }
}

/// Modules with all that they need, each once, what is needed first.
pub fn with_dependencies(wanted: &[&str], all: &Dependencies) -> Result<Vec<String>, Error> {
    let mut order = Vec::new();
    let mut met = BTreeSet::new();
    for name in wanted {
        // A module follows when all that it needs is there; one that needs itself was met already.
        let mut open = vec![(name.to_string(), false)];
        while let Some((name, ready)) = open.pop() {
            if ready {
                order.push(name);
                continue;
            }
            let needed = all.0.get(&name);
            let needed = needed.ok_or_else(|| Error::NoModule(name.clone()))?;
            if !met.insert(name.clone()) {
                continue;
            }
            open.push((name, true));
            // The last of the list comes first, as in GRUB's own tool.
            open.extend(needed.iter().map(|needed| (needed.clone(), false)));
        }
    }
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_module_needs_comes_before_it() {
        let all = "normal: terminal net\nnet: bufio\nterminal:\nbufio:\nxfs: xfs\n";
        let all = Dependencies::parse(all);
        let order = with_dependencies(&["normal", "bufio", "xfs"], &all).unwrap();
        assert_eq!(order, ["bufio", "net", "terminal", "normal", "xfs"]);
        let error = with_dependencies(&["zfs"], &all).unwrap_err();
        assert_eq!(error.to_string(), "GRUB has no module zfs");
    }
}
