//! A real distribution, composed whole: 499 packages, cut into modules, editions and an atomic host.

mod anywhere;
mod clients;
mod held;
mod media;
mod place;
mod recipes;
mod reuse;

use std::path::{Path, PathBuf};

use store::formats::rpm::{Package, Record};

use crate::support::fixtures;
use place::Place;
use recipes::ARTIFACTS;

/// The folder of packages, and what they say of themselves; `None`, said aloud, where it is not at hand.
fn distribution() -> Option<(PathBuf, Vec<Record>)> {
    let folder = fixtures::folder("repos/tizen3-armv7l/rpms")?
        .canonicalize()
        .ok()?;
    let files = fixtures::packages("repos/tizen3-armv7l/rpms");
    let read = |path: &PathBuf| {
        let bytes = std::fs::read(path).unwrap();
        Package::read(&mut bytes.as_slice()).unwrap().record
    };
    let records: Vec<Record> = files.iter().map(read).collect();
    assert_eq!(records.len(), 499);
    Some((folder, records))
}

/// A directory to work in, that any user may enter.
fn scratch() -> tempfile::TempDir {
    let scratch = tempfile::tempdir().unwrap();
    let all = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(scratch.path(), all).unwrap();
    scratch
}

fn subdirectory(base: &Path, name: &str) -> PathBuf {
    let path = base.join(name);
    std::fs::create_dir(&path).unwrap();
    path
}

#[test]
fn real_clients_agree_on_a_distribution() {
    let Some((folder, records)) = distribution() else {
        return;
    };
    let scratch = scratch();
    let recipes = scratch.path().join("recipes");
    recipes::write(&recipes, &folder, &records);
    let place = Place::new(&scratch.path().join("store"), &recipes);
    let realized = place.realize(&ARTIFACTS);

    let workstation = realized.path("workstation");
    let main = clients::createrepo_agrees(&workstation);
    let addon = clients::createrepo_agrees(&workstation.join("addons/development"));
    // All packages of the folder, and the two that recipes make.
    assert_eq!(main + addon, records.len() + 2);
    clients::createrepo_agrees(&realized.path("server"));
    clients::dnf_agrees(&workstation, &records);
    clients::dnf_installs(&realized.path("server"));
    let planned = clients::planned(&place);
    assert!((60..=150).contains(&planned.len()), "{}", planned.len());
    clients::ostree_agrees(&realized.path("atomic-host"), &planned, scratch.path());
    clients::rpm_verifies(&place, &realized, scratch.path());
}

/// Two directories, two users, and all else that must not matter; then what changes, and what is collected.
#[test]
fn a_distribution_comes_out_the_same_anywhere_and_is_made_again_only_where_it_changed() {
    let Some((folder, records)) = distribution() else {
        return;
    };
    let scratch = scratch();
    let recipes = scratch.path().join("recipes");
    let packages = scratch.path().join("packages");
    anywhere::renamed(&folder, &packages);
    recipes::write(&recipes, &packages, &records);
    let there = anywhere::elsewhere(scratch.path(), &recipes);
    let theirs = there.realize(&ARTIFACTS);

    let packages = subdirectory(scratch.path(), "own");
    for file in fixtures::packages("repos/tizen3-armv7l/rpms") {
        let link = packages.join(file.file_name().unwrap());
        std::os::unix::fs::symlink(file.canonicalize().unwrap(), link).unwrap();
    }
    let recipes = scratch.path().join("again");
    recipes::write(&recipes, &packages, &records);
    let place = Place::new(&scratch.path().join("store"), &recipes);
    let scene = reuse::Scene { place, packages };
    let first = scene.place.realize(&ARTIFACTS);
    assert_eq!(theirs.entries(), first.entries());
    let (ours, theirs) = (
        anywhere::files(&scene.place.store),
        anywhere::files(&there.store),
    );
    assert!(ours.len() > 2000, "only {} files", ours.len());
    let different = ours
        .iter()
        .find(|(path, line)| theirs.get(*path) != Some(line));
    assert_eq!((different, ours.len()), (None, theirs.len()));

    reuse::only_what_a_change_touches_runs_again(&scene);
    reuse::a_diff_names_what_changed(&scene);
    reuse::a_collection_frees_what_it_said(&scene, &first);
}

#[test]
fn every_medium_of_a_distribution_satisfies_its_clients_and_is_the_same_for_another_user() {
    let Some((folder, records)) = distribution() else {
        return;
    };
    let scratch = scratch();
    let recipes = scratch.path().join("recipes");
    recipes::write(&recipes, &folder, &records);
    media::write(&recipes);
    let there = anywhere::elsewhere(scratch.path(), &recipes);
    let theirs = there.realize(&media::ARTIFACTS);
    let here = Place::new(&scratch.path().join("store"), &recipes);
    let ours = here.realize(&media::ARTIFACTS);
    assert_eq!(theirs.entries(), ours.entries());
    media::clients_agree(&ours, scratch.path());
    media::clients_agree(&theirs, &subdirectory(scratch.path(), "theirs"));
}
