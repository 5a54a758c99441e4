//! Does every package of an edition find what it requires inside the edition?
//!
//! An edition stands on its own modules. An add-on may lean on them too, and on the add-ons that its module requires.

use std::collections::BTreeSet;

use super::advice::Advice;
use super::finding::{Finding, Severity};
use super::scene::{Offer, Part, Scene};
use crate::ids::Name;
use crate::plan::solve::{Lack, Shelf, Unmet};
use crate::plan::streams;
use crate::recipe::{Recipe, Repository};

pub(super) fn check(scene: &Scene) -> Vec<Finding> {
    let mut broken = Vec::new();
    for (recipe, repository) in scene.editions() {
        let base = scene.parts(&repository.modules);
        broken.extend(lacks(scene, recipe, base.clone(), None));
        for name in &repository.addons {
            let Some(addon) = scene.part(name) else {
                continue;
            };
            let mut parts = base.clone();
            parts.extend(leaned_on(scene, addon, repository));
            broken.extend(lacks(scene, recipe, parts, Some(name)));
        }
    }
    if broken.is_empty() {
        return Vec::new();
    }
    let lacking = broken.iter().flat_map(|one| &one.lacks);
    let advice = Advice::new(scene, lacking.map(|lack| lack.requirement.as_str()));
    let findings = broken.iter().flat_map(|one| one.findings(scene, &advice));
    findings.collect()
}

/// The modules of an edition, or of it and an add-on, that are not closed.
struct Broken<'a> {
    edition: &'a Recipe,
    addon: Option<&'a Name>,
    parts: BTreeSet<&'a Name>,
    offer: Offer<'a>,
    lacks: Vec<Lack>,
}

/// What is lacking; `None` where nothing is, or where it is not known what the modules hold.
fn lacks<'a>(
    scene: &Scene<'a>,
    edition: &'a Recipe,
    parts: Vec<Part<'a>>,
    addon: Option<&'a Name>,
) -> Option<Broken<'a>> {
    if !scene.knows(&parts) {
        return None;
    }
    let offer = scene.offer(&parts);
    let judged =
        |place: usize| addon.is_none_or(|name| offer.packages[place].0.recipe.name == *name);
    let lacks = Shelf::new(&offer.question).lacks(judged);
    (!lacks.is_empty()).then(|| Broken {
        edition,
        addon,
        parts: parts.iter().map(|part| &part.recipe.name).collect(),
        offer,
        lacks,
    })
}

/// An add-on, with the other add-ons that it requires, however far.
fn leaned_on<'a>(scene: &Scene<'a>, addon: Part<'a>, edition: &Repository) -> Vec<Part<'a>> {
    let mut found = vec![addon];
    let mut next = 0;
    while let Some(part) = found.get(next).copied() {
        next += 1;
        let requires = part.holding.document.iter().flat_map(|d| &d.requires);
        for (name, wanted) in requires.flatten() {
            for other in scene.parts(&edition.addons) {
                let document = other.holding.document.as_ref();
                let fits = document.is_some_and(|d| d.name == *name && streams::fits(d, wanted));
                if fits && found.iter().all(|one| one.recipe.name != other.recipe.name) {
                    found.push(other);
                }
            }
        }
    }
    found
}

impl Broken<'_> {
    fn findings(&self, scene: &Scene, advice: &Advice) -> Vec<Finding> {
        let lacks = self.lacks.iter();
        lacks
            .map(|lack| self.finding(scene, advice, lack))
            .collect()
    }

    fn finding(&self, scene: &Scene, advice: &Advice, lack: &Lack) -> Finding {
        let (part, held) = self.offer.packages[lack.package];
        let requirement = &lack.requirement;
        let nevra = &held.solvable.nevra;
        let inside = match self.addon {
            None => self.edition.name.to_string(),
            Some(addon) => format!("{} with its add-on {addon}", self.edition.name),
        };
        let message = match &lack.unmet {
            Unmet::NothingProvides => {
                format!("{nevra} requires `{requirement}`, which no package of {inside} provides")
            }
            unmet => format!("{nevra} requires `{requirement}`{unmet}"),
        };
        let code = "unmet-dependency";
        let mut finding = Finding::new(self.edition, Severity::Error, code, message)
            .package(nevra)
            .at(scene.place(part, held, requirement))
            .hint(advice.on(requirement, &self.parts));
        finding.requirement = Some(requirement.clone());
        finding
    }
}
