"""What a run keeps on disk: run record, journal, rejects and report. Sending requests lives in `engine`."""
