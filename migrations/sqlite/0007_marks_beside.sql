-- The PostgreSQL file of the same number changes nothing.

-- The marks are in a file beside this one. Where that is made, everything in hand counts as in transfer.
alter table outbox drop column in_transfer;
