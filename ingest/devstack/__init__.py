"""The whole stack on one machine: its servers, its supervisor, the demo and the simulation."""
