-- Where the raw deflate stream of a blob is: in another blob, behind so many bytes. A collector keeps one of the two.
create table stream (
  blob integer not null references object (id),
  object integer not null references object (id),
  at integer not null check (at >= 0),
  primary key (blob, object)
) strict, without rowid;
