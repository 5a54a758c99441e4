//! Named points between the steps of what must survive being killed.
//!
//! They do nothing, unless a test says otherwise once, before the store is used.

use std::sync::OnceLock;

static HOOK: OnceLock<fn(&str)> = OnceLock::new();

/// Every point, in the order in which a run passes them.
pub const POINTS: &[&str] = &[
    "lease.looked",
    "batch.before-sync",
    "batch.synced",
    "batch.placing",
    "batch.placed",
    "batch.before-index",
    "batch.indexed",
    "root.written",
    "root.before-rename",
    "root.renamed",
    "view.written",
    "view.built",
    "view.moved",
    "view.placed",
    "gc.looking",
    "gc.marked",
    "gc.before-condemn",
    "gc.condemned",
    "gc.unlinking",
    "gc.unlinked",
    "gc.views",
    "gc.compressing",
    "gc.compressed",
    "gc.done",
];

/// Has `hook` called at every point from now on; false if there is one already.
pub fn set(hook: fn(&str)) -> bool {
    HOOK.set(hook).is_ok()
}

pub fn point(name: &str) {
    debug_assert!(POINTS.contains(&name), "{name} is not in the list");
    if let Some(hook) = HOOK.get() {
        hook(name);
    }
}
