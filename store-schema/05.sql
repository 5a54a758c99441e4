-- How long steps took lately, to say how long others will take. Lost with the index, and told anew by the next steps.
--
-- `topic` is what a step works on, whatever its version: a package's name, an artifact. Empty for all of a kind.
create table took (
  kind text not null check (kind <> ''),
  topic text not null,
  -- steps that were counted
  count integer not null check (count > 0),
  -- their mean, in which the last ones weigh more
  seconds real not null check (seconds >= 0),
  primary key (kind, topic)
) strict, without rowid;
