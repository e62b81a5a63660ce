"""What every layer shares: records, protocols, errors, progress and files. Imports nothing of ours."""
