"""The speed of what embedreg computes, beside its peers, in one run on one machine: raw seconds kept, tables made from them."""
