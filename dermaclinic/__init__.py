"""The clinic as a whole: settings, accounts, audit, the bell and the URLs."""
