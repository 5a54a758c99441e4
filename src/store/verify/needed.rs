//! What would be missed of what is damaged.

use super::{Damage, Verifier, What};
use crate::ids::TraceId;
use crate::store::error::Result;
use crate::store::gc::Marks;
use crate::store::index::{Rows, State, Type};
use crate::store::layout::Kind;

/// Who needs what is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Needed {
    /// Nothing: no generation was made of it.
    ByNothing,
    /// Generations whose bytes were collected, or what others were made from: it tells of them.
    ByHistory,
    /// Something that is kept.
    ByKept,
}

impl Verifier<'_> {
    /// Says of each damaged object who needs it; where roots or leases can't be read, that somebody may.
    pub(super) fn tell_needed(&self, damaged: &mut [Damage]) -> Result<()> {
        let is_object = |damage: &Damage| matches!(damage.what, What::Object(_));
        if !damaged.iter().any(is_object) {
            return Ok(());
        }
        let layout = self.store.layout();
        let mut kept = Marks::new(layout, self.index, &Default::default())?;
        let mut history = Marks::of_history(layout, self.index)?;
        if kept.absorb(false).is_err() || history.absorb(false).is_err() {
            return Ok(());
        }
        let mut gone = Rows::default();
        self.index.every_blob(|object| {
            if object.state == State::Gone {
                gone.insert(object.row);
            }
        })?;
        for damage in damaged.iter_mut().filter(|damage| is_object(damage)) {
            damage.needed = self.needed(damage, &kept, &history, &gone)?;
        }
        Ok(())
    }

    fn needed(
        &self,
        damage: &Damage,
        kept: &Marks,
        history: &Marks,
        gone: &Rows,
    ) -> Result<Needed> {
        let mut needed = Needed::ByNothing;
        if let (What::Object(Kind::Trace), Some(id)) = (damage.what, damage.id)
            && let Some(row) = self.index.trace_row(TraceId(id))?
        {
            // Whoever realizes the newest generation again looks for the traces below it.
            needed = match (kept.follows(row), history.follows(row)) {
                (true, _) => return Ok(Needed::ByKept),
                (_, true) => Needed::ByHistory,
                _ => Needed::ByNothing,
            };
        }
        // Beside a generation, below no entry: what it was drawn from.
        if let (What::Object(Kind::Blob | Kind::Assembly), Some(id)) = (damage.what, damage.id)
            && let Some(object) = self.index.object(Type::Blob, id)?
            && kept.needs(object.row)
        {
            return Ok(Needed::ByKept);
        }
        for &entry in &damage.entries {
            let Some(row) = self.index.entry_row(entry)? else {
                continue;
            };
            let mut whole = true;
            self.index
                .each_below(row, |row| whole &= !gone.contains(row))?;
            if kept.is_used(row) || (kept.has(row) && whole) {
                return Ok(Needed::ByKept);
            }
            if history.has(row) {
                needed = Needed::ByHistory;
            }
        }
        Ok(needed)
    }
}
