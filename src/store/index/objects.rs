//! Rows of the tables `object`, `part`, `entry` and `refers`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::super::error::{Error, Result};
use super::super::layout::Kind;
use super::super::trace::Trace;
use super::numbers::Numbers;
use super::traces::{self, NewTrace};
use super::{Contents, Index, damaged, failed, rows};
use crate::ids::{BlobId, EntryId, Hash, TreeId};

/// What an object is, as far as its id is concerned: an assembly is a way to hold a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, std::hash::Hash)]
pub(crate) enum Type {
    Blob = 0,
    Tree = 1,
    Entry = 2,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Own = 0,
    Assembly = 1,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Live = 0,
    /// To be unlinked by a collector, unless somebody needs it before.
    Condemned = 1,
    /// Collected, or known by name only.
    Gone = 2,
    /// Found to be other than its name says.
    Damaged = 3,
}

/// A row of the table `object`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Object {
    pub row: i64,
    pub of: Type,
    pub hash: Hash,
    pub form: Form,
    pub size: u64,
    pub length: u64,
    pub state: State,
    pub due: Option<i64>,
}

impl Object {
    pub fn kind(&self) -> Kind {
        match (self.of, self.form) {
            (Type::Blob, Form::Own) => Kind::Blob,
            (Type::Blob, Form::Assembly) => Kind::Assembly,
            (Type::Tree, _) => Kind::Tree,
            (Type::Entry, _) => Kind::Entry,
        }
    }
}

/// An object on its way in, as its file is.
#[derive(Debug, Clone)]
pub(crate) struct NewObject {
    pub kind: Kind,
    pub hash: Hash,
    pub size: u64,
    pub length: u64,
    /// Of an assembly: the blobs it is read from.
    pub parts: BTreeSet<BlobId>,
    /// Of an entry: what is below it.
    pub below: Option<Below>,
    /// Of a trace: itself.
    pub trace: Option<Arc<Trace>>,
}

/// What is below an entry.
#[derive(Debug, Clone, Default)]
pub(crate) struct Below {
    pub blobs: BTreeMap<BlobId, u64>,
    pub trees: BTreeSet<TreeId>,
    pub references: BTreeSet<EntryId>,
}

/// The ids of objects that are not live, as of the last look.
#[derive(Default)]
pub(crate) struct NotLive(Option<(i64, Arc<Absent>)>);

/// What is not live.
#[derive(Debug, Default)]
pub(crate) struct Absent {
    pub rows: BTreeSet<i64>,
    /// Whether a collector has condemned anything that is still to be unlinked.
    pub condemned: bool,
}

impl NotLive {
    pub fn forget(&mut self) {
        self.0 = None;
    }
}

/// An entry, and what the index has of it.
#[derive(Debug)]
pub(crate) struct Standing {
    pub entry: EntryId,
    pub object: Object,
    pub contents: Contents,
    pub references: Vec<EntryId>,
}

pub(super) const COLUMNS: &str = "id, kind, hash, form, size, length, state, due";

const PLACE: &str = "insert into object (kind, hash, form, size, length, state)
    values (?1, ?2, ?3, ?4, ?5, 0)
    on conflict (kind, hash) do update set
      form = excluded.form, size = excluded.size, length = excluded.length, state = 0, due = null
    returning id";

const NAME: &str = "insert into object (kind, hash, form, size, length, state)
    values (?1, ?2, 0, ?3, ?3, 2) returning id";

const ROW: &str = "select id from object where kind = ?1 and hash = ?2";

const REFERS: &str = "insert into refers (entry, entries) values (?1, ?2)
    on conflict (entry) do update set entries = excluded.entries";

/// An assembly is as good as the worst of its parts.
const NOT_LIVE: &str = "with recursive bad (id) as (
      select id from object where state <> 0
      union select part.assembly from bad join part on part.blob = bad.id)
    select id from bad";

const CONDEMNED: &str = "select exists (select 1 from object where state <> 0 and state = 1)";

const STANDING: &str =
    "select object.id, object.kind, object.hash, object.form, object.size, object.length,
      object.state, object.due, entry.contents, refers.entries
    from object join entry on entry.object = object.id left join refers on refers.entry = object.id
    where object.kind = 2 and object.hash = ?1";

const SUFFERING: &str = "with recursive bad (id) as (
      select id from object where state <> 0 and state = 3
      union select part.assembly from bad join part on part.blob = bad.id)
    select id from bad";

/// Entries that were only named are none.
const ENTRIES: &str = "select hash from object where kind = 2
    and exists (select 1 from entry where entry.object = object.id) order by hash";

const LIKE: &str = "select hash from object where kind = 2 and hash between ?1 and ?2
    and exists (select 1 from entry where entry.object = object.id) order by hash limit 50";

pub(super) fn object(row: &Row) -> rusqlite::Result<Object> {
    let size: i64 = row.get(4)?;
    let length: i64 = row.get(5)?;
    Ok(Object {
        row: row.get(0)?,
        of: match row.get::<_, u8>(1)? {
            0 => Type::Blob,
            1 => Type::Tree,
            _ => Type::Entry,
        },
        hash: Hash::from_bytes(row.get(2)?),
        form: match row.get::<_, u8>(3)? {
            0 => Form::Own,
            _ => Form::Assembly,
        },
        size: size as u64,
        length: length as u64,
        state: match row.get::<_, u8>(6)? {
            0 => State::Live,
            1 => State::Condemned,
            2 => State::Gone,
            _ => State::Damaged,
        },
        due: row.get(7)?,
    })
}

fn type_of(kind: Kind) -> Type {
    match kind {
        Kind::Tree => Type::Tree,
        Kind::Entry => Type::Entry,
        Kind::Blob | Kind::Assembly | Kind::Trace => Type::Blob,
    }
}

/// The row of an object that is only spoken of; gone, unless it was here already.
fn name(
    t: &Transaction,
    numbers: &mut Numbers,
    of: Type,
    hash: Hash,
    length: u64,
) -> rusqlite::Result<i64> {
    if let Some(row) = numbers.get(of, hash) {
        return Ok(row);
    }
    // Most are here. An upsert would write each of them anew, into the journal too.
    let row = t
        .prepare_cached(ROW)?
        .query_row(params![of as u8, hash.as_bytes()], |row| row.get(0))
        .optional()?;
    let row = match row {
        Some(row) => row,
        None => {
            let new = params![of as u8, hash.as_bytes(), length as i64];
            t.prepare_cached(NAME)?.query_row(new, |row| row.get(0))?
        }
    };
    numbers.see(of, hash, row);
    Ok(row)
}

/// Entries as a list of their rows.
pub(super) fn named<'a>(
    t: &Transaction,
    numbers: &mut Numbers,
    entries: impl IntoIterator<Item = &'a EntryId>,
) -> rusqlite::Result<Vec<u8>> {
    let mut row = |entry: &EntryId| name(t, numbers, Type::Entry, entry.0, 0);
    rows::encode(
        &entries
            .into_iter()
            .map(&mut row)
            .collect::<Result<_, _>>()?,
    )
}

fn place(t: &Transaction, numbers: &mut Numbers, new: &NewObject) -> rusqlite::Result<()> {
    let of = type_of(new.kind);
    let form = match new.kind {
        Kind::Assembly => Form::Assembly,
        _ => Form::Own,
    };
    let row = params![
        of as u8,
        new.hash.as_bytes(),
        form as u8,
        new.size as i64,
        new.length as i64
    ];
    let id: i64 = t.prepare_cached(PLACE)?.query_row(row, |row| row.get(0))?;
    if of == Type::Blob {
        t.prepare_cached("delete from part where assembly = ?1")?
            .execute([id])?;
    }
    for part in &new.parts {
        let part = name(t, numbers, Type::Blob, part.0, 0)?;
        t.prepare_cached("insert into part (assembly, blob) values (?1, ?2)")?
            .execute([id, part])?;
    }
    match &new.below {
        Some(below) => place_entry(t, numbers, id, below),
        None => Ok(()),
    }
}

fn place_entry(
    t: &Transaction,
    numbers: &mut Numbers,
    id: i64,
    below: &Below,
) -> rusqlite::Result<()> {
    let mut ids = BTreeSet::new();
    for (blob, length) in &below.blobs {
        ids.insert(name(t, numbers, Type::Blob, blob.0, *length)?);
    }
    for tree in &below.trees {
        ids.insert(name(t, numbers, Type::Tree, tree.0, 0)?);
    }
    t.prepare_cached(
        "insert into entry (object, contents) values (?1, ?2)
         on conflict (object) do update set contents = excluded.contents",
    )?
    .execute(params![id, Contents::new(ids).encode()])?;
    if below.references.is_empty() {
        return Ok(());
    }
    t.prepare_cached(REFERS)?
        .execute(params![id, named(t, numbers, &below.references)?])
        .map(drop)
}

fn find(c: &Connection, of: Type, hash: Hash) -> rusqlite::Result<Option<Object>> {
    find_each(c, of, &[hash]).map(|mut found| found.pop().flatten())
}

fn find_each(c: &Connection, of: Type, hashes: &[Hash]) -> rusqlite::Result<Vec<Option<Object>>> {
    let sql = format!("select {COLUMNS} from object where kind = ?1 and hash = ?2");
    let mut statement = c.prepare_cached(&sql)?;
    let mut find = |hash: &Hash| {
        let found = statement.query_row(params![of as u8, hash.as_bytes()], object);
        found.optional()
    };
    hashes.iter().map(&mut find).collect()
}

/// Hands on the first and the last of neighbours: what was written together mostly goes together.
fn each_run(
    rows: impl Iterator<Item = i64>,
    mut each: impl FnMut(i64, i64) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let rows: Vec<i64> = rows.collect();
    let mut runs = rows.chunk_by(|row, next| row + 1 == *next);
    runs.try_for_each(|some| each(some[0], some[some.len() - 1]))
}

impl Index {
    /// Names what was placed. Blobs come before the assemblies and trees before the entries that need them.
    pub fn commit(&self, objects: &[&NewObject], traces: &[NewTrace]) -> Result<()> {
        // Not held meanwhile: who looks something up notes what it finds.
        let lock = || self.numbers.lock().expect("no panic while held");
        let mut numbers = std::mem::take(&mut *lock());
        let committed = self.change("committing a batch", false, |t| {
            let mut placed = objects.iter();
            placed.try_for_each(|new| place(t, &mut numbers, new))?;
            let mut made = traces.iter();
            made.try_for_each(|new| traces::insert(t, &mut numbers, new))
        });
        numbers.end(committed.is_ok());
        let mut meanwhile = lock();
        std::mem::swap(&mut *meanwhile, &mut numbers);
        meanwhile.join(numbers);
        committed
    }

    pub fn object(&self, of: Type, hash: Hash) -> Result<Option<Object>> {
        let found = self.look_up("looking up an object", |c| find(c, of, hash))?;
        self.note(found.iter());
        Ok(found)
    }

    pub fn objects_of(&self, of: Type, hashes: &[Hash]) -> Result<Vec<Option<Object>>> {
        let find = |c: &Connection, hashes: &[Hash]| find_each(c, of, hashes);
        let found = self.look_up_each("looking up objects", hashes, find)?;
        self.note(found.iter().flatten());
        Ok(found)
    }

    /// Remembers the rows of objects that were found.
    fn note<'o>(&self, objects: impl Iterator<Item = &'o Object>) {
        let mut numbers = self.numbers.lock().expect("no panic while held");
        objects.for_each(|object| numbers.note(object));
    }

    pub fn objects_by_row(&self, rows: &BTreeSet<i64>) -> Result<Vec<Object>> {
        let sql = format!("select {COLUMNS} from object where id = ?1");
        self.ask_at_once("looking up objects", |c| {
            let mut statement = c.prepare_cached(&sql)?;
            rows.iter()
                .map(|row| statement.query_row([row], object))
                .collect()
        })
    }

    /// Hands every object to `each`, in the order of rows.
    pub fn every_object(&self, each: impl FnMut(Object)) -> Result<()> {
        self.each_object("", each)
    }

    /// Hands every blob to `each`, in the order of rows.
    pub fn every_blob(&self, each: impl FnMut(Object)) -> Result<()> {
        self.each_object("where kind = 0", each)
    }

    fn each_object(&self, filter: &str, mut each: impl FnMut(Object)) -> Result<()> {
        let sql = format!("select {COLUMNS} from object {filter} order by id");
        self.ask("listing objects", |c| {
            let mut statement = c.prepare(&sql)?;
            let mut rows = statement.query(())?;
            while let Some(row) = rows.next()? {
                each(object(row)?);
            }
            Ok(())
        })
    }

    /// For each assembly the rows of its parts.
    pub fn parts(&self) -> Result<BTreeMap<i64, Vec<i64>>> {
        self.ask("listing assemblies", |c| {
            let mut parts: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
            let mut statement = c.prepare_cached("select assembly, blob from part")?;
            let mut rows = statement.query(())?;
            while let Some(row) = rows.next()? {
                parts.entry(row.get(0)?).or_default().push(row.get(1)?);
            }
            Ok(parts)
        })
    }

    pub fn parts_of(&self, assembly: i64) -> Result<Vec<i64>> {
        self.ask("looking up parts", |c| {
            c.prepare_cached("select blob from part where assembly = ?1")?
                .query_map([assembly], |row| row.get(0))?
                .collect()
        })
    }

    /// The rows below an entry; `None` if the entry is not known.
    pub fn contents(&self, entry: EntryId) -> Result<Option<(Object, Contents)>> {
        let found = self.ask("looking up an entry", |c| {
            let Some(object) = find(c, Type::Entry, entry.0)? else {
                return Ok(None);
            };
            let bytes: Option<Vec<u8>> = c
                .prepare_cached("select contents from entry where object = ?1")?
                .query_row([object.row], |row| row.get(0))
                .optional()?;
            Ok(bytes.map(|bytes| (object, bytes)))
        })?;
        let Some((object, bytes)) = found else {
            return Ok(None);
        };
        match Contents::decode(&bytes) {
            Some(contents) => Ok(Some((object, contents))),
            None => Err(self.bad_contents(entry)),
        }
    }

    pub fn references(&self, entry: EntryId) -> Result<Vec<EntryId>> {
        const SQL: &str = "select refers.entries from refers
            join object on object.id = refers.entry
            where object.kind = 2 and object.hash = ?1";
        self.ask("looking up references", |c| traces::listed(c, SQL, entry.0))
    }

    pub fn all_entries(&self) -> Result<Vec<EntryId>> {
        self.ask("listing entries", |c| {
            c.prepare_cached(ENTRIES)?
                .query_map((), |row| Ok(EntryId(Hash::from_bytes(row.get(0)?))))?
                .collect()
        })
    }

    /// Entries whose hashes lie between two bounds, at most fifty.
    pub fn entries_between(&self, low: [u8; 32], high: [u8; 32]) -> Result<Vec<EntryId>> {
        self.ask("looking up a prefix", |c| {
            c.prepare_cached(LIKE)?
                .query_map([low, high], |row| {
                    Ok(EntryId(Hash::from_bytes(row.get(0)?)))
                })?
                .collect()
        })
    }

    /// Hands entries and all that they refer to to `each`, every one once, as of one moment; leaves out what is not known.
    pub fn stand(&self, entries: &[EntryId], mut each: impl FnMut(Standing)) -> Result<()> {
        let mut rows = Vec::new();
        let bad = self.ask_at_once("looking up entries", |c| {
            let mut statement = c.prepare_cached(STANDING)?;
            let mut hash = c.prepare_cached("select hash from object where id = ?1")?;
            let mut seen: BTreeSet<EntryId> = entries.iter().copied().collect();
            let mut queue: Vec<EntryId> = seen.iter().copied().collect();
            while let Some(entry) = queue.pop() {
                let mut found = statement.query([entry.0.as_bytes()])?;
                let Some(row) = found.next()? else {
                    continue;
                };
                let Some(contents) = Contents::decode(row.get_ref(8)?.as_blob()?) else {
                    return Ok(Some(entry));
                };
                let list = row.get_ref(9)?.as_blob_or_null()?.unwrap_or_default();
                let references = rows::decode(list)
                    .map(|row| hash.query_row([row], |row| row.get(0)))
                    .map(|found| Ok(EntryId(Hash::from_bytes(found?))))
                    .collect::<rusqlite::Result<Vec<_>>>()?;
                let more = references.iter().filter(|&&entry| seen.insert(entry));
                queue.extend(more);
                let object = object(row)?;
                rows.push(object);
                each(Standing {
                    entry,
                    object,
                    contents,
                    references,
                });
            }
            Ok(None)
        })?;
        self.note(rows.iter());
        match bad {
            Some(entry) => Err(self.bad_contents(entry)),
            None => Ok(()),
        }
    }

    fn bad_contents(&self, entry: EntryId) -> Error {
        damaged(&self.path, &format!("has a bad list for entry {entry}"))
    }

    /// What is not live. Cheap: it is little, and remembered until anybody writes.
    pub fn absent(&self) -> Result<Arc<Absent>> {
        // Held throughout, so that an older list is not kept in place of a newer one.
        let mut cache = self.not_live.lock().expect("no panic while held");
        // Always the same connection: each counts the changes of the others.
        let connection = self.beside().lock().expect("no panic while held");
        let mut look = || -> rusqlite::Result<Arc<Absent>> {
            let version = connection
                .prepare_cached("pragma data_version")?
                .query_row((), |row| row.get(0))?;
            if let Some((at, absent)) = &cache.0
                && *at == version
            {
                return Ok(absent.clone());
            }
            let moment = connection.unchecked_transaction()?;
            let rows = moment
                .prepare_cached(NOT_LIVE)?
                .query_map((), |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            let condemned = moment
                .prepare_cached(CONDEMNED)?
                .query_row((), |row| row.get(0))?;
            moment.commit()?;
            let absent = Arc::new(Absent { rows, condemned });
            cache.0 = Some((version, absent.clone()));
            Ok(absent)
        };
        look().map_err(|e| failed(&self.path, "listing what is not live", e))
    }

    /// Of some rows those that are not live.
    pub fn not_live(&self, rows: impl Iterator<Item = i64>) -> Result<Vec<i64>> {
        let absent = self.absent()?;
        Ok(rows.filter(|row| absent.rows.contains(row)).collect())
    }

    /// What is damaged, and what is read from that.
    pub fn suffering(&self) -> Result<BTreeSet<i64>> {
        self.ask("listing what is damaged", |c| {
            c.prepare_cached(SUFFERING)?
                .query_map((), |row| row.get(0))?
                .collect()
        })
    }

    /// Sets the state of objects.
    ///
    /// Condemning is done at full sync: a file must not go before the index knows that it may.
    /// The other changes may be forgotten: what is condemned is looked for on disk before it is trusted.
    pub fn set_state(
        &self,
        rows: impl Iterator<Item = i64>,
        state: State,
        due: Option<i64>,
    ) -> Result<()> {
        let durably = state == State::Condemned;
        self.change("changing states", durably, |t| {
            let mut statement = t.prepare_cached(
                "update object set state = ?3, due = ?4 where id between ?1 and ?2",
            )?;
            each_run(rows, |first, last| {
                let params = params![first, last, state as u8, due];
                statement.execute(params).map(drop)
            })
        })
    }

    /// Changes one state to another, where it still is that one: of those who share the swap lock,
    /// another may have written an object anew since it was looked at.
    pub fn turn(&self, rows: impl Iterator<Item = i64>, from: State, to: State) -> Result<()> {
        self.change("changing states", false, |t| {
            let mut statement = t.prepare_cached(
                "update object set state = ?4, due = null where id between ?1 and ?2 and state = ?3",
            )?;
            each_run(rows, |first, last| {
                let params = params![first, last, from as u8, to as u8];
                statement.execute(params).map(drop)
            })
        })
    }
}
