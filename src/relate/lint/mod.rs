//! What is amiss in recipes, seen together with what their modules hold?
//!
//! ```text
//! Recipes + Holdings ──▶ Scene ──▶ one check a file ──▶ Findings, sorted
//! ```
//!
//! A pure function: a compose has no clock, so the release's epoch is today.
//! What makes recipes unreadable, or names nothing, is an error when they are loaded, and not repeated here.

mod advice;
mod closure;
mod duplicates;
mod finding;
mod groups;
mod install;
mod life;
mod manifest;
mod modular;
mod scene;
mod sources;
mod streams;
mod unused;

pub use finding::{Finding, Severity};

use crate::ids::Name;
use crate::plan::Holdings;
use crate::recipe::Recipes;
use scene::Scene;

/// Judges artifacts, and what they are made of; every recipe there is, if none is named.
pub fn lint(recipes: &Recipes, names: &[Name], holdings: &Holdings) -> Vec<Finding> {
    let scene = Scene::new(recipes, names, holdings);
    let checks = [
        closure::check,
        duplicates::check,
        groups::check,
        install::check,
        life::check,
        manifest::check,
        modular::check,
        sources::check,
        streams::check,
        unused::check,
    ];
    let mut findings: Vec<Finding> = checks.iter().flat_map(|check| check(&scene)).collect();
    findings.sort();
    findings.dedup();
    findings
}
