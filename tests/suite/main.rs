//! The suite: one binary, so that the library is linked once.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "tests stop at the first surprise, and say what they left out"
)]

mod attack;
mod canonical;
mod cards;
mod cli;
mod cli_sources;
mod command;
mod command_contained;
mod compose;
mod crash;
mod crowd;
mod damage;
mod deflated;
mod diff;
mod disk;
mod disk_boot;
mod edition;
mod edition_clients;
mod ext4;
mod fat;
mod faults;
mod fetch;
mod fetch_repository;
mod fetch_tls;
mod fuzz;
mod gc;
mod gc_compress;
mod gc_races;
mod golden;
mod image;
mod image_base;
mod image_clients;
mod image_host;
mod image_layers;
mod image_real;
mod installer;
mod iso;
mod layers;
mod licences;
mod lint;
mod lint_judge;
mod loaders;
mod lock;
mod log;
mod migration;
mod modulemd;
mod origin;
mod ostree;
mod overlay;
mod progress;
mod recipe;
mod remote;
mod repodata;
mod repodata_read;
mod reuse;
mod root;
mod root_conflicts;
mod root_real;
mod rpm;
mod rpm_compose;
mod rpm_header;
mod rpm_judge;
mod rpm_payload;
mod rpm_write;
mod rpmdb;
mod shipped;
mod signatures;
mod signatures_real;
mod signatures_source;
mod signatures_v6;
mod solve;
mod solve_choice;
mod solve_dnf;
mod solve_libsolv;
mod solve_modules;
mod solve_real;
mod squashfs;
mod stop;
mod store_batch;
mod store_crash;
mod store_disk;
mod store_packed;
mod store_verify;
mod store_view;
mod support;
mod tizen;
mod trouble;
mod two_speeds;
mod users;
mod written_form;
