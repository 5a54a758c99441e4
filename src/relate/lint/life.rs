//! Is something in use that nobody cares for any more, or that ends before what stands on it?

use super::finding::{Finding, Severity};
use super::scene::Scene;
use crate::plan::streams;
use crate::recipe::{Date, Kind, Place, Recipe};

/// So long before the end of its life something is worth a warning.
const SOON: i64 = 90 * 24 * 60 * 60;

pub(super) fn check(scene: &Scene) -> Vec<Finding> {
    let epoch = scene.recipes.release.epoch;
    let mut findings = Vec::new();
    for recipe in scene.judged() {
        let Some(end) = end(scene, recipe) else {
            continue;
        };
        if let Some(finding) = ended(recipe, end, epoch) {
            findings.push(finding);
        }
        for other in stands_on(scene, recipe) {
            if let Some(finding) = outlives(scene, (recipe, end), other) {
                findings.push(finding);
            }
        }
    }
    findings
}

fn ended(recipe: &Recipe, end: Date, epoch: i64) -> Option<Finding> {
    let (name, kind) = (&recipe.name, recipe.kind.name());
    let finding = match end.seconds() - epoch {
        left if left < 0 => {
            let message = format!("{kind} {name} came to the end of its life on {end}");
            Finding::new(recipe, Severity::Error, "end-of-life", message)
                .hint("move to another stream, or leave it out")
        }
        left if left <= SOON => {
            let days = left / (24 * 60 * 60);
            let message = format!(
                "{kind} {name} comes to the end of its life on {end}, {days} days after the release"
            );
            Finding::new(recipe, Severity::Warning, "end-of-life-soon", message)
        }
        _ => return None,
    };
    Some(finding.at(place(recipe)))
}

fn outlives(scene: &Scene, (recipe, end): (&Recipe, Date), other: &Recipe) -> Option<Finding> {
    let other_end = self::end(scene, other)?;
    // That it ended already is a finding of its own.
    if other_end >= end || other_end.seconds() < scene.recipes.release.epoch {
        return None;
    }
    let (name, kind) = (&recipe.name, recipe.kind.name());
    let message = format!(
        "{kind} {name} is promised until {end}, but {} {}, which it stands on, ends on {other_end}",
        other.kind.name(),
        other.name
    );
    Some(Finding::new(recipe, Severity::Warning, "outlives", message).at(place(recipe)))
}

/// What a recipe is made of, and the modules that a module requires.
fn stands_on<'a>(scene: &Scene<'a>, recipe: &Recipe) -> Vec<&'a Recipe> {
    let mut found: Vec<&Recipe> = Vec::new();
    for name in recipe.uses() {
        found.extend(scene.recipes.get(&name));
    }
    let part = scene.part(&recipe.name);
    let document = part.and_then(|part| part.holding.document.as_ref());
    for (name, wanted) in document.iter().flat_map(|d| &d.requires).flatten() {
        for (other, holding) in &scene.holdings.modules {
            let document = holding.document.as_ref();
            if document.is_some_and(|d| d.name == *name && streams::fits(d, wanted)) {
                found.extend(scene.recipes.get(other));
            }
        }
    }
    found
}

/// The day on which the recipe's life ends, else the last day that a modulemd document names.
fn end(scene: &Scene, recipe: &Recipe) -> Option<Date> {
    let written = recipe.lifecycle.as_ref().and_then(|life| life.eol);
    if written.is_some() || !matches!(recipe.kind, Kind::Module(_)) {
        return written;
    }
    let part = scene.part(&recipe.name)?;
    let levels = &part.holding.document.as_ref()?.service_levels;
    levels.values().filter_map(|day| date(day)).max()
}

fn date(text: &str) -> Option<Date> {
    let mut parts = text.splitn(3, '-');
    let date = Date {
        year: parts.next()?.parse().ok()?,
        month: parts.next()?.parse().ok()?,
        day: parts.next()?.parse().ok()?,
    };
    let sane = (1970..=9999).contains(&date.year)
        && (1..=12).contains(&date.month)
        && (1..=31).contains(&date.day);
    sane.then_some(date)
}

fn place(recipe: &Recipe) -> Place {
    let places = &recipe.places;
    let known = places.of("lifecycle.eol", "").or(places.of("modulemd", ""));
    known.cloned().unwrap_or_else(|| Place::start(&recipe.file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_read_as_modulemd_writes_it() {
        let day = date("2031-11-30").map(|date| date.to_string());
        assert_eq!(day.as_deref(), Some("2031-11-30"));
        for text in [
            "",
            "soon",
            "2031-11",
            "2031-13-01",
            "1-1-1",
            "2031-11-30T00",
        ] {
            assert_eq!(date(text), None, "{text}");
        }
    }
}
