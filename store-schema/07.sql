-- Where the raw deflate stream of a blob is: in another blob, behind so many bytes. A collector keeps one of the two.
create table stream (
  blob integer not null references object (id),
  object integer not null references object (id),
  at integer not null check (at >= 0),
  primary key (blob, object)
) strict, without rowid;

-- In which bundle a piece of a long list lies, by the hash of the piece.
create table piece (
  hash blob primary key check (length(hash) = 32),
  bundle integer not null references object (id),
  nth integer not null check (nth >= 0)
) strict, without rowid;
