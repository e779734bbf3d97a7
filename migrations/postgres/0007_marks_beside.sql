-- Here marks stay in the outbox; in SQLite they get a file of their own.
select 1;
