-- Which packages the files of a directory are, a row for each group of neighbours: what `stamp` and `brief` say one by one.
create table card (
  directory blob not null check (length(directory) = 32),
  -- of the stamps of its files
  key blob not null check (length(key) = 32),
  bytes blob not null,
  primary key (directory, key)
) strict, without rowid;
