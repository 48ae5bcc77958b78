"""Run the ledgers in several processes and merge the results. The process itself is `midaz_seed.shard_worker`."""
