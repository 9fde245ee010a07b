"""The ledger: what was downloaded, by whom, under which licence and credit."""
