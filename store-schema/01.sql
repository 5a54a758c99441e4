-- The index of a store; what each table is for, and who is right about it, is in README.md.

-- Everything under objects/, and what was there once.
create table object (
  id integer primary key,
  -- 0 blob, 1 tree, 2 entry
  kind integer not null check (kind in (0, 1, 2)),
  hash blob not null check (length(hash) = 32),
  -- 0 its own bytes, 1 an assembly of other blobs
  form integer not null check (form in (0, 1)),
  -- bytes of the file that holds it, and bytes that it stands for; they differ for assemblies
  size integer not null check (size >= 0),
  length integer not null check (length >= 0),
  -- 0 live, 1 condemned, 2 gone, 3 damaged
  state integer not null check (state in (0, 1, 2, 3)),
  -- seconds since 1970 from which a condemned one may be unlinked
  due integer,
  check ((state = 1) = (due is not null)),
  check (form = 0 or kind = 0),
  unique (kind, hash)
) strict;

create index object_not_live on object (id, state) where state <> 0;

-- The blobs that an assembly is read from.
create table part (
  assembly integer not null references object (id) on delete cascade,
  blob integer not null references object (id),
  primary key (assembly, blob)
) strict, without rowid;

create index part_blob on part (blob);

-- For each entry the blobs and trees below it, as ascending object ids in delta varints:
-- what is live, and what is complete, is found without opening a tree.
create table entry (
  object integer primary key references object (id) on delete cascade,
  contents blob not null
) strict;

-- Targets are hashes: a record may name what is not here any more.
create table reference (
  entry integer not null references entry (object) on delete cascade,
  target blob not null check (length(target) = 32),
  primary key (entry, target)
) strict, without rowid;

create table trace (
  id integer primary key,
  hash blob not null unique check (length(hash) = 32),
  key blob not null check (length(key) = 32),
  -- modification time of its file in nanoseconds: the order of the history
  made integer not null,
  size integer not null check (size >= 0)
) strict;

create index trace_key on trace (key, made, hash);

create table input (
  trace integer not null references trace (id) on delete cascade,
  role text not null,
  entry blob not null check (length(entry) = 32),
  primary key (trace, role, entry)
) strict, without rowid;

create table output (
  trace integer not null references trace (id) on delete cascade,
  name text not null,
  entry blob not null check (length(entry) = 32),
  primary key (trace, name)
) strict, without rowid;

create index output_entry on output (entry);

-- Files of directory sources that were hashed before.
create table stamp (
  device integer not null,
  inode integer not null,
  size integer not null,
  mtime integer not null,
  ctime integer not null,
  entry blob not null check (length(entry) = 32),
  primary key (device, inode)
) strict, without rowid;

-- Counts the roots written: its update, at full sync, makes all earlier commits durable.
create table barrier (
  id integer primary key check (id = 1),
  passed integer not null
) strict;

insert into barrier values (1, 0);
