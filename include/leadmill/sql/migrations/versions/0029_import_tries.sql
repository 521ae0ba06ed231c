-- A file that ends the process which reads it must not do so for ever.
alter table ledger.lead_files add column tries smallint not null default 0;  -- that ended without a word, and the one now
