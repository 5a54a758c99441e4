-- What is asked of packages all the time, in short, by the keys of the imports that say it in full.
create table brief (
  key blob primary key check (length(key) = 32),
  bytes blob not null
) strict, without rowid;
