-- Packages that were found to be signed by one of some keys; `keys` is the hash of those, and of the rules they are read by.
create table signed (
  keys blob not null check (length(keys) = 32),
  entry blob not null check (length(entry) = 32),
  primary key (keys, entry)
) strict, without rowid;
