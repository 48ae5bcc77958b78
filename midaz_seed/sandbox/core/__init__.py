"""Values and rules without HTTP and storage: decimals, dates, ids, the double-entry core, dialects, error codes."""
