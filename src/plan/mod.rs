//! What has to be done? A pure function of recipes, lock and facts.
//!
//! ```text
//! Recipes + Known ──▶ Plan { steps, artifacts, waiting }          Step + entries of its inputs ──▶ Derivation ──▶ key
//! ```
//!
//! Where a fact is missing, the plan is the steps that would produce it ([`Plan::waiting`]);
//! whoever realizes them plans again, knowing more.

mod base;
mod command;
mod compose;
pub mod derivation;
mod disk;
mod error;
pub mod facts;
pub mod holding;
mod image;
mod installer;
pub mod known;
mod manifest;
mod module;
mod offer;
mod ostree;
mod package;
pub mod parameters;
mod planner;
mod remedy;
mod repository;
mod root;
pub mod solve;
pub mod step;
pub mod streams;
mod why;

pub use derivation::{Derivation, Input};
pub use error::{Error, not_offered, of_module};
pub use holding::{Held, Holding, Holdings, holdings};
pub use known::{
    Catalog, CatalogError, Known, Offer, Outcome, Repository, SourcePackage, together,
};
pub use planner::{check, plan};
pub use remedy::Remedy;
pub use step::{Drawn, From, Needed, Plan, Solved, Step, StepId};
pub use why::{Why, Whys};
