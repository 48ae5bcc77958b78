"""People, companies, institutions and addresses, from tables of our own."""
