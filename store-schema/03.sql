-- What collecting follows, as one row of numbers for each entry and trace, instead of a row and a hash for each edge.
--
-- A list is object ids, ascending, in four bytes each, the highest byte first.

-- What was only named so far gets a number too. It is gone, as what was collected is.
insert or ignore into object (kind, hash, form, size, length, state)
  select 2, target, 0, 0, 0, 2 from reference
  union select 2, entry, 0, 0, 0, 2 from input
  union select 2, entry, 0, 0, 0, 2 from output;

-- The entries that an entry refers to; most refer to none, and have no row.
create table refers (
  entry integer primary key references entry (object) on delete cascade,
  entries blob not null check (length(entries) > 0 and length(entries) % 4 = 0)
) strict;

insert into refers (entry, entries)
  select reference.entry, unhex(group_concat(printf('%08x', object.id), '' order by object.id))
  from reference join object on object.kind = 2 and object.hash = reference.target
  group by reference.entry;

-- The entries that went into a step, and those that came out.
create table step (
  trace integer primary key references trace (id) on delete cascade,
  inputs blob not null check (length(inputs) % 4 = 0),
  outputs blob not null check (length(outputs) % 4 = 0)
) strict;

insert into step (trace, inputs, outputs)
  select trace.id,
    coalesce((select unhex(group_concat(printf('%08x', id), '' order by id)) from (
      select distinct object.id as id from input
      join object on object.kind = 2 and object.hash = input.entry where input.trace = trace.id)), x''),
    coalesce((select unhex(group_concat(printf('%08x', id), '' order by id)) from (
      select distinct object.id as id from output
      join object on object.kind = 2 and object.hash = output.entry where output.trace = trace.id)), x'')
  from trace;

-- The traces that an entry came out of: `step.outputs` the other way round.
create table made (
  entry integer not null references object (id),
  trace integer not null references trace (id) on delete cascade,
  primary key (entry, trace)
) strict, without rowid;

insert into made (entry, trace)
  select distinct object.id, output.trace from output
  join object on object.kind = 2 and object.hash = output.entry;

drop table reference;
drop table input;
drop table output;
