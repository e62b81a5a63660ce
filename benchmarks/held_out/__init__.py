"""Tasks of the kinds of `embedreg.tasks` on which no choice was made, from public sources."""
