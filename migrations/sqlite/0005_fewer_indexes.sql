-- What is in hand is little: who looks for ended leases reads all of it, and each claim writes one index less.
drop index outbox_leased;
