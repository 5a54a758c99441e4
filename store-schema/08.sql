-- Traces that a look found damaged: objects have a state for that. Lost with the index, and noted by the next look.
create table harmed (
  trace integer primary key references trace (id) on delete cascade
) strict;
