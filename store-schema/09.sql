-- What the indexes of a repository say of a package, by the key of the import that says all of it: the last that were read.
create table element (
  id integer primary key,
  key blob not null unique check (length(key) = 32),
  bytes blob not null
) strict;
